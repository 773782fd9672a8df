"""Reads the header of a GGUF file, the format of ggml's models: what its keys say, and where its tensors lie.

No library is asked, and a hostile file costs nothing: counts and lengths are compared with the file's size, what is not
wanted is skipped, and only short texts, numbers, flags, and short lists of texts or numbers are kept. ggml's own reader
aborts its process at some damaged files.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias

from . import NoModel

MAGIC = b"GGUF"
_VERSIONS = 2, 3
_MOST_KEYS, _MOST_TENSORS, _MOST_TEXTS = 10_000, 100_000, 4_000_000  # the largest vocabulary known has 0.3 million
_LONGEST_NAME, _LONGEST_TEXT, _LONGEST_LIST = 1_000, 10_000, 1_000  # of a text in bytes; longer ones are skipped
_LONGEST_NUMBERS = 16  # of a list; longer ones are tables
_SCALARS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _LIST = 8, 9
# A tensor's type, by its number: how many weights a block has, and how many bytes.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 20: (32, 18), 24: (1, 1),
    25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2),
}  # fmt: skip

Value: TypeAlias = str | int | float | bool | tuple[str, ...] | tuple[float, ...]


class Tensor(NamedTuple):
    """The place of a tensor: the first byte in the file, and bytes; 0 for a type that is not known.

    `shape` is as ggml has it, the innermost dimension first, and `kind` the number of its type.
    """

    shape: tuple[int, ...]
    start: int
    size: int
    kind: int


class Header(NamedTuple):
    """The keys with the values that are kept, and the tensors.

    `described` is the byte at which the descriptions of the tensors begin, and `alignment` that of each tensor.
    """

    values: Mapping[str, Value]
    tensors: Mapping[str, Tensor]
    described: int
    alignment: int

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of texts of that key; empty where there is none."""
        value = self.values.get(key)
        return tuple(text for text in value if isinstance(text, str)) if isinstance(value, tuple) else ()

    def numbers(self, key: str) -> tuple[int, ...]:
        """The whole number, or the list of such, of that key; empty where there is none."""
        value = self.values.get(key)
        numbers = value if isinstance(value, tuple) else (value,)
        return tuple(number for number in numbers if isinstance(number, int) and not isinstance(number, bool))

    def flag(self, key: str, otherwise: bool) -> bool:
        """The flag of that key; `otherwise` where there is none."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else otherwise


def architecture(path: Path) -> str:
    """The architecture that the file at `path` names, whatever comes behind that; empty where there is none.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        try:
            return _Reader(file, path.name).architecture()
        except NoModel:
            return ""


def read(path: Path) -> Header:
    """The header of the file at `path`.

    Raises:
        NoModel: it is not in the format, damaged, or only a part of a file.
    """
    with open(path, "rb") as file:
        return _Reader(file, path.name).header()


class _Reader:
    """Reads on in a file, and never beyond its end."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        self._size = os.fstat(file.fileno()).st_size
        self._texts = 0

    def architecture(self) -> str:
        """The value of `general.architecture`, as a rule the first key."""
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
        """The numbers of tensors and of keys."""
        if self._take(4) != MAGIC or self._number("<I") not in _VERSIONS:
            raise NoModel(f"{self._name} is not in the format GGUF, version 2 or 3")
        return self._count("<Q", _MOST_TENSORS), self._count("<Q", _MOST_KEYS)

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
        """The value at this place; None for one that is not kept."""
        if kind == _TEXT:
            return self._text()
        if kind != _LIST:
            return self._scalar(kind)
        kind, count = self._number("<I"), self._number("<Q")
        if kind != _TEXT and count <= _LONGEST_NUMBERS:
            return tuple(self._scalar(kind) for _ in range(count))
        if kind != _TEXT:
            self._skip(count * struct.calcsize(self._format(kind)))
            return None
        self._texts += count
        if count > self._size or self._texts > _MOST_TEXTS:
            raise self._damaged()
        if count <= _LONGEST_LIST:
            return tuple(text for text in [self._text() for _ in range(count)] if text is not None)
        self._skip_texts(count)
        return None

    def _skip_texts(self, count: int) -> None:
        """Goes over a list that may have a hundred thousand of them, which takes 30 ms."""
        read, seek, left = self._file.read, self._file.seek, self._size - self._file.tell()
        for _ in range(count):
            length = int.from_bytes(read(8), "little")
            left -= 8 + length
            if left < 0:
                raise NoModel(f"{self._name} is only a part: it ends within its header")
            seek(length, os.SEEK_CUR)

    def _scalar(self, kind: int) -> int | float | bool:
        value: int | float | bool = struct.unpack(form := self._format(kind), self._take(struct.calcsize(form)))[0]
        return value

    def _text(self) -> str | None:
        if (length := self._number("<Q")) > _LONGEST_TEXT:
            self._skip(length)
            return None
        return self._take(length).decode(errors="replace")

    def _name_of(self) -> str:
        return self._take(self._count("<Q", _LONGEST_NAME)).decode(errors="replace")

    def _count(self, form: str, most: int) -> int:
        if (count := self._number(form)) > most:
            raise self._damaged()
        return count

    def _number(self, form: str) -> int:
        number: int = struct.unpack(form, self._take(8 if form == "<Q" else 4))[0]
        return number

    def _format(self, kind: int) -> str:
        if kind not in _SCALARS:
            raise self._damaged()
        return _SCALARS[kind]

    def _take(self, count: int) -> bytes:
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
