"""The text that `say` speaks: its words, a file's, or that of standard input, which may still grow."""

from __future__ import annotations

import codecs
import os
from argparse import Namespace
from collections.abc import Iterable, Iterator
from itertools import chain

from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.limits import MAX_PAYLOAD
from hushd_reading.encoding import decoded

_FIRST_BYTES = 1024  # the first bytes, by which binary data is recognised
# A file of these is read where a text is expected, since nobody speaks its name.
SUBTITLES = (".srt", ".vtt", ".ass", ".ssa")
# Forms that `Client.synthesize` takes: a short text is sent in one piece; everything else, also a pipe, is streamed.
Text = str | bytes | Iterator[bytes]


def text_of(options: Namespace) -> Text:
    """Returns the text that the arguments name. Raises `input_unreadable`, from the stream too."""
    name = file_of(options)
    if options.text and not name:
        return " ".join(options.text)
    if name in (None, "-"):
        return utf8(blocks_of(0, "Standard input"), "Standard input")
    descriptor, size = opened(name)
    if name.lower().endswith(SUBTITLES):
        return decoded(b"".join(blocks_of(descriptor, name)), name)
    blocks = utf8(blocks_of(descriptor, repr(name)), repr(name))
    return b"".join(blocks) if 0 < size <= MAX_PAYLOAD else blocks


def file_of(options: Namespace) -> str | None:
    """Returns the file whose text is spoken, that of -f or subtitles that are named where a text is expected."""
    only: str = options.text[0] if len(options.text) == 1 else ""
    is_file = only.lower().endswith(SUBTITLES) and (options.output or os.path.isfile(only))
    return only if is_file else options.input_file


def opened(name: str) -> tuple[int, int]:
    """Returns a descriptor of a file, and its size. Raises `input_unreadable`."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        return descriptor, os.fstat(descriptor).st_size
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not valid"
        raise HushdError("input_unreadable", f"{name!r} cannot be read ({reason}).") from error


def is_typed(options: Namespace) -> bool:
    return not options.text and options.input_file in (None, "-") and os.isatty(0)


def lines() -> Iterator[bytes]:
    """Yields the lines of standard input as they arrive."""
    incomplete = b""
    for block in blocks_of(0, "Standard input"):
        *whole, incomplete = (incomplete + block).split(b"\n")
        yield from whole
    if incomplete:
        yield incomplete


def utf8(blocks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yields the text of `blocks`, which must be UTF-8, without a byte order mark.

    Other encodings are not guessed: a wrong guess would be spoken.
    Raises `input_unreadable` for binary data and for other encodings, before anything after the last block that was
    text.

    Args:
        name: of the input, for errors.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    line = 1
    for block in chain(blocks, [b""]):
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise _no_text(name, error.object, line + error.object.count(b"\n", 0, error.start)) from None
        if "\0" in text:
            raise _no_text(name, block, line)
        line += text.count("\n")
        if text:
            yield text.encode()


def _no_text(name: str, block: bytes, line: int) -> HushdError:
    if b"\0" in block[:_FIRST_BYTES] or block.startswith((b"%PDF", b"\x1f\x8b")):
        return HushdError("input_unreadable", f"{name} is binary data and not text.")
    return HushdError(
        "input_unreadable",
        f"{name} is not UTF-8 in line {line}: convert it, as with `iconv -f latin1 -t utf-8 FILE | say`.",
    )


def blocks_of(descriptor: int, name: str) -> Iterator[bytes]:
    with os_errors_as("input_unreadable", f"{name} cannot be read"):
        while block := os.read(descriptor, MAX_PAYLOAD):
            yield block
