"""A supervisor of a machine with 4 GB, whose available memory is the number in a file of its runtime folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hushd_supervisor.__main__ import main
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.system.memory import measure

TOTAL = 4_000_000_000  # bytes

if __name__ == "__main__":
    file = Path(os.environ["HUSHD_RUNTIME_DIR"]) / "available"
    measure.machine = lambda *_: Memory(TOTAL, int(file.read_text() or 0))  # type: ignore[assignment]
    sys.exit(main(sys.argv[sys.argv.index("hushd_supervisor") + 1 :]))
