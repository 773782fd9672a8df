"""The entry point of `hushd wake`."""

from hushd_cli.command import Command

WAKE = Command("wake", "wait for a wake word, then run a command", "hushd_wake_words.command", after="talk")
