"""Cases of damaged models: each file is damaged, one at a time, and loaded by a process of its own.

A damaged model may load; but it must not hang, or raise an exception that is not a sentence. If the process ends, the
supervisor reports that.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hushd_protocol.system import paths

from .case import Case, LeftOut
from .trial import Trial

_MAX_FILES = 6  # of a model, the largest first
_LIMIT_S = 120


def _bits(path: Path, whole: bytes) -> None:
    chance, data = random.Random(2), bytearray(whole)
    for _ in range(1000):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


_PICKLE = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x05false\x85R."  # it runs a program
KINDS: dict[str, Callable[[Path, bytes], object]] = {
    "empty": lambda path, whole: path.touch(),
    "half": lambda path, whole: path.write_bytes(whole[: len(whole) // 2]),
    "bits": _bits,
    "zeros": lambda path, whole: path.write_bytes(bytes(len(whole))),
    "text": lambda path, whole: path.write_bytes(b"404: Not Found\n" * 10),
    "pickle": lambda path, whole: path.write_bytes(_PICKLE),
    "pipe": lambda path, whole: os.mkfifo(path),
    "gone": lambda path, whole: None,
}


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases."""
    for kind in KINDS:
        claim = f"A model with a damaged file ({kind}) loads, is refused in a sentence, or ends its process."
        yield Case(f"damage.{kind}", claim, partial(_damaged, kind), costly=True)


def _damaged(kind: str, trial: Trial) -> Iterator[str]:
    root = paths.find().models
    files = [path for path in (root / trial.name).rglob("*") if path.is_file() and path.stat().st_size]
    if not files:
        raise LeftOut("its model has no files in the models folder")
    command = [sys.executable, "-P", "-m", "hushd_conformance", "--role", trial.role, trial.name, trial.model]
    for file in sorted(files, key=lambda path: -path.stat().st_size)[:_MAX_FILES]:
        with TemporaryDirectory(prefix="hushd-damage-") as folder:
            shadow(root, file, Path(folder), kind)
            environment = {**os.environ, "HUSHD_MODELS_DIR": folder}
            loads = [*command, "-k", "load.proper", "--limit", str(_LIMIT_S)]
            done = subprocess.run(loads, env=environment, capture_output=True, text=True, errors="replace")
        if done.returncode == 1:
            told = done.stdout.partition(" But ")[2].splitlines() or [f"it had not ended after {_LIMIT_S} s"]
            yield f"{file.name}: {told[0]}"


def shadow(root: Path, file: Path, target: Path, kind: str) -> None:
    """Makes `target` look like `root`, but with `file` damaged in that way; all other files are links."""
    name = file.relative_to(root).parts[0]
    for entry in os.scandir(root):
        if entry.name != name:
            (target / entry.name).symlink_to(entry.path)
    if root / name == file:
        KINDS[kind](target / name, file.read_bytes())
    else:
        (target / name).mkdir()
        shadow(root / name, file, target / name, kind)
