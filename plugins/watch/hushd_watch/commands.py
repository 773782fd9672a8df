"""The command that pyproject.toml adds to `hushd`."""

from hushd_cli.command import Command

WATCH = Command("watch", "transcribe what is put into a folder", "hushd_watch.command", after="listen")
