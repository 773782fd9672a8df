"""The default engine's worker, which hears the same samples once in a run: `moonshine_once.py FOLDER FILE …`.

A transcript is a pure function of model, options and samples, so the first process that asks for one has the real
engine make it, and the folder has it for all others, which then need not load the model either. So are the answers of
the two networks that tell voices apart. It is for tests whose claim is what becomes of a transcript; those of how it is
made, how long that takes, or what a worker weighs, use hushd's own worker.

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
            return _kept(folder / key, lambda: self.model.text(samples, rate).encode()).decode()

    return HeardOnce


class AskedOnce:
    """A network in place of onnxruntime's session `real`, whose one answer to each input is kept in `folder`."""

    def __init__(self, real: Any, folder: Path) -> None:
        self._real = real
        self._folder = folder
        self._known = repr([(each.name, each.shape) for each in real.get_inputs()]).encode()

    def run(self, outputs: None, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray]:
        """As a session's."""
        import numpy as np

        whole = [
            self._known,
            *(f"{name} {each.dtype} {each.shape} ".encode() + each.tobytes() for name, each in inputs.items()),
        ]

        def ask() -> bytes:
            file = io.BytesIO()
            np.save(file, self._real.run(outputs, inputs)[0])
            return file.getvalue()

        name = hashlib.sha256(b"".join(whole)).hexdigest()
        return (np.load(io.BytesIO(_kept(self._folder / name, ask))),)


def ask_once(models: Any, folder: Path) -> None:
    """Has the two networks of `DiarizationModels` answer each input once."""
    load, models._embedding = models._load, AskedOnce(models._embedding, folder)
    models._load = lambda name: AskedOnce(load(name), folder)


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

    class Voices(models.DiarizationModels):
        """The networks that tell voices apart, each asked once."""

        def __init__(self) -> None:
            super().__init__()
            ask_once(self, heard)

    models.DiarizationModels = Voices  # type: ignore[misc]
    moonshine.Transcriber = remembering(  # type: ignore[misc]
        moonshine.Transcriber, heard, Path(hold) if hold else None
    )
    worker.main()
