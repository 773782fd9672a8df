"""The desktop's commands, which pyproject.toml adds to `hushd`."""

from hushd_cli.command import Command

DICTATE = Command("dictate", "type what you say where the cursor is", "hushd_desktop.dictation.command", after="talk")
CAPTIONS = Command("captions", "caption whatever this machine plays", "hushd_desktop.captions.command", after="dictate")
READ_SELECTION = Command(
    "read-selection",
    "read the selected text of any window aloud",
    "hushd_desktop.read_selection",
    after="captions",
    rare=True,
)
