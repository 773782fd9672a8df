"""The arguments of `say`: what they ask of a speech, and what makes no sense."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_cli.commands.say.options import parse, synthesize_options
from hushd_protocol.errors import HushdError
from support.refusals import hushd_error

# The codes that `say --file-format=?` prints on macOS.
MACOS = {"m4af": "m4a", "adts": "aac", "WAVE": "wav", "AIFF": "aiff"}


def asked(*arguments: str) -> dict[str, Any]:
    """Returns the parameters that differ from the defaults."""
    return {name: value for name, value in synthesize_options(parse("say", arguments)).items() if value}


@pytest.mark.parametrize(("arguments", "wanted"), [
    ([], {}),
    (["-v", "heart", "-r", "180", "-l", "en-GB"], {"voice": "heart", "wpm": 180.0, "language": "en-GB"}),
    (["--markdown"], {"markup": "markdown"}),
    (["--volume", "0.5"], {}),  # the player's
    (["-o", "x.wav", "--volume", "0.5"], {"volume": 0.5}),
    (["-o", "x.wav", "--sample-rate", "8000", "--channels", "2"], {"sample_rate": 8000, "channels": 2}),
])  # fmt: skip
def test_what_is_asked_of_a_speech(arguments: list[str], wanted: dict[str, Any]) -> None:
    """Each option is a parameter; the others are left to the worker."""
    assert asked(*arguments, "Hello.") == wanted


def test_a_session_has_a_voice_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """HUSHD_VOICE speaks where nothing on the line chooses another."""
    monkeypatch.setenv("HUSHD_VOICE", "nova")
    assert asked("Hello.") == {"default_voice": "nova"}
    assert asked("-v", "heart", "Hello.") == {"voice": "heart"}
    assert asked("-l", "de", "Hello.") == {"language": "de"}
    assert asked("--model", "x/y", "Hello.") == {}


@pytest.mark.parametrize(("arguments", "text"), [
    (["Good", "morning."], "Good morning."),
    (["-v", "en", "Good", "-r", "180", "morning."], "Good morning."),
    (["Good", "--", "-v", "--", "x"], "Good -v -- x"),
    (["--", "-5 degrees"], "-5 degrees"),
    (["-5"], "-5"),
])  # fmt: skip
def test_options_are_taken_anywhere(arguments: list[str], text: str) -> None:
    """They may stand among the words, and behind -- everything is a word."""
    assert " ".join(parse("say", arguments).text) == text


@pytest.mark.parametrize(("arguments", "text", "file"), [
    (["-"], [], "-"), (["-v", "heart", "-"], [], "-"), (["-", "x"], ["-", "x"], None), ([], [], None),
])  # fmt: skip
def test_a_dash_is_standard_input(arguments: list[str], text: list[str], file: str | None) -> None:
    """Alone, as for `listen`; among words it is one."""
    options = parse("say", arguments)
    assert (options.text, options.input_file) == (text, file)


@pytest.mark.parametrize("text", ["--soon", "--json-", "-y"])
def test_a_text_with_a_dash_is_told_where_it_goes(text: str) -> None:
    """Whatever option it looks like."""
    with hushd_error("bad_request", "a text that begins with a dash goes after --"):
        parse("say", [text])
    assert parse("say", ["--", text]).text == [text]


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        (["-o", "x.opus"], "opus"), (["-o", "x.raw"], "pcm"), (["-o", "x.aif"], "aiff"), (["-o", "x.FLAC"], "flac"),
        (["-o", "-"], "wav"), (["-o", "-", "--format", "opus"], "opus"), (["-o", "/dev/null"], "wav"),
        (["--output-file=x", "--file-format=WAVE"], "wav"), (["-o", "x.wav", "--format", "FLAC"], "flac"),
        *((["-o", "x", f"--file-format={code}"], form) for code, form in MACOS.items()),
    ],
)  # fmt: skip
def test_the_kind_of_file(arguments: list[str], form: str) -> None:
    """The option says it, else the extension, else it is WAV."""
    assert parse("say", [*arguments, "Hello."]).format == form


@pytest.mark.parametrize(("arguments", "words"), [
    (["--volume", "2.5"], "--volume must be a number from 0 to 2"),  # each option's bad values: tests/golden
    (["--loud"], "--loud"),
    (["--json"], "give -v '?' or -a '?' too"),
    (["--format", "wav"], "for -o FILE"),
    (["--sample-rate", "8000"], "for -o FILE"),
    (["-o", "x.wav", "-a", "Speakers"], "not for -o FILE"),
])  # fmt: skip
def test_what_makes_no_sense(arguments: list[str], words: str) -> None:
    """It is refused in a sentence that names it."""
    with pytest.raises(HushdError) as caught:
        parse("say", [*arguments, "Hello."])
    assert caught.value.code == "bad_request"
    assert words in caught.value.message
