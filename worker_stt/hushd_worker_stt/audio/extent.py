"""Tells by a file's own words where it ends, and by its packets whether its reader passed over a part of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

HEAD_BYTES = 4_096
_PLACEHOLDER = 65_536  # writers that cannot seek put 0x7FFFFFFF or 0xFFFFFFFF as a size, less a header of fewer bytes
_ASF, _ASF_FILE = b"\x30\x26\xb2\x75", b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65"
_MAX_BOXES = 10_000  # boxes at the top of an MP4
_LAST_PACKS_BYTES = 2**17  # bytes at a program stream's end, in which a pack begins
_OVERHEAD_BYTES = 200  # bytes between two packets beyond what a container has had between others
_LATE_PACKET_S = 0.01  # seconds by which a packet may come late of itself
_CHUNK = re.compile(rb"\0?[A-Za-z0-9 ]{4}")  # the name of a part of an AVI, such as an index
_TAG = re.compile(rb"ID3|TAG|APETAGEX|LYRICSBEGIN|3DI")  # beginnings of what stands between joined recordings


class Bytes:
    """The bytes of a file, or of its `part` from one place to another, for FFmpeg's libraries. `check` raises an
    exception if the job is cancelled."""

    def __init__(self, descriptor: int, check: Callable[[], None], part: tuple[int, int] | None = None) -> None:
        self._first, end = part or (0, os.fstat(descriptor).st_size)
        self._descriptor, self.check, self.size, self._at = descriptor, check, end - self._first, 0

    def read(self, size: int) -> bytes:
        self.check()
        data = self.peek(self._at, size)
        self._at += len(data)
        return data

    def peek(self, at: int, size: int) -> bytes:
        """Returns the bytes at a place, `size` at most, and leaves the reader where it is."""
        return os.pread(self._descriptor, max(0, min(size, self.size - at)), self._first + at)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at


def size_by_header(head: bytes) -> int:
    """Returns about the file's size by the first 4 kB of a WAV of any kind, AVI, AIFF, AU, SoX's or ASF; 0 if they do
    not have it."""
    kind, before = head[:4], 0
    if kind == _ASF:  # its packets have one size; later tags change the header's size alone
        about = head[max(0, head.find(_ASF_FILE)) :]
        packets, size = int.from_bytes(about[56:64], "little"), int.from_bytes(about[96:100], "little")
        return int.from_bytes(head[16:24], "little") + packets * size if about[:16] == _ASF_FILE else 0
    if kind == b".SoX":
        return 4 * int.from_bytes(head[8:16], "little")
    if kind == b".snd":
        before = int.from_bytes(head[4:8], "big")
    places = {b"RIFF": head[4:8], b"FORM": head[7:3:-1], b".snd": head[11:7:-1]}
    places |= {b"RF64": head[20:28], b"riff": head[16:24]}
    size = int.from_bytes(field := places.get(kind, b""), "little")
    return before + size if size < 2 ** (8 * len(field) - 1) - _PLACEHOLDER else 0


def size_by_boxes(source: Bytes) -> int | None:
    """Returns how many bytes a Matroska file or an MP4 says that it has; None where it does not say."""
    head = source.peek(0, 128)
    if head[:4] == b"\x1aE\xdf\xa3":
        at = _behind(head, 4)
        begin = head.find(b"\x18S\x80g", at or 0) + 4
        return _behind(head, begin) if at is not None and begin > 3 else None
    at = 0
    for _ in range(_MAX_BOXES):
        if at >= source.size:
            return at
        box = source.peek(at, 16)
        size, kind = int.from_bytes(box[:4], "big"), box[4:8]
        size = int.from_bytes(box[8:], "big") if size == 1 else size
        if size < 8 or kind == b"moof":  # a box without an end, or fragments
            return None
        at += size
    return None


def _behind(head: bytes, at: int) -> int | None:
    """Returns the place behind an element of Matroska whose size stands at `at`; None if it has none."""
    length = 9 - head[at].bit_length() if at < len(head) else 9
    if length > 8:
        return None
    value, ones = int.from_bytes(head[at : at + length], "big"), (1 << 7 * length) - 1
    return None if value & ones == ones else at + length + (value & ones)


def ends_within_part(source: Bytes) -> bool:
    """Returns whether an MPEG program stream ends within one of its parts, by the sizes of the last ones."""
    end = source.peek(max(0, source.size - _LAST_PACKS_BYTES), _LAST_PACKS_BYTES)
    at = end.find(b"\0\0\1\xba")
    while 0 <= at <= len(end) - 6 and end[at : at + 3] == b"\0\0\1":
        if end[at + 3] == 0xBA:
            at += 12 if end[at + 4] >> 6 == 0 else 14 + (end[at + 13 : at + 14] or b"\0")[0] % 8
        else:
            at += 4 if end[at + 3] == 0xB9 else 6 + int.from_bytes(end[at + 4 : at + 6], "big")
    return at > len(end)


class Passage:
    """Follows a reader through the packets of a file, and tells where it passed over sound: behind damage it finds its
    way again some packets later, so that bytes are left out and the track's clock has gone on. A pause of a recorder
    leaves out none, and an index between packets takes no time.

    Args:
        form: FFmpeg's name of the container.
        index: that of the track's stream.

    Attributes:
        end: the place behind the last packet.
    """

    def __init__(self, source: Bytes, form: str, index: int) -> None:
        self._source, self._form, self._index = source, form, index
        self._at = self.end = 0
        self._left_out = self._usual = 0  # bytes before the track's next packet, and before those that missed nothing
        self._first = self._due = 0.0
        self._own = 0  # bytes of the track
        self._steps: set[int] = set()  # all numbers of such bytes in an FLV, whose tags stand a few fixed steps apart

    def add(self, packet: Any) -> float:
        """Adds the next packet; returns the seconds of the track that are missing before it."""
        place = -1 if packet.pos is None else packet.pos
        at = self.end if place in (-1, self._at) else place
        if self.end and not (self._form == "avi" and _CHUNK.match(self._source.peek(self.end, 5))):
            self._left_out = max(self._left_out, at - self.end)
        self._at, self.end = place, max(self.end, at + packet.size)
        if packet.stream.index != self._index or packet.pts is None or not packet.time_base:
            return 0.0
        begin, left_out, self._left_out = float(packet.pts * packet.time_base), self._left_out, 0
        if not self._own:
            self._first = self._due = begin
        late = self.seconds(left_out) if self._form == "avi" else begin - self._due  # an AVI has no times
        self._due, self._own = begin + self._length(packet), self._own + packet.size
        passed_over = left_out > self._usual + _OVERHEAD_BYTES
        if self._form == "flv":
            passed_over = late > _LATE_PACKET_S and left_out not in self._steps
            self._steps |= {left_out} if begin > self._first else set()
        if passed_over and not self._form.startswith("mov"):  # an MP4's tables know all places
            return late
        self._usual = max(self._usual, left_out)
        return 0.0

    def lost(self, packet: Any) -> float:
        """Returns the seconds of the last packet, which cannot be decoded: in a stream without a container it may have
        all that stands between two frames, so that the packets before it tell how long its bytes last."""
        length = self._length(packet)
        self._own, self._due = self._own - packet.size, self._due - length
        seconds = max(length, self._seconds_at(packet.pos or 0, packet.size))
        self._own, self._due = self._own + packet.size, self._due + length
        return seconds

    @property
    def missing_s(self) -> float:
        """The seconds of the bytes that no packet had, in a format whose packets' places only count their bytes."""
        return self._seconds_at(self.end, self._source.size - self.end)

    def _seconds_at(self, at: int, size: int) -> float:
        return 0.0 if _TAG.match(self._source.peek(at, 16)) else self.seconds(size)

    def seconds(self, size: int) -> float:
        """Returns about the seconds of so many bytes of the track."""
        return size * (self._due - self._first) / max(1, self._own)

    @staticmethod
    def _length(packet: Any) -> float:
        return float((packet.duration or 0) * (packet.time_base or 0))
