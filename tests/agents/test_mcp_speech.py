"""`hushd mcp` with the engines it is for: recordings, voices, and a person who answers."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
import soundfile
import soxr
from support import moonshine_once, python_path
from support.peer import Start, Supervisor
from support.recordings import recording
from support.wer import word_error_rate

from .mcp_host import stdio_host

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")


DEVICE = Path(__file__).parents[1] / "support" / "quiet_device"
WHOLE = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
FIRST = "Ever tried. Ever failed. No matter. Try again."  # before the first pause of more than 0.8 s
QUESTION = "Shall I delete the old backups?"
PATIENT = ("--patience", "100")  # a busy machine needs more than the 25 s after which there is a ticket


@pytest.fixture(scope="module")
def beckett() -> Path:
    """Ten seconds of a person."""
    return recording()


@pytest.fixture
def person(tmp_path: Path, beckett: Path) -> dict[str, str]:
    """The environment of a server whose microphone hears that person, once its loudspeaker is silent."""
    samples, rate = soundfile.read(beckett, dtype="int16")
    file = tmp_path / "person.raw"
    file.write_bytes(soxr.resample(samples, rate, 16000).tobytes())
    (tmp_path / "diary").touch()
    return {"PYTHONPATH": python_path.first(DEVICE), "HUSHD_DIARY": str(tmp_path / "diary"), "HUSHD_PERSON": str(file)}


@pytest.fixture
def engines(start_supervisor: Start) -> Supervisor:
    """A supervisor with the real engines; nothing is loaded yet."""
    return start_supervisor(moonshine_once.configuration())


@pytest.mark.usefixtures("carried")
def test_a_recording_by_its_path(person: dict[str, str], beckett: Path) -> None:
    """It gives the words; times only where they are asked for."""
    with stdio_host(*PATIENT, environment=person) as host:
        by_path = host.data("transcribe", path=str(beckett), segments="true")
        without_times = host.data("transcribe", path=str(beckett))
    assert word_error_rate(WHOLE, by_path["text"]) <= 2 / 12
    assert without_times["text"] == by_path["text"]
    assert by_path["language"] == "en"
    assert abs(by_path["duration"] - 10) < 0.1
    assert [part["text"] for part in by_path["segments"]] == by_path["text"].replace(", ", ",\n").splitlines()
    assert "segments" not in without_times


@pytest.mark.usefixtures("carried")
def test_each_session_has_its_voice(person: dict[str, str]) -> None:
    """HUSHD_VOICE names it, in one process for all of them; a call may name another."""
    with (
        stdio_host(*PATIENT, environment=person | {"HUSHD_VOICE": "espeak-en-us"}) as robot,
        stdio_host(*PATIENT, environment=person) as usual,
    ):
        assert robot.data("say", text="Yes.")["voice"] == "espeak-en-us"
        assert usual.data("say", text="Yes.")["voice"] == "heart"
        assert robot.data("say", text="Yes.", voice="heart")["voice"] == "heart"
        assert len([*Path(os.environ["HUSHD_RUNTIME_DIR"]).glob("mcp-????????")]) == 1


@pytest.mark.usefixtures("engines")
def test_a_question_and_its_answer(person: dict[str, str], tmp_path: Path) -> None:
    """It speaks, then listens, cold: the answer alone is heard, and the loudspeaker was closed before."""
    with stdio_host(*PATIENT, environment=person) as host:
        heard = host.data("converse", text=QUESTION)
        assert word_error_rate(FIRST, heard["text"]) <= 1 / 8
        states = list(dict.fromkeys((news.message or "").partition(":")[0] for news in host.news))
        assert states == ["queued", "speaking", "listening"]
    events = [line.split()[1] for line in (tmp_path / "diary").read_text().splitlines()]
    assert events == ["open", "open", "sound", events[3], "close", "close"]
    assert events[3] == "heard"
