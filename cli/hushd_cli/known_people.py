"""The people whom hushd recognises by voice, for commands that name speakers."""

from __future__ import annotations

from .terminal import console


def known() -> dict[str, str]:
    """Returns voiceprints by name; warns about unreadable files, and leaves them out."""
    from hushd_models.people import voiceprints  # only needed if speakers are named

    people, damaged = voiceprints()
    for sentence in damaged:
        console.complain(sentence)
    return people
