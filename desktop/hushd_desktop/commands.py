"""The commands that sit on a desk, as pyproject.toml adds them to `hushd`."""

from __future__ import annotations

from hushd_cli.command import Command

DICTATE = Command(
    "dictate",
    "type what is said where the cursor is, while a key is held",
    "hushd_desktop.dictation.command",
    after="talk",
)
CAPTIONS = Command(
    "captions",
    "write down what plays on this machine, while it is said",
    "hushd_desktop.captions.command",
    after="dictate",
)
READ_SELECTION = Command(
    "read-selection",
    "read the selected text of any window aloud, or end that",
    "hushd_desktop.read_selection.command",
    after="captions",
)
