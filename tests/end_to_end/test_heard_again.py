"""An installed model of several languages hears again what the usual model has invented, at every door."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from agents.mcp_host import stdio_host
from hushd import Client
from support import command_line, warm
from support.peer import Supervisor, check_nothing_is_left
from support.recordings import recording
from support.wyoming_gateway import served, until
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient

TEXT = "Tout va bien."
PROGRAM = "print('" + json.dumps({"text": TEXT, "language": "fr"}) + "')"
RATE = 16_000
Door = Callable[[Path], tuple[str, str]]


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of speech played backwards, which are in no language that the usual model knows."""
    samples, rate = soundfile.read(recording(), frames=5 * RATE, dtype="int16")
    path = tmp_path_factory.mktemp("speech") / "strange.wav"
    soundfile.write(path, samples[::-1], rate)
    return path


@pytest.fixture(scope="module")
def other(home: Path) -> Iterator[Path]:
    """A supervisor beside a program that hears two languages; the program's file."""
    file = home / "commands" / "mine.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'run = {json.dumps([sys.executable, "-c", PROGRAM])}\nlanguages = ["en", "fr"]\noutput = "json"\n')
    started = Supervisor(home, "")
    assert started.ready, started.log()
    yield file
    started.stop()
    check_nothing_is_left(home)


def whole(strange: Path) -> tuple[str, str]:
    with Client() as client:
        heard = client.transcribe(strange)
    assert (heard.model, [warning.code for warning in heard.warnings]) == ("command/mine", ["heard_again"])
    return heard.text, heard.language


def live(strange: Path) -> tuple[str, str]:
    """A turn at the microphone."""
    samples, _ = soundfile.read(strange, dtype="int16")
    sound = np.concatenate((samples, np.zeros(4 * RATE, np.int16))).tobytes()
    with Client() as client:
        heard = client.listen(sound[start : start + 3_200] for start in range(0, len(sound), 3_200)).transcript()
        assert heard.ended == "endpoint"
        return heard.text, heard.language


def command(strange: Path) -> tuple[str, str]:
    run = [sys.executable, "-P", "-c", "from hushd_cli import entry; entry.listen()", "-f", "json", str(strange)]
    done = warm.run(run, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True)
    assert "Heard by command/mine, since this is not English." in done.stderr
    document = json.loads(done.stdout)
    assert document["model"] == "command/mine"
    return document["text"], document["language"]


def assistant(strange: Path, **asked: Any) -> tuple[str, Any]:
    """It asks by Wyoming; the parts of the text are the whole."""
    samples, rate = soundfile.read(strange, dtype="int16")
    sound = {"rate": rate, "width": 2, "channels": 1}

    async def run() -> tuple[str, Any]:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Transcribe(**asked).event())
            await client.write_event(AudioStart(**sound).event())
            await client.write_event(AudioChunk(audio=samples.tobytes(), **sound).event())
            await client.write_event(AudioStop().event())
            events = await until(client, "transcript-stop")
            (answer,) = [event.data for event in events if event.type == "transcript"]
            parts = [event.data["text"] for event in events if event.type == "transcript-chunk"]
            assert "".join(parts) == answer["text"]
            # Sound that is heard while it comes has two pieces, of each of which the program says the same.
            return " ".join(dict.fromkeys(part.strip() for part in parts)), answer.get("language")

    return asyncio.run(run())


def agent(strange: Path) -> tuple[str, str]:
    """A call of the agents' tool."""
    with stdio_host("--patience", "100", environment={}) as host:
        data = host.data("transcribe", path=str(strange))
    assert (data["model"], "unlikely" in data) == ("command/mine", False)
    return data["text"], data["language"]


@pytest.mark.parametrize("door", [whole, live, command, assistant, agent])
def test_another_model_hears_it(other: Path, strange: Path, door: Door) -> None:
    """Its text, its language and its name, and nothing of the invented text."""
    assert door(strange) == (TEXT, "fr")


def test_a_setting_turns_it_off(other: Path, strange: Path) -> None:
    """The usual model's text comes with its mark."""
    config = other.parent.parent / "config.toml"
    before = config.read_text()
    config.write_text(f"hear_again = false\n{before}")
    with Client() as client:
        heard = client.transcribe(strange)
    config.write_text(before)
    assert (heard.model, [warning.code for warning in heard.warnings]) == ("", ["unlikely_text"])


def test_an_assistant_that_names_a_language_is_believed(other: Path, strange: Path) -> None:
    """No other model is asked, and the text is sent, with that language."""
    text, language = assistant(strange, language="en")
    assert text not in ("", TEXT)
    assert language == "en"


def test_a_session_in_another_language_asks_its_model_first(
    other: Path, strange: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A French session has English heard by `command/mine`, too, at once; an English one by the usual model."""
    for session, french in (("fr_FR.UTF-8", True), ("en_US.UTF-8", False)):
        monkeypatch.setenv("LC_ALL", session)
        with Client() as client:
            heard = client.transcribe(recording())
        assert ((heard.text == TEXT), heard.model) == (french, "")


@pytest.mark.parametrize(("language", "other_hears"), [("fr", True), ("en", False)])
def test_a_requested_language_goes_to_a_model_that_hears_it(
    other: Path, strange: Path, language: str, other_hears: bool
) -> None:
    """The usual model is known not to hear it, in a file or at the microphone."""
    printed = command_line.run("listen", "--language", language, str(strange), text=True).stdout
    assert (printed == f"{TEXT}\n") == other_hears
    samples, _ = soundfile.read(strange, dtype="int16")
    with Client() as client:
        heard = client.listen(iter([samples.tobytes()]), language=language).transcript()
    assert (heard.text == TEXT) == other_hears
