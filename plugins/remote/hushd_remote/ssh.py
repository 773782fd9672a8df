"""ssh, as the user has it: the options that hushd adds, and the cause of a failure in words."""

from __future__ import annotations

import os
import shlex

_REASONS = (
    ("could not resolve", "its name is not known"),
    ("host key verification failed", "its host key is not the one that ssh knows: look at ~/.ssh/known_hosts"),
    ("identification has changed", "its host key has changed: look at ~/.ssh/known_hosts"),
    ("permission denied", "it refuses this machine's key or password: does `ssh HOST` let you in?"),
    ("connection refused", "nobody listens there: does sshd run?"),
    ("timed out", "it does not answer"),
    ("no route", "there is no way to it in the network"),
)


def options(*, prompts: bool) -> list[str]:
    """Options besides the user's own configuration; `prompts`: whether a person may be asked for a password."""
    return ["-T", "-x", "-a", "-o", "ServerAliveInterval=5", *([] if prompts else ["-o", "BatchMode=yes"])]


def script(text: str) -> str:
    """The command that runs a script there, whichever shell the user has."""
    return f"exec sh -c {shlex.quote(text)}"


def reason(errors: bytes, host: str) -> str:
    """Returns the reason why ssh has ended, by its output."""
    text = errors.decode(errors="replace")
    for sign, cause in _REASONS:
        if sign in text.lower():
            return cause.replace("HOST", host)
    lines = [line.strip().rstrip(".") for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "ssh has ended without a word"


def ended(sentence: str) -> str:
    """A sentence with the stop at its end."""
    return sentence if sentence.endswith("?") else f"{sentence}."


def has_terminal() -> bool:
    """Returns whether ssh can ask a person for a password."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
