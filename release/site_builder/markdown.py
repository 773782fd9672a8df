"""Plain text as Markdown."""

from __future__ import annotations

import re


def prose(text: str) -> str:
    """A line in which only code is marked, and hushd's documents are links from a page of the reference."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([*_<>\[\]#|\\~$])", r"\\\1", part) for part in parts[::2]]
    return re.sub(r"docs/([A-Z-]+)\.md", r"[](../docs/\1.md)", "".join(parts))
