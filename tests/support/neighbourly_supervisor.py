"""A supervisor whose memory is a number in a file, and whose neighbours are a script: run in front of its command line.

In the folder `street` of its runtime folder are the files of `scripted_neighbours`, and `mode`, its first argument;
where that is `not installed`, the guest that speaks with neighbours is not there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hushd_schema.settings import neighbours as settings
from hushd_supervisor.__main__ import main
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.system import neighbours as rim
from hushd_supervisor.system.memory import measure

TOTAL = 4_000_000_000  # bytes
SCRIPT = Path(__file__).with_name("scripted_neighbours.py")


def furnish(street: Path) -> None:
    """Has memory and neighbours come from the folder."""
    original = rim.Neighbours.__init__

    def made(self: Any, *arguments: Any) -> None:
        original(self, *arguments, lambda: [sys.executable, str(SCRIPT), (street / "mode").read_text(), str(street)])

    rim.Neighbours.__init__ = made  # type: ignore[method-assign]
    if (street / "mode").read_text() == "not installed":
        settings.PACKAGE = "hushd_no_such_package"
    else:
        settings.missing = lambda: ""  # type: ignore[assignment]
    measure.machine = lambda *_: Memory(TOTAL, int((street / "available").read_text()))  # type: ignore[assignment]


if __name__ == "__main__":
    furnish(Path(os.environ["HUSHD_RUNTIME_DIR"]) / "street")
    sys.exit(main(sys.argv[sys.argv.index("hushd_supervisor") + 1 :]))
