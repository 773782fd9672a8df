"""Voices by name: chosen once, the same each time, and stored for all programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hushd.voice_assignments import names
from hushd.voice_assignments.speaker import NamedSpeaker, VoiceAssignments
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema.description import SpeakingDescription, SpeakingEngine, VoiceDescription


def engine(name: str, voices: Sequence[str], language: str = "en", *, robotic: bool = False) -> SpeakingEngine:
    described = tuple(
        VoiceDescription(
            name=each, language=language, gender="", installed=True, sample="", wpm=180, engine=name, model="m"
        )
        for each in voices
    )
    return SpeakingEngine(
        name=name, installed=True, install="", default_model="m", models=(), robotic=robotic, streaming=True,
        voices=described, default_voice=voices[0],
    )  # fmt: skip


def catalogue(*engines: SpeakingEngine) -> SpeakingDescription:
    return SpeakingDescription(role="tts", version="1", default=f"{engines[0].name}/m", engines=engines)


KOKORO = engine("kokoro", ["a", "b", "c", "d"])
ROBOT = engine("espeak", ["r"], robotic=True)


def voice(name: str, described: SpeakingDescription, now: float = 0.0) -> str | None:
    """The voice of a name as a new process finds it."""
    choice = VoiceAssignments(paths.find(), lambda: now).voice(name, lambda: described)
    return choice and choice.voice


def test_each_name_has_its_own_voice_and_keeps_it(runtime: Path) -> None:
    """Names get different voices while there are some left, and keep theirs when voices come and others ask first."""
    first = {name: voice(name, catalogue(KOKORO)) for name in ("api", "web", "docs", "infra")}
    assert sorted(map(str, first.values())) == ["a", "b", "c", "d"]
    more = catalogue(engine("kokoro", ["0", "a", "a1", "b", "c", "d", "e"]), ROBOT)
    assert {name: voice(name, more) for name in reversed(first)} == first
    assert voice("fifth", catalogue(KOKORO)) in "abcd"


def test_a_voice_follows_from_the_name(runtime: Path) -> None:
    """On a new machine with the same voices the same name has the same voice."""
    before = voice("api", catalogue(KOKORO))
    (runtime / "state" / "roster.json").unlink()
    assert voice("api", catalogue(KOKORO)) == before


def test_a_voice_is_assigned_and_taken_back(runtime: Path) -> None:
    """An assignment holds for other processes; a voice that is not there is refused."""
    roster = VoiceAssignments(paths.find())
    roster.assign("api", "c", catalogue(KOKORO))
    assert VoiceAssignments(paths.find()).assignments() == {"api": "c"}
    assert voice("api", catalogue(KOKORO)) == "c"
    with pytest.raises(HushdError, match="no voice"):
        roster.assign("api", "nobody", catalogue(KOKORO))
    assert roster.release("api")
    assert not VoiceAssignments(paths.find()).release("api")


def test_names_are_muted_until_they_are_not(runtime: Path) -> None:
    """Muting holds for other processes."""
    VoiceAssignments(paths.find()).mute("api")
    VoiceAssignments(paths.find()).mute("api")
    assert VoiceAssignments(paths.find()).muted == ("api",)
    VoiceAssignments(paths.find()).mute("api", on=False)
    assert VoiceAssignments(paths.find()).muted == ()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"voices": {"a": 3}, "muted": [], "single": 0}', '{"voices": []}'])
def test_a_damaged_file_is_begun_anew(runtime: Path, content: str) -> None:
    """Half a file, or another program's, keeps nobody from speaking."""
    (runtime / "state").mkdir()
    (runtime / "state" / "roster.json").write_text(content)
    assert voice("api", catalogue(KOKORO))
    assert json.loads((runtime / "state" / "roster.json").read_text())["voices"]


def test_a_project_is_called_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder within a repository has the repository's name; home, the root and numbers are nobody's name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "api" / ".git").mkdir(parents=True)
    (tmp_path / "api" / "src" / "a").mkdir(parents=True)
    assert names.of_folder(str(tmp_path / "api" / "src" / "a")) == "api"
    assert names.of_folder(str(tmp_path / "plain" / "inner")) == "inner"
    assert names.of_folder("") == names.of_folder("/") == "agent"
    assert names.of_folder(str(tmp_path / "2026")) == "agent 2026"
    assert names.of_folder("/x/\x1b[31mred\n") == "[31mred"


def test_a_muted_session_is_told(runtime: Path) -> None:
    """One sentence says who is muted, and the way out."""
    VoiceAssignments(paths.find()).mute("api")
    with pytest.raises(HushdError, match="api is muted: `hushd names unmute api`"):
        NamedSpeaker(paths.find(), "api").check()
    NamedSpeaker(paths.find(), "web").check()


def test_a_named_speaker_speaks_with_its_own_voice_and_says_no_key(runtime: Path) -> None:
    """The voice is complete, so that nothing is asked for it again; who names one, or a language, keeps that."""
    speaker = NamedSpeaker(paths.find(), "api")
    spoken = speaker.prepare("I set `sk-proj-abcdEFGH1234abcdEFGH1234`.", {}, lambda: catalogue(KOKORO))
    assert spoken.text == "I set `a key`."
    assert spoken.options == {"default_voice": f"kokoro/m/{VoiceAssignments(paths.find()).assignments()['api']}"}
    for options in ({"voice": "b"}, {"language": "fr"}):
        assert speaker.prepare("Hi.", options, lambda: catalogue(KOKORO)).options == options
