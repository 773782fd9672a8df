"""`hushd people`, with the engines that hushd carries: consent that is heard, and names in transcripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import soundfile
from hushd.client import Client
from hushd_cli.commands import people as people_command
from hushd_cli.terminal import console
from hushd_models import consent
from hushd_models.people import PeopleFolder, voiceprints
from support import warm
from support.peer import Supervisor
from support.recordings import recording

pytestmark = pytest.mark.skipif(
    find_spec("moonshine_voice") is None, reason="the models that tell voices apart come with moonshine-voice"
)


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-P", "-c", f"from hushd_cli import entry; entry.{name}()", *arguments]


def people(*arguments: str | Path) -> CompletedProcess[bytes]:
    return warm.run(command("hushd", "people", *map(str, arguments)), capture_output=True, timeout=120)


def listen(*arguments: str | Path) -> CompletedProcess[bytes]:
    return warm.run(command("listen", *map(str, arguments)), capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def spoken(carried: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the carried voice says both sentences, the first alone, a denial, and something else."""
    folder = tmp_path_factory.mktemp("spoken")
    known, imitated = consent.sentences("en", imitation=True)
    with Client() as client:
        for name, text in (
            ("both", f"{known} {imitated}"),
            ("first", known),
            ("denied", known.replace("agree", "do not agree")),
            ("other", "The quick brown fox jumps over the lazy dog, and nobody minds it at all."),
        ):
            client.synthesize(text).save(folder / f"{name}.wav")
    return folder


@pytest.fixture(scope="module")
def beckett() -> Path:
    """A recording of somebody else."""
    return recording()


@pytest.fixture(autouse=True)
def nobody(carried: Supervisor) -> Iterator[None]:
    """Nobody is known before a test."""
    yield
    for person in PeopleFolder().every()[0]:
        PeopleFolder().forget(person.name)


def test_a_person_from_consent_to_oblivion(spoken: Path, beckett: Path) -> None:
    """A person who agrees in a recording is called by name in others, and nobody else is; `forget` leaves no file."""
    added = people("add", "Änne B.", spoken / "both.wav")
    assert added.returncode == 0, added.stderr
    assert json.loads(people("list", "--json").stdout)["people"][0]["imitation"] == "not agreed"
    shown = json.loads(people("show", "änne b.", "--json").stdout)
    assert Path(shown["recording"]).read_bytes() == (spoken / "both.wav").read_bytes()
    assert "learns my voice" in shown["recognised"]
    form = ("--diarize", "-f", "json")
    named = json.loads(listen(*form, spoken / "other.wav").stdout)
    assert {segment["speaker"] for segment in named["segments"]} == {"Änne B."}
    stranger = json.loads(listen(*form, beckett).stdout)
    assert {segment["speaker"] for segment in stranger["segments"]} == {"SPEAKER_00"}
    assert b"<v \xc3\x84nne B.>" in listen("--diarize", "-f", "vtt", spoken / "other.wav").stdout
    forgotten = people("forget", "Änne B.")
    assert forgotten.returncode == 0
    assert list(PeopleFolder().folder.iterdir()) == []
    unknown = json.loads(listen(*form, spoken / "other.wav").stdout)
    assert {segment["speaker"] for segment in unknown["segments"]} == {"SPEAKER_00"}


def test_imitation_is_another_consent(spoken: Path) -> None:
    """The second sentence is needed for it, and is kept as agreed."""
    refused = people("add", "Anna", "--imitation", spoken / "first.wav")
    assert refused.returncode == 2
    assert b"imitate my voice" in refused.stderr
    assert people("add", "Anna", "--imitation", spoken / "both.wav").returncode == 0
    assert PeopleFolder().find("Anna").imitation


@pytest.mark.parametrize(
    ("name", "words"), [("denied", "may not agree"), ("other", "was not recognised"), ("missing", "cannot be read")]
)
def test_without_consent_nothing_is_kept(spoken: Path, name: str, words: str) -> None:
    """A recording that denies it, says something else or is not there costs one sentence, and no file is written."""
    refused = people("add", "Anna", spoken / f"{name}.wav")
    assert refused.returncode != 0
    assert words in refused.stderr.decode()
    assert refused.stderr.count(b"\n") == 1
    assert PeopleFolder().every() == ([], [])


def test_one_voice_is_one_person(spoken: Path) -> None:
    """A voice that is known under another name is refused, with that name."""
    assert people("add", "Anna", spoken / "first.wav").returncode == 0
    again = people("add", "Bert", spoken / "both.wav")
    assert (again.returncode, b"the voice of Anna" in again.stderr) == (2, True)


def test_the_sentence_is_shown(carried: Supervisor) -> None:
    """Without a recording `add` prints the sentence to be said, in the language that is asked for."""
    shown = people("add", "Anna")
    assert shown.stdout.decode().strip() == consent.sentences("en", imitation=False)[0]
    shown = people("add", "Anna", "--imitation", "--language", "de")
    assert shown.stdout.decode().strip() == " ".join(consent.sentences("de", imitation=True))


def test_a_damaged_person_is_complained_of(spoken: Path) -> None:
    """A person who cannot be read costs a sentence in each command, and the others keep their names."""
    assert people("add", "Anna", spoken / "first.wav").returncode == 0
    folder = PeopleFolder().folder / ("0" * 32)
    folder.mkdir(mode=0o700)
    (folder / "person.json").write_bytes(b"{")
    heard = listen("--diarize", spoken / "other.wav")
    assert heard.stdout.startswith(b"Anna: ")
    assert heard.stderr.count(b"\n") == 1
    assert str(folder).encode() in heard.stderr
    listed = people("list")
    assert b"Anna" in listed.stdout
    assert str(folder).encode() in listed.stderr
    assert list(voiceprints()[0]) == ["Anna"]
    (folder / "person.json").unlink()
    folder.rmdir()


class Spoken:
    """A microphone before which a recording plays, and then silence."""

    def __init__(self, file: Path) -> None:
        samples, self.rate = soundfile.read(file, dtype="int16")
        sound = np.concatenate([samples, np.zeros(20 * self.rate, np.int16)]).tobytes()
        self._chunks = iter(sound[at : at + self.rate // 5] for at in range(0, len(sound), self.rate // 5))

    def __enter__(self) -> Spoken:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def __iter__(self) -> Spoken:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def stop(self) -> None:
        """There is no device."""


def test_consent_at_the_microphone(spoken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sentences are recorded, with the breath between them, until the speaker is silent; the recording is kept as
    a WAV file that says them."""
    monkeypatch.setattr("hushd.audio.microphone.Microphone", lambda device: Spoken(spoken / "both.wav"))
    monkeypatch.setattr(console, "silence_libraries", lambda: None)
    assert people_command.main("hushd people", ["add", "Anna", "--microphone", "--imitation"]) == 0
    anna = PeopleFolder().find("Anna")
    assert anna.imitation
    info = soundfile.info(PeopleFolder().recording(anna))
    assert (info.format, info.subtype) == ("WAV", "PCM_16")
    assert info.duration < soundfile.info(spoken / "both.wav").duration + 10


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["Ann", "--nosuch", "a.wav"], 2, "Unrecognized arguments: --nosuch"),
        (["Ann", "--language", "en", "a.wav", "b.wav"], 2, "b.wav (see"),  # Python 3.11 names a.wav too
        (["Ann", "--", "-a.wav"], 4, "'-a.wav' cannot be read (No such file or directory)"),
        (["Ann", "--language", "en", "a.wav"], 4, "'a.wav' cannot be read (No such file or directory)"),
    ],
)
def test_the_arguments_that_are_wrong_are_named(
    carried: Supervisor, arguments: list[str], code: int, sentence: str
) -> None:
    """A FILE may stand behind options, and only what nobody knows is called unknown."""
    added = people("add", *arguments)
    assert (added.returncode, sentence in added.stderr.decode()) == (code, True), added.stderr
