"""The default engine's worker, which hears the same samples once in a run: `moonshine_once.py FOLDER FILE …`.

A transcript is a pure function of model, options and samples, so the first process that asks for one has it made by the
run's one process with the real engine, and the folder has it for all others. So are the answers of the two networks
that tell voices apart. It is for tests whose claim is what becomes of a transcript; those of how it is made, how long
that takes, or what a worker weighs, use hushd's own worker.

While FILE, if one is named, exists, one piece is transcribed and no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # as a worker it knows hushd's packages only
    sys.path.append(str(Path(__file__).parents[1]))
from support import ears

if TYPE_CHECKING:
    import numpy as np
    from hushd_worker_stt.diarization.models import DiarizationModels

FOLDER = "HUSHD_TESTS_HEARD"  # names the folder, in the environment of the processes that run tests


def configuration(hold: Path | None = None) -> str:
    """The configuration of a supervisor whose default engine hears through the folder of this run.

    While the file `hold` exists, one piece is transcribed and no other: tests end work in the middle by that.
    """
    program = [sys.executable, "-P", __file__, os.environ[FOLDER], str(hold or "")]
    return f'[worker."stt/moonshine"]\ncommand = {program}\n'


class HeardOnce:
    """A transcriber in place of the engine's, whose texts are kept in `folder`; one is made while `hold` exists."""

    def __init__(
        self, folder: Path, hold: Path | None, model: Path, architecture: int, options: dict[str, str]
    ) -> None:
        self._folder = folder
        self._hold = hold
        self._reading = str(model), architecture, tuple(sorted(options.items()))

    def text(self, samples: np.ndarray, rate: int) -> str:
        """Returns what a transcriber would."""
        if self._hold:
            _wait(self._hold)
        key = hashlib.sha256(f"{rate} {self._reading} ".encode() + samples.tobytes()).hexdigest()
        return _kept(self._folder / key, lambda: self.anew(samples, rate).encode()).decode()

    def anew(self, samples: np.ndarray, rate: int) -> str:
        """The same, made whether there is one or not."""
        return ears.text(self._folder, self._reading, samples, rate)


def transcriber(folder: Path, hold: Path | None = None) -> Callable[..., HeardOnce]:
    return lambda library, *known: HeardOnce(folder, hold, *known)


class AskedOnce:
    """A network in place of onnxruntime's session `name`, whose one answer to each input is kept in `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder

    def run(self, outputs: None, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray]:
        """Returns what a session would."""
        import numpy as np

        whole = [
            self._name.encode(),
            *(f"{name} {each.dtype} {each.shape} ".encode() + each.tobytes() for name, each in inputs.items()),
        ]

        def ask() -> bytes:
            file = io.BytesIO()
            np.save(file, ears.run(self._folder, self._name, inputs))
            return file.getvalue()

        name = hashlib.sha256(b"".join(whole)).hexdigest()
        return (np.load(io.BytesIO(_kept(self._folder / name, ask))),)


def voices(folder: Path) -> type[DiarizationModels]:
    """Returns the two networks that tell voices apart, which answer each input once."""
    from hushd_worker_stt.diarization import models

    class Voices(models.DiarizationModels):
        def _load(self, name: str) -> AskedOnce:
            return AskedOnce(name, folder)

    return Voices


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes of a file, which are made where it is not there."""
    if not path.exists():
        partial = path.with_name(f"{path.name}.{threading.get_native_id()}")
        partial.write_bytes(make())
        partial.replace(path)
    return path.read_bytes()


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
    from hushd_worker_stt.diarization import models
    from hushd_worker_stt.engines import moonshine

    heard, hold = Path(sys.argv.pop(1)), sys.argv.pop(1)

    models.DiarizationModels = voices(heard)  # type: ignore[misc]
    moonshine.Transcriber = transcriber(heard, Path(hold) if hold else None)  # type: ignore[misc]
    worker.main()
