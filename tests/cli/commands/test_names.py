"""`hushd names mute`: names that nobody can have."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd.voice_assignments.speaker import VoiceAssignments
from hushd_cli.commands import names
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[2J"])
def test_a_name_that_nobody_can_have(runtime: Path, name: str) -> None:
    """It is refused in one line, and nothing is changed: a list of such names could not be read."""
    with pytest.raises(HushdError, match="is nobody's name") as caught:
        names.main("hushd names", ["mute", "api", name])
    assert caught.value.message.isprintable()
    assert VoiceAssignments(paths.find()).muted == ()


def test_one_that_was_muted_before_can_be_unmuted(runtime: Path) -> None:
    """Whatever its name is."""
    VoiceAssignments(paths.find()).mute("a\nb")
    names.main("hushd names", ["unmute", "a\nb"])
    assert VoiceAssignments(paths.find()).muted == ()
