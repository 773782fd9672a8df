"""The engine `command` with real programs: their input, the use of their sound, how they end."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_tts.engine import AudioChunk, Voice, usual_voice
from hushd_worker_tts.engines.command import FILES, Command
from hushd_worker_tts.worker import Worker
from support.refusals import hushd_error
from support.tts_jobs import Say

Make = Callable[..., Command]

# Speaks a tenth of a second for each word, into the file among its arguments or on standard output.
HUM = """
import io, struct, sys, wave
arguments = sys.argv[1:]
text = sys.stdin.read()
words = len((text or ' '.join(arguments)).split())
out = io.BytesIO()
with wave.open(out, 'wb') as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(8000)
    file.writeframes(struct.pack('<h', 16384) * 800 * words)
target = next((a for a in arguments if a.endswith('.wav')), None)
open(target, 'wb').write(out.getvalue()) if target else sys.stdout.buffer.write(out.getvalue())
"""
# Writes down what it was given.
TELL = "import json, os, sys; open(os.environ['TOLD'], 'w').write(json.dumps([sys.argv[1:], sys.stdin.read()]));"


@pytest.fixture
def folder(runtime: Path) -> Path:
    path = runtime / "voices"
    path.mkdir()
    return path


def write(folder: Path, name: str, **keys: Any) -> Path:
    """A command file; JSON's texts, lists and numbers are TOML's too."""
    path = folder / f"{name}.toml"
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items()))
    return path


@pytest.fixture
def make(folder: Path) -> Make:
    """`make(python program, *arguments, **keys of the file)`: the engine, loaded with it."""

    def engine(program: str, *arguments: str | list[str], **keys: Any) -> Command:
        run = [sys.executable, "-c", program, *arguments]
        write(folder, "mine", **{"run": run, "language": "en-US"} | keys)
        command = Command("mine")
        command.load(lambda note: None)
        return command

    return engine


def voice() -> Voice:
    return next(voice for voice in Command.voices() if voice.name == "mine")


def speak(command: Command, text: str, speed: float = 1.0) -> AudioChunk:
    (chunk,) = command.synthesize(text, voice(), speed)
    return chunk


def failure(command: Command, text: str = "Ever tried.") -> HushdError:
    with pytest.raises(HushdError) as caught:
        list(command.synthesize(text, voice(), 1.0))
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("arguments", [(), ("{wav}",), ("--", "{text}"), ("{wav}", "{text}")])
def test_the_text_goes_in_and_the_sound_comes_out(make: Make, runtime: Path, arguments: tuple[str, ...]) -> None:
    """Text goes in by standard input or an argument, sound comes by standard output or a file; nothing is left."""
    chunk = speak(make(HUM, *arguments), "Ever tried. Ever failed.")
    extra = len(arguments) - 1 if "{text}" in arguments else 0
    assert (chunk.rate, len(chunk.samples)) == (8000, 800 * (4 + extra))
    assert chunk.samples[0] == pytest.approx(0.5)
    assert list(runtime.glob("*.wav")) == []


@pytest.mark.parametrize(("speed", "expected"), [
    (1.0, ["-v", "mine", "-r", "180", "-s1", "--lang=en-US"]),
    (1.5, ["-v", "mine", "-r", "270", "-s1.5", "--lang=en-US"]),
])  # fmt: skip
def test_placeholders(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speed: float, expected: list[str]
) -> None:
    """Voice by the file's name, pace as words a minute or a factor; the text is never looked into."""
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    words = ["-v", "{voice}", "-r", "{wpm}", "-s{speed}", "--lang={language}"]
    command = make(TELL + HUM.replace("sys.stdin.read()", "'a'"), *words, wpm=180)
    spell = "{voice} $(id) `id` | id; -r 9"
    speak(command, spell, speed)
    assert json.loads((tmp_path / "told").read_text()) == [expected, f"{spell}\n"]


@pytest.mark.parametrize(("program", "keys", "words"), [
    ("import sys; sys.exit('no such voice')", {}, r"failed \(exit status 1: no such voice\)\.$"),
    ("", {}, r"produced no sound on standard output\.$"),
    ("print('hello')", {}, r"did not produce a sound file \(Format not recognised\)\.$"),
    ("import time; time.sleep(60)", {"timeout": 0.3}, r"was ended after 0\.3 s: raise timeout in .*mine\.toml\.$"),
    ("import sys\nwhile True: sys.stdout.write('x' * 1_000_000)", {}, r"printed more than 16 MB\.$"),
])  # fmt: skip
def test_a_program_that_fails(make: Make, program: str, keys: dict[str, Any], words: str) -> None:
    """One sentence says how, with the program's name."""
    error = failure(make(program, **keys))
    assert error.code == "worker_failed"
    assert re.search(words, error.message), error.message


def test_each_file_is_a_voice(folder: Path) -> None:
    """It is a model of its own, too; `default.toml` is the default, else the first."""
    true = ["/bin/true"]
    write(folder, "anna", run=true, language="de-DE", gender="female", wpm=150, memory_mb=20)
    write(folder, "mac", run=true, language="en-US")
    voices = {voice.name: voice for voice in Command.voices()}
    assert voices == {
        "anna": Voice("anna", "de-DE", "female", "anna", True, "Hallo, ich heiße anna.", 150),
        "mac": Voice("mac", "en-US", "", "mac", True, "Hello, my name is mac.", 175),
    }
    models = {model.name: model for model in Command.models()}
    assert models["mac"].languages == ("en-US",)
    assert models["anna"].memory_mb == 20
    assert usual_voice(Command.SPEC, Command.models()) == "anna"
    write(folder, "default", run=true, language="en")
    assert usual_voice(Command.SPEC, Command.models()) == "default"


def test_through_the_worker(folder: Path, say: Say) -> None:
    """The model's own voice speaks where none is named, another file's if it is."""
    for name, language in (("anna", "de-DE"), ("bert", "en-US")):
        write(folder, name, run=[sys.executable, "-c", HUM], language=language)
    worker = Worker("command", "bert")
    worker.load(lambda note: None)
    assert say(worker, "Hello there.").result.items() >= {"voice": "bert", "duration": 0.2}.items()
    assert say(worker, "Hallo.", voice="anna").result["voice"] == "anna"


def test_without_any_file(runtime: Path) -> None:
    """There is nothing to load, and the error says what to write."""
    assert not Command.available()
    with hushd_error("engine_missing", r"put a file voices/NAME\.toml beside .*config\.toml"):
        Worker("command", "default").load(lambda note: None)


def test_a_program_that_is_not_there(folder: Path) -> None:
    """Its voice is listed as not installed; the load names the program and the file."""
    path = write(folder, "mine", run=["no-such-program"], language="en")
    assert not voice().installed
    with pytest.raises(HushdError, match=rf"The program 'no-such-program' of {path} is not installed\.$"):
        Command("mine").load(lambda note: None)


REFUSED = [
    ({"run": None}, 'it needs run = ["program", "argument", …]'),
    ({"run": ["a", "{txt}"]}, "{txt} in run is not a placeholder (did you mean text?)"),
    ({"language": None}, "it needs language = 'en-US'"),
    ({"language": 7}, "language must be text, not 7"),
    ({"langage": "en"}, "there is no key 'langage' (did you mean language?)"),
    ({"wpm": "fast"}, "wpm must be a number, 10 or more, not 'fast'"),
    ({"memory_mb": True}, "memory_mb must be a number, 0 or more, not True"),
    ({"timeout": 0}, """timeout must be a time of 0.1 s or more, such as 90, "90s" or "1h30m", not 0"""),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "words"), REFUSED)
def test_a_file_that_makes_no_sense(folder: Path, keys: dict[str, Any], words: str) -> None:
    """The error names the fault and the remedy; the file is listed as a model and a voice that raise it."""
    content = {"run": ["true"], "language": "en"} | keys
    path = write(folder, "mine", **{key: value for key, value in content.items() if value is not None})
    with hushd_error("model_missing", has=f"{path}: {words} (see "):
        FILES.read("mine")
    assert [(voice.name, voice.model, voice.installed) for voice in Command.voices()] == [("mine", "mine", False)]
    with hushd_error("model_missing", r"mine\.toml: .+ \(see .*MODELS\.md\)\.$"):
        Worker("command", "mine").load(lambda note: None)
