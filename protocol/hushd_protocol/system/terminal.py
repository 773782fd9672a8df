"""Text on a terminal: file names, transcripts and logs must not control it."""

from __future__ import annotations

import os

# C0 without tab and newline, DEL, C1, line separators, and the bidirectional embeddings, overrides and isolates, which
# show characters in another order than the text's.
CONTROLS = (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in CONTROLS}


class Styled(str):
    """Text with hushd's own control sequences, and its other parts already escaped."""

    __slots__ = ()


def escaped(text: str) -> str:
    r"""Returns `text` with visible control characters: `\x1b`, `\u202e`."""
    return text if isinstance(text, Styled) else text.translate(_ESCAPES)


def shown(text: str, descriptor: int) -> str:
    """Returns `text` for an open file: escaped for a terminal, unchanged for a file or a pipe."""
    return escaped(text) if os.isatty(descriptor) else text
