"""The people whom hushd knows by their voices, for the commands that say who speaks."""

from __future__ import annotations

from .terminal import console


def known() -> dict[str, str]:
    """Returns their voiceprints, by name; complains about people who cannot be read, and goes on without them."""
    from hushd_models.people import voiceprints  # for who speaks

    people, damaged = voiceprints()
    for sentence in damaged:
        console.complain(sentence)
    return people
