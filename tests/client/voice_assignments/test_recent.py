"""The texts that were spoken lately: in memory, bounded, and nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hushd.voice_assignments import recent
from hushd.voice_assignments.recent import ALTERNATE_S, MAX_BYTES, MAX_CHARACTERS, MAX_UTTERANCES, Recent
from hushd.voice_assignments.speaker import NamedSpeaker
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema.description import SpeakingDescription

pytestmark = pytest.mark.skipif(not os.path.isdir(recent.MEMORY), reason="this system has no /dev/shm")
NOTHING = SpeakingDescription(role="tts", version="1", engines=())


def memory(now: float = 1000.0) -> Recent:
    """The memory as another process has it."""
    return Recent(paths.find(), lambda: now)


def test_the_last_texts_are_remembered(runtime: Path) -> None:
    """Another process has them by name, in order, with the voice that spoke."""
    memory(1.0).add("api", "One.", ("kokoro", "m", "a"), "markdown")
    memory(2.0).add("web", "Two ü\ud800.")
    assert [each.text for each in memory().utterances()] == ["One.", "Two ü\ud800."]
    (one,) = memory().utterances("api")
    assert (one.at, one.voice, one.markup) == (1.0, ("kokoro", "m", "a"), "markdown")


def test_the_memory_is_bounded_and_closed_to_others(runtime: Path) -> None:
    """However much is said, it is 50 texts and 0.2 MB; its mode is 0600, and it is not on disk."""
    for number in range(MAX_UTTERANCES + 5):
        memory().add("api", f"{number} " + "word " * MAX_CHARACTERS)
    utterances = memory().utterances()
    assert len(utterances) <= MAX_UTTERANCES
    assert utterances[-1].text.startswith(f"{MAX_UTTERANCES + 4} ")
    assert sum(len(each.text) for each in utterances) <= MAX_BYTES
    path = memory()._path
    assert path.startswith("/dev/shm/")
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"utterances": [{"at": 1}], "speaker": "", "spoke": 0}'])
def test_a_damaged_memory_is_begun_anew(runtime: Path, content: bytes) -> None:
    """Whatever is there in its place, the next text is remembered."""
    memory().add("api", "One.")
    Path(memory()._path).write_bytes(content)
    assert memory().utterances() == []
    memory().add("api", "Two.")
    assert len(memory().utterances()) == 1


def test_a_turn_that_alternates_is_known(runtime: Path) -> None:
    """The first to speak, and who speaks on, need no name; after another one they do, for a while."""
    turns = [("api", 0.0), ("api", 1.0), ("web", 2.0), ("web", 3.0), ("api", 4.0), ("web", 5.0 + ALTERNATE_S)]
    assert [memory(now).take_turn(name) for name, now in turns] == [False, False, True, False, True, False]


def spoken(name: str, text: str, **options: object) -> str:
    return NamedSpeaker(paths.find(), name).prepare(text, options, lambda: NOTHING).text


def test_a_session_says_its_name_when_another_has_spoken(runtime: Path) -> None:
    """The name stands before the text and not in the memory; the configuration turns both off."""
    assert spoken("api", "Done.") == "Done."
    assert spoken("web", "Built.") == "web:\n\nBuilt."
    assert [each.text for each in memory().utterances()] == ["Done.", "Built."]
    (runtime / "config.toml").write_text("[agents]\nannounce = false\nremember = false\n")
    assert spoken("api", "Done.") == "Done."
    assert len(memory().utterances()) == 2


def test_a_key_is_neither_said_nor_remembered(runtime: Path) -> None:
    """Whoever listens, and `hushd names said`, get no more of it than that it is one."""
    assert spoken("api", "I set `sk-proj-abcdEFGH1234abcdEFGH1234`.") == "I set `a key`."
    assert [each.text for each in memory().utterances()] == ["I set `a key`."]


def test_a_muted_session_is_told(runtime: Path) -> None:
    """One sentence says who is muted, and the way out."""
    from hushd.voice_assignments.speaker import VoiceAssignments

    VoiceAssignments(paths.find()).mute("api")
    with pytest.raises(HushdError, match="api is muted: `hushd names unmute api`"):
        NamedSpeaker(paths.find(), "api").check()
    NamedSpeaker(paths.find(), "web").check()
