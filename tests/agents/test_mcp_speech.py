"""`hushd mcp` with the engines it is for: recordings, a person who answers, and a real sound system."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import soundfile
import soxr
from hushd_worker_tts.engines.espeak_ng import EspeakNg
from support import foreign_speech, moonshine_once, sound_loop
from support.peer import Start, Supervisor, wait_until
from support.recordings import opening, recording
from support.sound_loop import SoundLoop
from support.wer import word_error_rate

from .mcp_host import Host, stdio_host, text

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
    return {"PYTHONPATH": str(DEVICE), "HUSHD_DIARY": str(tmp_path / "diary"), "HUSHD_PERSON": str(file)}


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


@pytest.mark.usefixtures("carried")
@pytest.mark.skipif(not EspeakNg.available(), reason="espeak-ng is not installed")
def test_a_person_in_another_language_is_not_invented(person: dict[str, str], tmp_path: Path) -> None:
    """The sentence that says so comes before the text, and no language is named."""
    samples, rate = soundfile.read(foreign_speech.french(tmp_path / "french.wav"), dtype="int16")
    heard = soxr.resample(samples, rate, 16000).tobytes()
    Path(person["HUSHD_PERSON"]).write_bytes(heard + bytes(64_000))
    with stdio_host(*PATIENT, environment=person) as host:
        result = host.call("listen", timeout="20", silence="0.8")
    assert result.structured_content
    assert result.structured_content["unlikely"] is True
    assert "language" not in result.structured_content
    assert text(result).startswith("This is probably not the spoken text: the model knows English only")


@pytest.mark.usefixtures("carried")
def test_listening_to_a_person(person: dict[str, str]) -> None:
    """One utterance, which ends with the pause; the host sees it grow."""
    with stdio_host(*PATIENT, environment=person) as host:
        heard = host.data("listen", timeout="20", silence="0.8")
        assert word_error_rate(FIRST, heard["text"]) <= 1 / 8
        assert any("listening: Ever" in (news.message or "") for news in host.news)


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


@pytest.fixture
def loop(home: Path) -> Iterator[SoundLoop]:
    if sound_loop.missing():
        pytest.skip(f"not installed: {sound_loop.missing()}")
    with SoundLoop(home / "sound") as made:
        yield made


def answering(loop: SoundLoop, host: Host) -> threading.Thread:
    """A person who answers once they are listened to."""

    def answer() -> None:
        wait_until(lambda: any((news.message or "").startswith("listening") for news in host.news), "a listener")
        loop.play(opening(loop.folder / "person.wav", 5.7))

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


@pytest.mark.usefixtures("carried")
def test_a_conversation_on_a_real_sound_system(loop: SoundLoop) -> None:
    """Nothing of the answer is lost, and hushd does not hear itself, though the microphone hears the loudspeaker."""
    with stdio_host(*PATIENT, environment=loop.environment) as host:
        person = answering(loop, host)
        heard = host.data("converse", text=QUESTION)["text"]
        person.join()
        assert word_error_rate(FIRST, heard) <= 1 / 8
