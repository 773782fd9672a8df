"""Reads the header of a GGUF file, the format of ggml's models: its keys and values, and the places of its tensors.

It uses no library, since ggml's own reader aborts the process at some damaged files. A hostile file costs nothing:
counts and lengths are compared with the file's size, and only short texts, numbers, flags, and short lists of texts or
numbers are kept; everything else is skipped.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias

from hushd_schema.engines import NoModel

MAGIC = b"GGUF"
_VERSIONS = 2, 3
_MAX_KEYS, _MAX_TENSORS, _MAX_TEXTS = 10_000, 100_000, 4_000_000  # the largest known vocabulary has 0.3 million
_MAX_NAME, _MAX_TEXT_BYTES, _MAX_LIST = 1_000, 10_000, 1_000  # bytes, bytes, items; longer texts and lists are skipped
_MAX_NUMBERS = 16  # items of a list; longer ones are tables
_SCALARS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT_KIND, _LIST_KIND = 8, 9
# The weights and the bytes of a block, by the number of a tensor's type.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 20: (32, 18), 24: (1, 1),
    25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2),
}  # fmt: skip

Value: TypeAlias = str | int | float | bool | tuple[str, ...] | tuple[float, ...]


class Tensor(NamedTuple):
    """The place of a tensor: its first byte in the file, and its bytes, 0 for an unknown type.

    `shape` has ggml's order, the innermost dimension first; `kind` is the number of its type.
    """

    shape: tuple[int, ...]
    start: int
    size: int
    kind: int


class Header(NamedTuple):
    """The keys with their values, as far as kept, and the tensors.

    `described` is the byte at which the tensors' descriptions begin, and `alignment` the alignment of each tensor.
    """

    values: Mapping[str, Value]
    tensors: Mapping[str, Tensor]
    described: int
    alignment: int

    def texts(self, key: str) -> tuple[str, ...]:
        """Returns the list of texts at `key`; empty if there is none."""
        value = self.values.get(key)
        return tuple(text for text in value if isinstance(text, str)) if isinstance(value, tuple) else ()

    def numbers(self, key: str) -> tuple[int, ...]:
        """Returns the whole number, or the list of them, at `key`; empty if there is none."""
        value = self.values.get(key)
        numbers = value if isinstance(value, tuple) else (value,)
        return tuple(number for number in numbers if isinstance(number, int) and not isinstance(number, bool))

    def flag(self, key: str, otherwise: bool) -> bool:
        """Returns the flag at `key`; `otherwise` if there is none."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else otherwise


def architecture(path: Path) -> str:
    """Returns the architecture that the file at `path` names, even if the rest is damaged; empty if there is none.
    Raises OSError if it cannot be read."""
    with open(path, "rb") as file:
        try:
            return _Reader(file, path.name).architecture()
        except NoModel:
            return ""


def read(path: Path) -> Header:
    """Returns the header of the file at `path`. Raises NoModel if it has another format, is damaged or incomplete."""
    with open(path, "rb") as file:
        return _Reader(file, path.name).header()


class _Reader:
    """Reads a file forwards, and never beyond its end."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        self._size = os.fstat(file.fileno()).st_size
        self._texts = 0

    def architecture(self) -> str:
        """Returns the value of `general.architecture`, usually the first key."""
        _, keys = self._counts()
        return next((str(value) for name, value in self._pairs(keys) if name == "general.architecture"), "")

    def header(self) -> Header:
        tensors, keys = self._counts()
        values = {name: value for name, value in self._pairs(keys) if value is not None}
        alignment = values.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
            raise self._damaged()
        described = self._file.tell()
        places = [self._tensor() for _ in range(tensors)]
        begin = -(-self._file.tell() // alignment) * alignment
        end = max((begin + tensor.start + tensor.size for _, tensor in places), default=begin)
        if end > self._size:
            raise NoModel(f"{self._name} is only a part: {self._size} bytes of {end}")
        by_name = {name: tensor._replace(start=begin + tensor.start) for name, tensor in places}
        return Header(values, by_name, described, alignment)

    def _counts(self) -> tuple[int, int]:
        """Reads the numbers of tensors and of keys."""
        if self._bytes(4) != MAGIC or self._number("<I") not in _VERSIONS:
            raise NoModel(f"{self._name} is not in the format GGUF, version 2 or 3")
        return self._count("<Q", _MAX_TENSORS), self._count("<Q", _MAX_KEYS)

    def _pairs(self, count: int) -> Iterator[tuple[str, Value | None]]:
        """Yields the keys and their values, as they are read."""
        for _ in range(count):
            yield self._name_of(), self._value(self._number("<I"))

    def _tensor(self) -> tuple[str, Tensor]:
        name = self._name_of()
        shape = tuple(self._number("<Q") for _ in range(self._count("<I", 8)))
        kind, start, weights = self._number("<I"), self._number("<Q"), 1
        for dimension in shape:
            weights *= dimension
        block, size = _BLOCKS.get(kind, (1, 0))
        return name, Tensor(shape, start, -(-weights // block) * size, kind)

    def _value(self, kind: int) -> Value | None:
        """Reads a value; None for one that is not kept."""
        if kind == _TEXT_KIND:
            return self._text()
        if kind != _LIST_KIND:
            return self._scalar(kind)
        kind, count = self._number("<I"), self._number("<Q")
        if kind != _TEXT_KIND and count <= _MAX_NUMBERS:
            return tuple(self._scalar(kind) for _ in range(count))
        if kind != _TEXT_KIND:
            self._skip(count * struct.calcsize(self._format(kind)))
            return None
        self._texts += count
        if count > self._size or self._texts > _MAX_TEXTS:
            raise self._damaged()
        if count <= _MAX_LIST:
            return tuple(text for text in [self._text() for _ in range(count)] if text is not None)
        self._skip_texts(count)
        return None

    def _skip_texts(self, count: int) -> None:
        """Skips a list of texts; a hundred thousand of them take 30 ms."""
        read, seek, left = self._file.read, self._file.seek, self._size - self._file.tell()
        for _ in range(count):
            length = int.from_bytes(read(8), "little")
            left -= 8 + length
            if left < 0:
                raise NoModel(f"{self._name} is only a part: it ends within its header")
            seek(length, os.SEEK_CUR)

    def _scalar(self, kind: int) -> int | float | bool:
        value: int | float | bool = struct.unpack(form := self._format(kind), self._bytes(struct.calcsize(form)))[0]
        return value

    def _text(self) -> str | None:
        if (length := self._number("<Q")) > _MAX_TEXT_BYTES:
            self._skip(length)
            return None
        return self._bytes(length).decode(errors="replace")

    def _name_of(self) -> str:
        return self._bytes(self._count("<Q", _MAX_NAME)).decode(errors="replace")

    def _count(self, form: str, most: int) -> int:
        if (count := self._number(form)) > most:
            raise self._damaged()
        return count

    def _number(self, form: str) -> int:
        number: int = struct.unpack(form, self._bytes(8 if form == "<Q" else 4))[0]
        return number

    def _format(self, kind: int) -> str:
        if kind not in _SCALARS:
            raise self._damaged()
        return _SCALARS[kind]

    def _bytes(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) != count:
            raise NoModel(f"{self._name} is only a part: it ends within its header")
        return data

    def _skip(self, count: int) -> None:
        if self._file.tell() + count > self._size:
            raise NoModel(f"{self._name} is only a part: it ends within its header")
        self._file.seek(count, os.SEEK_CUR)

    def _damaged(self) -> NoModel:
        return NoModel(f"{self._name} is damaged: its header has numbers that no model has")
