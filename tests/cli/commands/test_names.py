"""`hushd names mute` and `hushd agents hook off`: names that nobody can have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hushd.voice_assignments.speaker import VoiceAssignments
from hushd_cli.commands import names
from hushd_cli.commands.agents import hook
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

COMMANDS: list[Callable[[str], int]] = [
    lambda name: names.main("hushd names", ["mute", "api", name]),
    lambda name: hook.main("hushd agents hook", ["off", "--session", name]),
]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[2J"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_that_nobody_can_have(runtime: Path, command: Callable[[str], int], name: str) -> None:
    """It is refused in one line, and nothing is changed: a list of such names could not be read."""
    with pytest.raises(HushdError, match="is nobody's name") as caught:
        command(name)
    assert caught.value.message.isprintable()
    assert VoiceAssignments(paths.find()).muted == ()
    assert not (paths.find().state / "agent-hook.json").exists()


def test_one_that_was_muted_before_can_be_unmuted(runtime: Path) -> None:
    """Whatever its name is."""
    VoiceAssignments(paths.find()).mute("a\nb")
    names.main("hushd names", ["unmute", "a\nb"])
    assert VoiceAssignments(paths.find()).muted == ()
