"""Text that a model of one language has invented for speech in another, over HTTP and from the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
import soxr
from hushd_worker_tts.engines.espeak_ng import EspeakNg
from support import command_line, foreign_speech, python_path
from support.http_gateway import HttpGateway

from .test_realtime import COMPLETED, append, session

if TYPE_CHECKING:
    from openai import OpenAI

pytestmark = pytest.mark.skipif(not EspeakNg.available(), reason="espeak-ng is not installed")
DEVICE = Path(__file__).parents[2] / "support" / "quiet_device"
WHY = "This is probably not the spoken text: the model knows English only"


@pytest.fixture(scope="module")
def french(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return foreign_speech.french(tmp_path_factory.mktemp("speech") / "french.wav")


def test_openais_formats_say_so(openai: OpenAI, french: Path) -> None:
    """`warnings` in every JSON, the head of every answer, and the end of a stream; nowhere is it called English."""
    create = openai.audio.transcriptions.with_raw_response.create
    for asked in ("json", "verbose_json", "text", "srt"):
        answer = create(model="whisper-1", file=french, response_format=asked)  # type: ignore[call-overload]
        assert WHY in unquote(answer.headers["x-hushd-warning"])
        if "json" in asked:
            data = json.loads(answer.text)
            (warning,) = data["warnings"]
            assert warning["code"] == "unlikely_text"
            assert WHY in warning["message"]
            assert data.get("language", "unknown") == "unknown"
    *_, last = openai.audio.transcriptions.create(model="whisper-1", file=french, stream=True)
    assert WHY in last.model_dump()["warnings"][0]["message"]
    assert not last.model_dump().get("languages")


@pytest.mark.parametrize(("form", "of_each", "mark"), [
    ("text", "[unlikely] ", "[unlikely] "),
    ("vtt", " --> ", "\n[unlikely] "),
    ("diarized_json", '"start":', '"unlikely":true'),
])  # fmt: skip
def test_the_first_text_has_the_mark_of_its_format(
    openai: OpenAI, french: Path, form: str, of_each: str, mark: str
) -> None:
    """Each segment or subtitle of an answer that is sent whole has it."""
    create = openai.audio.transcriptions.with_raw_response.create
    text = create(model="whisper-1", file=french, response_format=form).text  # type: ignore[call-overload]
    assert text.count(mark) == text.count(of_each) >= 1, text
    assert text.startswith(mark) or form != "text"


def test_a_streamed_segment_of_a_speaker_has_its_mark(openai: OpenAI, french: Path) -> None:
    """The first one, too; and the subtitles at the end of a stream are marked."""
    create = openai.audio.transcriptions.create
    ask: Any = {"model": "whisper-1", "file": french, "stream": True, "response_format": "diarized_json"}
    segments = [each.model_dump() for each in create(**ask) if each.type == "transcript.text.segment"]
    assert [each.get("unlikely") for each in segments] == [True] * len(segments) != []
    *_, done = create(**ask | {"response_format": "json", "extra_body": {"subtitles": "true"}})
    assert "[unlikely] " in done.model_dump()["subtitles"]["srt"]


def test_a_command_prints_it_and_ends_with_a_code_of_its_own(openai: OpenAI, french: Path, beckett: Path) -> None:
    """11, and the sentence after the text; a file that cannot be read counts more, a good one changes nothing."""
    for files, code in (([french], 11), ([beckett], 0), ([beckett, french], 11), ([french, french.parent], 4)):
        done = command_line.run("listen", *map(str, files), text=True)
        assert done.returncode == code, done.stderr
        assert (WHY in done.stderr) == (french in files)
        assert done.stdout.strip()


def test_the_microphone_ends_with_the_same_code(openai: OpenAI, french: Path, tmp_path: Path) -> None:
    """The text comes first, then the sentence, once."""
    samples, rate = soundfile.read(french, dtype="int16")
    person = tmp_path / "person.raw"
    person.write_bytes(soxr.resample(samples, rate, 16_000).tobytes() + bytes(64_000))
    (tmp_path / "diary").touch()
    environment = {
        "PYTHONPATH": python_path.first(DEVICE),
        "HUSHD_DIARY": str(tmp_path / "diary"),
        "HUSHD_PERSON": str(person),
    }
    done = command_line.run("listen", env=os.environ | environment, text=True)
    assert done.returncode == 11, done.stderr
    assert done.stderr.count(WHY) == 1
    assert done.stdout.strip()


async def test_a_realtime_session_says_so_of_each_turn(gateway: HttpGateway, french: Path) -> None:
    """`completed` has the warning, from the first turn on, of a program that sends nothing before that is answered."""
    samples, rate = soundfile.read(french, dtype="float32")
    turn = np.concatenate((soxr.resample(samples, rate, 24_000), np.zeros(36_000, np.float32)))
    sound = (turn * 32767).astype("<i2").tobytes()
    warnings: list[Any] = []
    async with session(gateway) as connection:
        heard = {"turn_detection": {"type": "server_vad"}, "transcription": {"model": "whisper-1"}}
        await connection.session.update(session={"type": "transcription", "audio": {"input": heard}})
        await append(connection, sound)
        async for event in connection:
            if event.type == COMPLETED:
                warnings.append(event.model_dump().get("warnings"))
                if len(warnings) == 2:
                    break
                await append(connection, sound)
    for (warning,) in warnings:
        assert warning["code"] == "unlikely_text"
        assert "hushd get LANGUAGE" in warning["message"]
