"""`python -m hushd_worker_stt.convert.gguf FILE.gguf FOLDER`: writes the same model such that the library need not
unpack any weights.

On a CPU transcribe-cpp (0.4) computes a conformer's pointwise convolutions in float32, but files have them in float16,
so that each worker unpacks them into private memory: 302 of the 431 MB of Parakeet with 0.6 B parameters. If the file
has them in float32, they are mapped like all other weights, and shared by all workers. The values of the weights do not
change.
"""

from __future__ import annotations

import argparse
import re
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from hushd_protocol.errors import HushdError
from hushd_schema.engines import NoModel, gguf
from hushd_schema.engines.transcribe_cpp import MAPPED

from . import say

_F32, _F16 = 0, 1  # the numbers of the types
_UNPACKED = re.compile(r"enc\.blocks\.\d+\.conv[._]pointwise[12]\.weight")  # by the library's loaders
_BLOCK = 1 << 22  # bytes


def convert(source: Path, target: Path, report: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Writes the model `source` to `target`, and unpacks the weights that the library would unpack.

    Args:
        report: called with the bytes read so far, and the total.

    Raises:
        HushdError: `input_unreadable` if `source` is not a GGUF file; `bad_request` if the library unpacks none of its
            weights; `output_failed` if `target` cannot be written.
    """
    try:
        header = gguf.read(source)
        with open(source, "rb") as old:
            _check(header, source)
            _write(old, header, target, report)
    except (NoModel, OSError) as error:
        raise HushdError("input_unreadable", f"{source} cannot be read ({error}).") from error


def _check(header: gguf.Header, source: Path) -> None:
    if not any(_is_unpacked(name, tensor) for name, tensor in header.tensors.items()):
        raise HushdError("bad_request", f"{source.name} has no weights to unpack: its workers map all of them already.")
    if unknown := [name for name, tensor in header.tensors.items() if not tensor.size]:
        raise HushdError("input_unreadable", f"{source.name} has a tensor of an unknown type, {unknown[0]!r}.")


def _write(old: BinaryIO, header: gguf.Header, target: Path, report: Callable[[int, int], None]) -> None:
    total, done = sum(tensor.size for tensor in header.tensors.values()), 0
    try:
        with open(target, "wb") as new:
            new.write(old.read(header.described))
            new.write(_descriptions(header))
            for name, tensor in header.tensors.items():
                new.write(bytes(-new.tell() % header.alignment))
                for block in _blocks(old, tensor):
                    wide = _is_unpacked(name, tensor)
                    new.write(np.frombuffer(block, "<f2").astype("<f4").tobytes() if wide else block)
                    done += len(block)
                    report(done, total)
            new.write(bytes(-new.tell() % header.alignment))
    except OSError as error:
        raise HushdError("output_failed", f"{target} cannot be written ({error.strerror}).") from error


def _descriptions(header: gguf.Header) -> bytes:
    """Returns the names, shapes, types and places of the tensors, one after another."""
    parts, place = [], 0
    for name, tensor in header.tensors.items():
        wide = _is_unpacked(name, tensor)
        text, dimensions = name.encode(), len(tensor.shape)
        kind = _F32 if wide else tensor.kind
        form = f"<Q{len(text)}sI{dimensions}QIQ"
        parts.append(struct.pack(form, len(text), text, dimensions, *tensor.shape, kind, place))
        size = 2 * tensor.size if wide else tensor.size
        place += -(-size // header.alignment) * header.alignment
    return b"".join(parts)


def _blocks(file: BinaryIO, tensor: gguf.Tensor) -> Iterator[bytes]:
    file.seek(tensor.start)
    left = tensor.size
    while left:
        block = file.read(min(_BLOCK, left))
        if not block:
            raise NoModel("the file has become shorter")
        left -= len(block)
        yield block


def _is_unpacked(name: str, tensor: gguf.Tensor) -> bool:
    return tensor.kind == _F16 and _UNPACKED.fullmatch(name) is not None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hushd_worker_stt.convert.gguf", description=__doc__)
    parser.add_argument("source", metavar="FILE.gguf", type=Path, help="a model in the format GGUF")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the model's folder, which is created")
    parser.add_argument("--quantization", choices=[MAPPED], default=MAPPED, help="default: %(default)s")
    parser.add_argument("--name", help="the beginning of the file's name; default: FILE's")
    parser.add_argument("--progress", action="store_true", help="print progress on standard output, as JSON")
    options = parser.parse_args()
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        target = options.folder / f"{options.name or options.source.stem}-{MAPPED}.gguf"
        show = _Progress() if options.progress else lambda done, total: None
        convert(options.source, target, show)
    except HushdError as error:
        if options.progress:
            say(error=error.code, message=error.message)
        else:
            print(f"convert: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


class _Progress:
    """Prints a line for each hundredth of the progress."""

    def __init__(self) -> None:
        self._shown = 0

    def __call__(self, done: int, total: int) -> None:
        if (percent := 100 * done // total) > self._shown:
            self._shown = percent
            say(done=done, total=total)


if __name__ == "__main__":
    main()
