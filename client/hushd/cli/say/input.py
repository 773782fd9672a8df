"""What `say` is to say: words, a file, or standard input, which may still be being written."""

from __future__ import annotations

import codecs
import os
from argparse import Namespace
from collections.abc import Iterator

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD


class Script:
    """A text on its way to the worker.

    Args:
        kept: whether `text` is wanted.

    Attributes:
        source: what `Client.synthesize` takes. A text that fits goes in one piece, everything else streams; so does a
            pipe, as it comes.
        text: what is known of it so far.
        whole: whether that is all.

    Raises:
        HushdError: `input_unreadable`, from the source too.
    """

    def __init__(self, source: str | bytes | Iterator[bytes], *, kept: bool) -> None:
        self.text = ""
        self.whole = False
        self.source = source
        if not kept:
            return
        if isinstance(source, str):
            self.text, self.whole = source, True
        elif isinstance(source, bytes):
            self.text, self.whole = source.decode(errors="replace"), True
        else:
            self.source = self._noting(source)

    def _noting(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for block in blocks:
            self.text += decoder.decode(block)
            yield block
        self.text += decoder.decode(b"", final=True)
        self.whole = True


def of(options: Namespace, *, kept: bool) -> Script:
    """The text that the arguments name."""
    if options.text:
        return Script(" ".join(options.text), kept=kept)
    if options.input_file in (None, "-"):
        return Script(_blocks(0, "Standard input"), kept=kept)
    name = options.input_file
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        size = os.fstat(descriptor).st_size
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not valid"
        raise HushdError("input_unreadable", f"{name!r} cannot be read ({reason}).") from error
    blocks = _blocks(descriptor, repr(name))
    return Script(b"".join(blocks) if 0 < size <= MAX_PAYLOAD else blocks, kept=kept)


def typed(options: Namespace) -> bool:
    """Whether a person types it."""
    return not options.text and options.input_file in (None, "-") and os.isatty(0)


def lines() -> Iterator[bytes]:
    """The lines of standard input as they come."""
    rest = b""
    for block in _blocks(0, "Standard input"):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _blocks(descriptor: int, name: str) -> Iterator[bytes]:
    try:
        while block := os.read(descriptor, MAX_PAYLOAD):
            yield block
    except OSError as error:
        raise HushdError("input_unreadable", f"{name} cannot be read ({error.strerror}).") from error
