"""The default engine's worker, which hears the same samples once in a run: `moonshine_once.py FOLDER FILE …`.

A transcript is a pure function of model, options and samples, so the first process that asks for one has the real
engine make it, and the folder has it for all others, which then need not load the model either. It is for tests whose
claim is what becomes of a transcript; those of how it is made, how long that takes, or what a worker weighs, use
hushd's own worker.

While FILE, if one is named, exists, one piece is transcribed and no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

FOLDER = "HUSHD_TESTS_HEARD"  # names the folder, in the environment of the processes that run tests


def configuration(hold: Path | None = None) -> str:
    """The configuration of a supervisor whose default engine hears through the folder of this run.

    While the file `hold` exists, one piece is transcribed and no other: tests end work in the middle by that.
    """
    program = [sys.executable, "-P", __file__, os.environ[FOLDER], str(hold or "")]
    return f'[worker."stt/moonshine"]\ncommand = {program}\n'


def remembering(transcriber: type, folder: Path, hold: Path | None = None) -> type:
    """Returns a class in place of `transcriber`, whose texts are kept in `folder`; one is made while `hold` exists."""

    class HeardOnce:
        def __init__(self, library: Any, model: Path, architecture: int, options: dict[str, str]) -> None:
            self._load = lambda: transcriber(library, model, architecture, options)
            self._known = repr((str(model), architecture, sorted(options.items()))).encode()

        @cached_property
        def model(self) -> Any:
            """The real one."""
            return self._load()

        def text(self, samples: np.ndarray, rate: int) -> str:
            if hold:
                _wait(hold)
            key = hashlib.sha256(b"%d %b " % (rate, self._known) + samples.tobytes()).hexdigest()
            kept = folder / key
            if not kept.exists():
                partial = folder / f"{key}.{threading.get_native_id()}"
                partial.write_text(self.model.text(samples, rate))
                partial.replace(kept)
            return kept.read_text()

    return HeardOnce


def _wait(hold: Path) -> None:
    """Returns at once for whoever comes first, and for all others when the file is gone."""
    with contextlib.suppress(FileNotFoundError):
        if not hold.stat().st_size:
            os.truncate(hold, 1)
            return
    while hold.exists():
        time.sleep(0.01)


if __name__ == "__main__":
    from hushd_worker_stt import __main__ as worker
    from hushd_worker_stt.engines import libmoonshine

    heard, hold = Path(sys.argv.pop(1)), sys.argv.pop(1)
    libmoonshine.Transcriber = remembering(  # type: ignore[misc]
        libmoonshine.Transcriber, heard, Path(hold) if hold else None
    )
    worker.main()
