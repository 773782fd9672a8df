"""The official `openai` package, unchanged, with the real engines."""

from __future__ import annotations

import base64
import json
from functools import partial
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
from hushd_worker_tts.engines.espeak_ng import EspeakNg
from support.peer import wait_until
from support.wer import BECKETT, word_error_rate

if TYPE_CHECKING:
    from openai import OpenAI

TEXT = "Hello there, my friend."


@pytest.fixture
def package() -> ModuleType:
    """The module `openai`, which not every process that collects these tests imports."""
    import openai

    return openai


def _heard(text: str) -> bool:
    return word_error_rate(BECKETT, text) <= 0.25


@pytest.mark.parametrize(
    ("form", "first"),
    [("mp3", b"\xff"), ("opus", b"OggS"), ("aac", b"\xff\xf1"), ("flac", b"fLaC"), ("wav", b"RIFF"), ("pcm", b"")],
)
def test_speech_comes_in_each_format(openai: OpenAI, form: str, first: bytes) -> None:
    """Each of OpenAI's formats is a file of that format, whatever names of OpenAI's the request has."""
    found = openai.audio.speech.create(model="gpt-4o-mini-tts", voice="nova", input=TEXT, response_format=form)
    assert found.content.startswith(first)
    assert len(found.content) > 5000


@pytest.mark.skipif(not EspeakNg.available(), reason="espeak-ng is not installed")
@pytest.mark.parametrize(("model", "language", "text", "rate"), [
    ("tts-1", None, "Guten Morgen, wie geht es dir heute?", 22_050), ("tts-1", None, TEXT, 24_000),
    ("tts-1", "de", "Hallo.", 22_050), ("hibari/en", None, "Guten Morgen, wie geht es dir heute?", 24_000),
])  # fmt: skip
def test_openais_voices_fit_any_language(
    openai: OpenAI, model: str, language: str | None, text: str, rate: int
) -> None:
    """The package requires one of them, so that a text in another language gets a voice of that, of another engine
    here; a model of hushd's that was named stays."""
    more = {"language": language} if language else None
    found = openai.audio.speech.create(model=model, voice="alloy", input=text, response_format="wav", extra_body=more)
    assert soundfile.info(BytesIO(found.content)).samplerate == rate


@pytest.mark.skipif(not EspeakNg.available(), reason="espeak-ng is not installed")
@pytest.mark.parametrize(("text", "voice"), [("Guten Morgen, wie geht es dir heute?", "espeak-de"), (TEXT, "heart")])
@pytest.mark.parametrize("more", [
    {"response_format": "pcm"}, {"response_format": "opus"}, {"response_format": "aac"}, {"stream_format": "sse"},
])  # fmt: skip
def test_an_answer_names_the_voice_before_it_begins(
    openai: OpenAI, text: str, voice: str, more: dict[str, Any]
) -> None:
    """In each form that is sent while it is made, also for a text in another language than the usual voice's."""
    asked = openai.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input=text, **more)
    with asked as begun:
        assert begun.headers["X-Hushd-Voice"] == voice


def test_a_short_speech_has_a_true_header(openai: OpenAI) -> None:
    """Made within 0.12 s, which a busy machine does not do each time, it is sent whole: WAV and MP3 say how long they
    are, FLAC does of a longer text, too, and a voice that is not so quick says so, as the last of the events does."""
    asked = {"model": "tts-1", "voice": "alloy", "input": "Yes."}

    def made_at_once(form: str, speed: float = 1.0) -> Any:
        answer = openai.audio.speech.with_raw_response.create(**asked, response_format=form, speed=speed)
        sound = answer.content
        known = sound[40:44] == (len(sound) - 44).to_bytes(4, "little")
        tagged = b"Xing" in sound[:200] or b"Info" in sound[:200]
        return answer if {"wav": known, "mp3": tagged, "flac": True}[form] else None

    lengths = {}
    for form in ("wav", "mp3", "flac"):
        sound = wait_until(partial(made_at_once, form), f"{form} as a whole").content
        with soundfile.SoundFile(BytesIO(sound)) as file:
            lengths[form] = file.frames / file.samplerate
            assert len(file.read()) == file.frames
    assert lengths["mp3"] == pytest.approx(lengths["wav"], abs=0.1)
    assert lengths["flac"] == pytest.approx(lengths["wav"], abs=0.001)
    long = openai.audio.speech.create(**asked | {"input": TEXT * 40}, response_format="flac").content
    assert len(soundfile.read(BytesIO(long))[0]) > 24_000 * 40  # samples: libsndfile reads none of unknown length
    assert "x-hushd-warning" not in wait_until(partial(made_at_once, "wav"), "a speech as a whole").headers
    slow = wait_until(partial(made_at_once, "wav", 0.25), "a slow speech as a whole")
    assert "at least 0.5 times as fast as usual, not 0.25 times" in unquote(slow.headers["x-hushd-warning"])
    events = openai.audio.speech.with_raw_response.create(**asked, speed=4.0, stream_format="sse").text
    assert "at most 2 times as fast as usual, not 4 times" in events.splitlines()[-2]


def test_speech_streams_as_bytes_and_as_events(openai: OpenAI) -> None:
    """`with_streaming_response` gets the file in pieces, and `stream_format` sse gets events that hold it."""
    with openai.audio.speech.with_streaming_response.create(
        model="tts-1", voice={"id": "heart"}, input=TEXT, response_format="wav", speed=1.5
    ) as response:
        assert sum(len(piece) for piece in response.iter_bytes()) > 5000
    with openai.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=TEXT, stream_format="sse"
    ) as response:
        events = [json.loads(line[6:]) for line in response.iter_lines() if line]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["total_tokens"] == events[-1]["token_usage"]["total_tokens"] == 0


def test_errors_are_openais(package: ModuleType, openai: OpenAI) -> None:
    """A parameter that does not fit is a BadRequestError that names it; a model that is known but not there, a 404."""
    with pytest.raises(package.BadRequestError, match="speed must be a number") as refused:
        openai.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, speed=9)
    assert refused.value.param == "speed"
    with pytest.raises(package.BadRequestError, match="'nobody': GET /v1/audio/voices lists them"):
        openai.audio.speech.create(model="tts-1", voice="nobody", input=TEXT)
    with pytest.raises(package.NotFoundError):
        openai.audio.speech.create(model="piper/none", voice="", input=TEXT)
    with pytest.raises(package.NotFoundError):
        openai.models.retrieve("none")


def test_a_transcription_is_an_object_of_openais(openai: OpenAI, beckett: Path) -> None:
    """`json`, the default; any model name is taken, from a path, bytes or a file, and a prompt of any length."""
    more = {"language": "en", "temperature": 0, "prompt": "Worstward Ho. " * 500}
    for file, model in ((beckett, "whisper-1"), (beckett.read_bytes(), "Systran/faster-whisper-small")):
        found = openai.audio.transcriptions.create(model=model, file=file, **more)
        assert _heard(found.text)
        assert found.usage.seconds == 10


def test_a_transcription_comes_in_each_format(openai: OpenAI, beckett: Path) -> None:
    """`text`, `srt`, `vtt` are texts; `verbose_json` has segments and the language's name; none has a warning,
    and subtitles that alone who asks for them, as hushd's page does."""
    found = {
        form: openai.audio.transcriptions.create(model="gpt-4o-transcribe", file=beckett, response_format=form)
        for form in ("text", "srt", "vtt", "verbose_json")
    }
    assert _heard(found["text"])
    assert found["srt"].startswith("1\n00:00:0")
    raw = openai.audio.transcriptions.with_raw_response
    answer = raw.create(model="gpt-4o-transcribe", file=beckett, response_format="srt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "x-hushd-warning" not in answer.headers
    assert found["vtt"].startswith("WEBVTT\n\n00:0")
    verbose = found["verbose_json"]
    assert verbose.language == "english"
    assert verbose.duration == pytest.approx(9.96, abs=0.1)
    assert [segment.id for segment in verbose.segments] == list(range(len(verbose.segments)))
    assert verbose.words is None
    assert {(segment.avg_logprob, segment.no_speech_prob) for segment in verbose.segments} == {(None, None)}
    assert not {"warnings", "subtitles"} & {*verbose.model_dump()}
    page = openai.audio.transcriptions.create(
        model="a", file=beckett, response_format="verbose_json", extra_body={"subtitles": "true"}
    )
    assert page.model_dump()["subtitles"]["vtt"].startswith("WEBVTT")


def test_own_words_are_written(openai: OpenAI, package: ModuleType, beckett: Path) -> None:
    """hushd's own field, in subtitles, too; too many are refused."""
    create = openai.audio.transcriptions.create
    own = {"own_words": "Estragon = ever tried\nVladimir"}
    assert "Estragon" in create(model="a", file=beckett, response_format="srt", extra_body=own)
    with pytest.raises(package.BadRequestError, match="There are 501 own words, and 500 at most"):
        create(model="a", file=beckett, extra_body={"own_words": ",".join(f"n{n}" for n in range(501))})


def test_two_channels_have_names_where_they_are_asked_for(openai: OpenAI, beckett: Path, tmp_path: Path) -> None:
    """They are asked for by `diarized_json`, and in subtitles by `diarize`; a program that did not ask gets subtitles
    without."""
    samples, rate = soundfile.read(beckett, dtype="int16")
    silence = np.zeros_like(samples)
    pair = np.concatenate([np.stack([samples, silence], axis=1), np.stack([silence, samples], axis=1)])
    soundfile.write(tmp_path / "call.wav", pair, rate)

    def ask(form: str, **more: object) -> Any:
        create = openai.audio.transcriptions.create
        return create(model="a", file=tmp_path / "call.wav", response_format=form, extra_body=more)

    assert {segment.speaker for segment in ask("diarized_json").segments} == {"LEFT", "RIGHT"}
    assert "LEFT" not in ask("srt")
    assert "[LEFT]: " in ask("srt", diarize=True)


def test_diarized_json_names_the_speakers(openai: OpenAI, beckett: Path) -> None:
    """One person is speaker A throughout."""
    found = openai.audio.transcriptions.create(
        model="gpt-4o-transcribe-diarize", file=beckett, response_format="diarized_json", chunking_strategy="auto"
    )
    assert {segment.speaker for segment in found.segments} == {"A"}
    assert _heard(found.text)


def _reference(beckett: Path, start: int, end: int) -> str:
    """Some seconds of the recording, as a data URL."""
    samples, rate = soundfile.read(beckett, dtype="int16")
    sound = BytesIO()
    soundfile.write(sound, samples[start * rate : end * rate], rate, format="WAV")
    return f"data:audio/wav;base64,{base64.b64encode(sound.getvalue()).decode()}"


@pytest.mark.parametrize("stream", [False, True])
def test_known_speakers_have_their_names(openai: OpenAI, beckett: Path, stream: bool) -> None:
    """A person of whom the request has a recording is called by the name that it gives; nothing of it is kept."""
    answer = openai.audio.transcriptions.create(
        model="gpt-4o-transcribe-diarize",
        file=beckett,
        response_format="diarized_json",
        stream=stream,
        known_speaker_names=["customer", "A"],
        known_speaker_references=[_reference(beckett, 0, 5), _reference(beckett.parent / "two_cities.wav", 0, 4)],
    )
    segments = [event for event in answer if event.type == "transcript.text.segment"] if stream else answer.segments
    assert {segment.speaker for segment in segments} == {"customer"}


@pytest.mark.parametrize(("names", "references", "param"), [
    (["ann"], [], "names"),
    (["ann", "ann"], ["data:,x", "data:,x"], "names"),
    (["a", "b", "c", "d", "e"], ["data:,x"] * 5, "names"),
    (["SPEAKER_00"], ["data:,x"], "names"), (["a\nb"], ["data:,x"], "names"),
    (["ann"], ["http://example.com/a.wav"], "references"),
    (["ann"], ["data:audio/wav;base64,???"], "references"),
    (["ann"], ["data:audio/wav;base64,AAAA"], "references"),
    (["ann"], ["0 1"], "references"),
])  # fmt: skip
def test_known_speakers_that_cannot_be(
    package: ModuleType, openai: OpenAI, beckett: Path, names: list[str], references: list[str], param: str
) -> None:
    """Pairs that are none, names that are none, and references that are too short or no sound are refused by name."""
    if references == ["0 1"]:
        references = [_reference(beckett, 0, 1)]
    with pytest.raises(package.BadRequestError) as refused:
        openai.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize",
            file=beckett,
            response_format="diarized_json",
            known_speaker_names=names,
            known_speaker_references=references,
        )
    assert refused.value.param == f"known_speaker_{param}"


def test_a_transcription_streams(openai: OpenAI, beckett: Path) -> None:
    """The deltas are the text of `done`."""
    events = list(openai.audio.transcriptions.create(model="gpt-4o-transcribe", file=beckett, stream=True))
    assert [event.type for event in events[:-1]] == ["transcript.text.delta"] * (len(events) - 1)
    assert len(events) > 3
    assert events[-1].type == "transcript.text.done"
    assert "".join(event.delta for event in events[:-1]) == events[-1].text
    assert _heard(events[-1].text)


def test_what_is_no_sound_is_refused(package: ModuleType, openai: OpenAI) -> None:
    """A file that is not a recording is the client's error, of OpenAI's type, and so is a request without one."""
    with pytest.raises(package.BadRequestError, match="The recording cannot be read as audio"):
        openai.audio.transcriptions.create(model="whisper-1", file=b"this is a text and no sound")
    with pytest.raises(package.BadRequestError, match="multipart/form-data"):
        openai.post("/audio/transcriptions", body={"model": "x"}, files=[("model", b"x")], cast_to=object)


def test_models_and_voices_are_listed(openai: OpenAI) -> None:
    """The list has hushd's names and OpenAI's, each of which can be retrieved."""
    names = [model.id for model in openai.models.list()]
    assert {"moonshine/tiny-en", "hibari/en", "whisper-1", "tts-1"} <= set(names)
    assert openai.models.retrieve("moonshine/tiny-en").owned_by == "moonshine"
    voices = openai.get("/audio/voices", cast_to=object)
    assert voices["voices"][0]["id"] == voices["voices"][0]["name"]
    assert openai.models.retrieve("hibari/en").voices[0]["name"] == "heart"
    assert openai.models.retrieve("moonshine/tiny-en").language == ["en"]
