"""Cases of damaged models: each file that a load or a job reads is damaged in each of these ways, one at a time.

A damaged model may still load; but it must not hang, or raise an exception that is not turned into a sentence. If the
process ends, the supervisor reports that.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from .attempt import attempt
from .case import Case, LeftOut
from .opened import opened
from .trial import Place, Trial

_MAX_FILES = 6  # of a model, the largest first
_READ = 64 << 20  # bytes of a damaged file; the rest is a hole
_CODE = (".py", ".pyc", ".so", ".dylib", ".dll", ".wav")
Damage = Callable[[Path, bytes], object]
Change = Callable[[bytes], bytes]


def _content(change: Change) -> Damage:
    return lambda path, whole: path.write_bytes(change(whole))


def _flipped(count: int, seed: int) -> Change:
    def flip(whole: bytes) -> bytes:
        chance, data = random.Random(seed), bytearray(whole)
        for _ in range(count if data else 0):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(data)

    return flip


def _noise(whole: bytes) -> bytes:
    return random.Random(1).randbytes(min(len(whole), 1 << 20)).ljust(len(whole), b"\xa5")


_TERABYTE = (2**40).to_bytes(8, "little") + b'{"a": {"dtype": "F32"}}'
_PICKLE = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x05false\x85R."
KINDS: dict[str, tuple[str, Damage]] = {
    "empty": ("is empty", _content(lambda whole: b"")),
    "one-byte": ("has one byte", _content(lambda whole: whole[:1])),
    "half": ("is cut in half", _content(lambda whole: whole[: len(whole) // 2])),
    "tail": ("lacks its last byte", _content(lambda whole: whole[:-1])),
    "longer": ("goes on after its end", _content(lambda whole: whole + bytes(4096))),
    "head": ("has no beginning", _content(lambda whole: bytes(64) + whole[64:])),
    "bit": ("has one bit flipped", _content(_flipped(1, 1))),
    "bits": ("has a thousand bits flipped", _content(_flipped(1000, 2))),
    "first-bits": (
        "has bits of its beginning flipped",
        _content(lambda whole: _flipped(16, 3)(whole[:512]) + whole[512:]),
    ),
    "zeros": ("is all zeros", _content(lambda whole: bytes(len(whole)))),
    "noise": ("is noise", _content(_noise)),
    "text": ("is a text", _content(lambda whole: b"404: Not Found\n" * 10)),
    "json": ("is JSON with other content", _content(lambda whole: b'{"a": [1, 2, {}]}')),
    "zip": ("is an empty archive", _content(lambda whole: b"PK\x05\x06" + bytes(18))),
    "onnx": ("is another engine's graph", _content(lambda whole: b"\x08\x08\x12\x05other:\x00")),
    "gguf": ("is another engine's GGUF", _content(lambda whole: b"GGUF\x03\x00\x00\x00" + b"\xff" * 16)),
    "safetensors": ("is a header that claims a terabyte", _content(lambda whole: _TERABYTE)),
    "pickle": ("is a pickle that runs a program", _content(lambda whole: _PICKLE)),
    "folder": ("is a folder", lambda path, whole: path.mkdir()),
    "pipe": ("is a pipe without a writer", lambda path, whole: os.mkfifo(path)),
    "gone": ("is gone", lambda path, whole: None),
    "dangling": ("is a dangling link", lambda path, whole: path.symlink_to("is-not-there")),
    "circle": ("is a link to itself", lambda path, whole: path.symlink_to(path.name)),
}


def cases() -> Iterator[Case[Trial]]:
    """Yields a case for each kind of damage."""
    for name, (state, damage) in KINDS.items():
        claim = f"A model with a file that {state} loads, is refused in a sentence, or ends its process."
        yield Case(f"damage.{name}", claim, partial(_faults, damage), costly=True)


def _faults(damage: Damage, trial: Trial) -> Iterator[str]:
    files = _files(trial)
    if not files:
        raise LeftOut("its model has no files")
    for file, place in files:
        with TemporaryDirectory(prefix="hushd-damage-") as folder:
            shadow(place.root, file, Path(folder) / place.below, damage)
            variables = {place.variable: str(Path(folder) / place.value)}
            yield from attempt(trial, environment=variables).faults(file.name, may_fail=True)


def shadow(root: Path, file: Path, target: Path, damage: Damage) -> None:
    """Makes `target` look like `root`, but with a damaged `file`; all other files are links."""
    target.mkdir(exist_ok=True)
    name = file.relative_to(root).parts[0]
    for entry in os.scandir(root):
        if entry.name != name:
            (target / entry.name).symlink_to(entry.path)
    if root / name != file:
        shadow(root / name, file, target / name, damage)
        return
    with file.open("rb") as source:
        whole = source.read(_READ)
    damage(target / name, whole)
    size = (target / name).stat().st_size if (target / name).is_file() else 0
    if size >= _READ:
        os.truncate(target / name, file.stat().st_size)


def _files(trial: Trial) -> list[tuple[Path, Place]]:
    """Returns the files of the model that a load and a job read, with their places; they are searched once."""
    if trial.files is None:
        read = [(path, place) for place in trial.places() for path in opened(place.folder, lambda: attempt(trial))]
        ours = [(path, place) for path, place in read if path.is_file() and not _is_code(path)]
        trial.files = sorted(ours, key=lambda entry: -entry[0].stat().st_size)[:_MAX_FILES]
    return trial.files


def _is_code(path: Path) -> bool:
    return path.suffix in _CODE or ".so." in path.name or "__pycache__" in path.parts
