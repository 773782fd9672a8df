"""Text on a terminal: file names, transcripts and logs must not command it."""

from __future__ import annotations

import os

# C0 without tab and newline, DEL, C1, line separators, and the bidirectional embeddings, overrides and isolates, which
# show characters in another order than they stand in.
CONTROLS = (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in CONTROLS}


class Styled(str):
    """Text with hushd's own control sequences, whose other parts are escaped already."""

    __slots__ = ()


def escaped(text: str) -> str:
    r"""`text` with its control characters visible: `\x1b`, `\u202e`."""
    return text if isinstance(text, Styled) else text.translate(_ESCAPES)


def shown(text: str, descriptor: int) -> str:
    """`text` for an open file: escaped for a terminal, unchanged for a file or a pipe."""
    return escaped(text) if os.isatty(descriptor) else text
