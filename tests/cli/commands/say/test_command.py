"""The end of a speech of `say`: it is played or written, with its subtitles, its warnings and offers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hushd.audio.devices
import pytest
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_cli import listing
from hushd_cli.commands.say import command, speaking
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from support.refusals import hushd_error

SRT = "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n"


class Speech:
    """Stands for `hushd.Speech`: its sound is its text."""

    rate, channels = 16_000, 1

    def __init__(self, text: Any, warnings: list[Any]) -> None:
        self.text = text if isinstance(text, bytes) else text.encode() if isinstance(text, str) else b"".join(text)
        self.warnings, self.closed = warnings, False

    def pieces(self) -> Iterator[tuple[bytes, int]]:
        yield b"?" * len(self.text), 0
        yield self.text, 0  # as the head of a file is written again

    def __iter__(self) -> Iterator[bytes]:
        yield self.text

    def transcript(self) -> Transcript:
        return Transcript((Segment(0, 0.0, 1.5, self.text.decode()),))

    def close(self) -> None:
        self.closed = True


class Client:
    """Stands for `hushd.Client`; speaks all but what it has an error for."""

    passed_over: Any = None
    role: str

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.speeches: list[Speech] = []
        self.floors: list[dict[str, Any]] = []
        self.errors: dict[bytes, HushdError] = {}
        self.warnings: list[Any] = []

    def synthesize(self, text: Any, **options: Any) -> Speech:
        self.asked.append(options)
        self.speeches.append(Speech(text, self.warnings))
        if error := self.errors.get(self.speeches[-1].text):
            raise error
        return self.speeches[-1]

    def floor(self, device: str, **options: Any) -> object:
        self.floors.append({"device": device, **options})
        return self


class Player:
    """Stands for the loudspeaker's."""

    played: list[tuple[Any, ...]]

    def __init__(self, device: Any, floor: Any, volume: float) -> None:
        self._set = device, volume

    def check(self) -> None:
        self.played.append(("checked", *self._set))

    def play(self, speech: Speech, rate: int, channels: int) -> None:
        assert not speech.closed
        self.played.append((b"".join(speech), rate, channels))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> Client:
    made = Client()

    @contextmanager
    def shown(*_: Any, role: str) -> Iterator[Client]:
        made.role = role
        yield made

    monkeypatch.setattr(command, "shown_client", shown)
    monkeypatch.setattr(command.console, "silence_libraries", lambda: None)
    monkeypatch.setattr(hushd.audio.devices, "load_ahead", lambda: None)
    monkeypatch.setattr(Player, "played", [], raising=False)
    monkeypatch.setattr(speaking, "Player", Player)
    monkeypatch.setattr(command, "mention_language", lambda: None)
    return made


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Has a person type lines."""

    def types(lines: bytes) -> None:
        monkeypatch.setattr(speaking, "is_typed", lambda options: True)
        monkeypatch.setattr(speaking, "lines", lambda: iter(io.BytesIO(lines)))

    return types


@pytest.mark.parametrize("output", [[], ["-o", "x.wav"]])
def test_the_subtitles_of_a_speech_are_written(
    output: list[str], client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the form that their file's name says, whether the speech is played or written; without the option none."""
    monkeypatch.chdir(tmp_path)
    assert command.main("say", [*output, "Hello."]) == 0
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".wav"]
    for name, begins in (("a.srt", SRT), ("a.vtt", "WEBVTT\n\n00:00.000 --> 00:01.500\nHello.")):
        command.main("say", [*output, "--subtitles", name, "Hello."])
        assert (tmp_path / name).read_text().startswith(begins)
    assert Path("x.wav").exists() == bool(output)


def test_a_speech_is_played_on_the_floor_and_closed(client: Client) -> None:
    """At its rate, with the volume and the device of the options, once the device was looked for."""
    command.main("say", ["--volume", "0.5", "-a", "2", "--priority", "message", "Hello."])
    assert Player.played == [("checked", "2", 0.5), (b"Hello.", 16_000, 1)]
    assert [(each["device"], each["priority"], each["duck"]) for each in client.floors] == [
        ("speaker", "message", False)
    ]
    assert client.speeches[0].closed
    assert {name: client.asked[0][name] for name in ("format", "keep", "priority")} == {
        "format": "s16le", "keep": False, "priority": "message",
    }  # fmt: skip
    command.main("say", ["Hello."])
    assert Player.played[2:] == [("checked", None, 1.0), (b"Hello.", 16_000, 1)]


def test_a_speech_is_written_piece_by_piece_at_its_place(client: Client, tmp_path: Path) -> None:
    """A head that is only known at the end replaces the one before; nothing is played."""
    command.main("say", ["-o", str(tmp_path / "x.wav"), "Hello."])
    assert (tmp_path / "x.wav").read_bytes() == b"Hello."
    assert client.asked[0]["format"] == "wav"
    assert Player.played == []


def test_each_typed_line_is_spoken_and_one_that_is_wrong_costs_no_other(
    client: Client, typed: Callable[[bytes], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """Its error is told; empty lines are nothing."""
    typed(b"One.\n\n  \nTwo.\nThree.\n")
    client.errors[b"Two.\n"] = HushdError("bad_request", "It is wrong.")
    command.main("say", [])
    assert [sound for sound, *_ in Player.played if isinstance(sound, bytes)] == [b"One.\n", b"Three.\n"]
    assert capfd.readouterr().err.count("It is wrong.") == 1


def test_an_error_that_is_not_of_a_line_ends_a_session(client: Client, typed: Callable[[bytes], None]) -> None:
    """The next line would meet it, too."""
    typed(b"One.\nTwo.\n")
    client.errors[b"One.\n"] = HushdError("engine_missing", "There is no engine.")
    with hushd_error("engine_missing", "There is no engine."):
        command.main("say", [])
    assert Player.played == []


def test_a_warning_is_told_once_for_all_lines(
    client: Client, typed: Callable[[bytes], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """It is of the options, which are the same for each."""
    typed(b"One.\nTwo.\n")
    client.warnings = [SimpleNamespace(code="unused", message="This voice has no pitch.")]
    command.main("say", [])
    assert len(client.speeches) == 2
    assert capfd.readouterr().err.count("This voice has no pitch.") == 1


def test_typed_lines_have_no_subtitles(client: Client, typed: Callable[[bytes], None], tmp_path: Path) -> None:
    """A session has no end at which they could be written."""
    typed(b"One.\n")
    with hushd_error("bad_request", has="--subtitles are of one text, which is not typed line by line"):
        command.main("say", ["--subtitles", str(tmp_path / "x.srt")])
    assert client.asked == []


@pytest.mark.parametrize(("arguments", "offered"), [
    ([], True), (["-v", "alan"], False), (["-l", "de"], False),
])  # fmt: skip
def test_who_has_not_chosen_is_told_of_languages(
    arguments: list[str], offered: bool, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who names a voice or a language knows of them."""
    told: list[object] = []
    monkeypatch.setattr(command, "mention_language", lambda: told.append(1))
    command.main("say", [*arguments, "Hello."])
    assert bool(told) is offered


@pytest.mark.parametrize("passed_over", [None, (("kokoro", "v1", "mia"), 2.5)])
def test_a_voice_that_is_slow_here_is_told_of(
    passed_over: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The voice that the speech would have had, and how slow it is."""
    told: list[object] = []
    monkeypatch.setattr(command, "mention_slow_voice", lambda *what: told.append(what))
    client.passed_over = passed_over
    command.main("say", ["Hello."])
    assert told == ([passed_over] if passed_over else [])


@pytest.mark.parametrize(("arguments", "looks"), [
    (["Hello."], True), (["-v", "alan", "Hello."], True), (["-o", "FILE", "Hello."], False), (["-v", "?"], False),
])  # fmt: skip
def test_the_loudspeaker_is_looked_for_where_one_will_sound(
    arguments: list[str], looks: bool, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PortAudio's lines are kept from the terminal then; neither a file nor a list of voices waits for a device."""
    done: list[str] = []
    monkeypatch.setattr(command.console, "silence_libraries", lambda: done.append("silence"))
    monkeypatch.setattr(hushd.audio.devices, "load_ahead", lambda: done.append("look"))
    monkeypatch.setattr(listing, "list_voices", lambda *_: None)
    command.main("say", [str(tmp_path / "x.wav") if each == "FILE" else each for each in arguments])
    assert done == ["silence", "look"] * looks


@pytest.mark.parametrize(("arguments", "usual", "config", "role"), [
    (["Hello."], "", "", "tts"),
    (["-v", "alan", "Hello."], "", "", ""),
    (["-l", "de", "Hallo."], "", "", ""),
    (["--engine", "piper", "Hello."], "", "", ""),
    (["--model", "kokoro-v1.0", "Hello."], "", "", ""),
    (["Hello."], "alan", "", ""),
    ([" "], "", "", ""),
    (["Hallo."], "", 'languages = ["de"]', ""),
])  # fmt: skip
def test_the_usual_voice_starts_while_the_client_is_imported(
    arguments: list[str], usual: str, config: str, role: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does only where it will speak: no other voice, language, engine or model was named, and there is a text."""
    monkeypatch.setenv(command.USUAL_VOICE, usual)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    paths.find().config.write_text(config)
    with suppress(HushdError):
        command.main("say", arguments)
    assert client.role == role
