"""A voice whose int8 files are made and tried by programs that answer as they are told, without an engine.

`python killed_shrink.py N` is such a run that kills itself at the Nth file that it makes, writes, moves or removes;
with 0 it prints how many there are.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.system import paths
from hushd_schema.operations.models import ModelResult
from hushd_worker_models import comparison
from hushd_worker_models import shrink as shrinking
from hushd_worker_models.task import Stopped, Task

MODEL = "kokoro/kokoro-v1.0"
SMALL = 400  # bytes of the int8 file
_EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink")


class Programs:
    """The programs: `calls` lists those that ran; `int8` and `texts` are their answers."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.texts: list[str] | None = None
        self.int8: JsonObject = {"seconds": 9.0, "memory_mb": 250.0, "spoils": 0}
        self.stop_after = 99
        self._kind = ""
        self._sentences: tuple[str, ...] = ()

    def __call__(self, task: Task, need: int, module: str, *arguments: str, **variables: str) -> JsonObject:
        self.calls.append(module)
        if len(self.calls) == self.stop_after:
            raise Stopped
        if module.endswith(".int8"):
            Path(arguments[2]).write_bytes(bytes(SMALL))
            return {}
        self._kind = variables.get("HUSHD_PRECISION", self._kind)
        figures = {"seconds": 10.0, "memory_mb": 400.0, "sound_s": 60.0, "spoils": 0}
        figures |= self.int8 if self._kind == "int8" else {}
        if "_tts" in module:
            self._sentences = arguments[4:]
            return figures
        texts = list(self.texts or self._sentences)
        for number in range(int(figures["spoils"])):
            texts[number] = f"wrong {texts[number].partition(' ')[2]}"
        return {**figures, "texts": texts}


def make_voice(store: Store, size: int = 1_000) -> None:
    """Writes files with a voice's names."""
    folder = store.folder / "kokoro"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kokoro-v1.0.onnx").write_bytes(bytes(size))
    (folder / "voices-v1.0.bin").write_bytes(bytes(10))


def replace_programs(set_attribute: Callable[[Any, str, Any], None]) -> Programs:
    """Has the worker run the programs of this module."""
    programs = Programs()
    for module in (comparison, shrinking):
        set_attribute(module, "run", programs)
    return programs


def shrink() -> ModelResult:
    return shrinking.shrunk(MODEL, Store(paths.find()), Task())


def forget(store: Store) -> None:
    import shutil

    for path in (store.folder / "kokoro").glob(".*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def main() -> None:
    at, count = int(sys.argv[1]), 0
    folder = str(paths.find().models)
    begun = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if begun and event in _EVENTS and str(arguments[0]).startswith(folder):
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    replace_programs(setattr)
    begun = True
    shrink()
    print(count)


if __name__ == "__main__":
    main()
