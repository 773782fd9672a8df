"""Recognises concatenated recordings, such as a radio stream or the output of `cat`: libsndfile only reads the first
one."""

from __future__ import annotations

import os

_PAGE = 65_307  # maximum bytes of an OGG page
_FRAME = 2_000  # bytes of an MP3's first frame, which states the number of following frames and bytes
_TAGS = 20_000  # bytes of tags that may follow the audio


def is_concatenated(descriptor: int) -> bool:
    """Returns whether a file is an OGG whose last stream is not its first, or an MP3 that is longer than its first
    frame states."""
    head, size = os.pread(descriptor, _PAGE, 0), os.fstat(descriptor).st_size
    if head[:4] == b"OggS":
        page = _last_page(descriptor, size)
        return page[:4] == b"OggS" and len(page) > 26 and page[14:18] != head[14:18]  # the stream's serial number
    start = 0
    if head[:3] == b"ID3" and len(head) > 9:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    frame = os.pread(descriptor, _FRAME, start)
    if frame[:1] != b"\xff":
        return False
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    if place < 0 or len(frame) < place + 16 or frame[place + 7] & 3 != 3:  # the frame states both frames and bytes
        return False
    promised = int.from_bytes(frame[place + 12 : place + 16], "big")
    return 0 < promised < size - start - _TAGS


def is_truncated(descriptor: int) -> bool:
    """Returns whether a file is an OGG that ends inside a page; libsndfile then ends with the page before, without an
    error."""
    if os.pread(descriptor, 4, 0) != b"OggS":
        return False
    page = _last_page(descriptor, os.fstat(descriptor).st_size)
    if len(page) < 27:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _last_page(descriptor: int, size: int) -> bytes:
    """Returns the last page of an OGG, which may be incomplete, and the bytes after it."""
    tail = os.pread(descriptor, _PAGE, max(0, size - _PAGE))
    return tail[max(0, tail.rfind(b"OggS")) :]
