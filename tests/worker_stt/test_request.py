"""Parameters of `transcribe`: each one, good and bad."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from hushd_schema import engines
from hushd_schema.engines import EngineSpec
from hushd_worker_stt.engine import Model, of_model
from hushd_worker_stt.request import Request
from support.refusals import hushd_error

FASTER_WHISPER, ONNX_ASR = engines.get("faster-whisper"), engines.get("onnx-asr")
TINY = Model("tiny", languages=("en",), memory_mb=1)
LARGE = Model("large", languages=("en", "de", "fr"), memory_mb=1)
ENGLISH = EngineSpec("scripted", "stt", "", "tiny", streaming=True)
TRANSLATOR = EngineSpec("translator", "stt", "", "large", word_times=True, translates=True)

VOICEPRINT = f"community-1:{base64.b64encode(bytes(512)).decode()}"
GOOD: list[tuple[dict[str, Any], Request]] = [
    ({}, Request()),
    ({"format": "file"}, Request()),
    ({"format": "s16le", "rate": 8000, "channels": 2}, Request(format="s16le", rate=8000, channels=2)),
    ({"live": True}, Request(format="s16le", live=True)),
    ({"live": True, "silence_s": 2, "no_speech_s": 0.5}, Request("s16le", live=True, silence_s=2, no_speech_s=0.5)),
    ({"language": "en"}, Request(language="en", named=True)),
    ({"language": "en-GB"}, Request(language="en", named=True)),
    ({"language": "ENGLISH"}, Request(language="en", named=True)),
    ({"language": None}, Request()),
    ({"language": "auto"}, Request()),
    ({"task": "transcribe"}, Request()),
    ({"prompt": "Nagg and Nell", "hotwords": "Clov"}, Request(prompt="Nagg and Nell", hotwords="Clov")),
    ({"prompt": "a" * 9000 + "b" * 2000}, Request(prompt="b" * 2000)),
    ({"beam_size": 5, "temperature": 0}, Request(beam_size=5, temperature=0.0)),
    ({"beam_size": None, "temperature": None, "silence_s": None, "live": None}, Request()),
    ({"max_segment_s": 0}, Request()),
    (
        {"diarize": True, "people": {"Anna": VOICEPRINT}, "voiceprints": True},
        Request(diarize=True, people={"Anna": VOICEPRINT}, voiceprints=True),
    ),
    ({"word_times": True, "diarize": True, "speakers": 2}, Request(word_times=True, diarize=True, speakers=2)),
    ({"min_silence_s": 0.3, "speech_pad_s": 0}, Request(min_silence_s=0.3, speech_pad_s=0.0)),
    ({"max_segment_s": 5, "start_s": 60.5}, Request(max_segment_s=5.0, start_s=60.5)),
    ({"live": True, "continuous": True}, Request(format="s16le", live=True, continuous=True, no_speech_s=0.0)),
]

BAD: list[tuple[dict[str, Any], str]] = [
    ({"language": "de"}, "understands en, not 'de'; "),
    ({"language": "German"}, "understands en, not 'German'; "),
    ({"language": "Inglish"}, "understands en, not 'Inglish' (did you mean English?)."),
    ({"people": {"Anna": VOICEPRINT}}, "set diarize too"),
    ({"people": {"Anna": "community-1:AAAA"}, "diarize": True}, "people must be a table of at most 64 names"),
    ({"people": {"Anna": VOICEPRINT[:-1]}, "diarize": True}, "people must be a table of at most 64 names"),
    ({"people": {"Anna": VOICEPRINT.replace("1", "2", 1)}, "diarize": True}, "people must be a table of"),
    ({"people": {"SPEAKER_00": VOICEPRINT}, "diarize": True}, "people must be a table of at most 64 names"),
    ({"people": {str(n): VOICEPRINT for n in range(65)}, "diarize": True}, "people must be a table of at most 64"),
    ({"start_s": 10**400}, "start_s must be a number, 0 or more, not 1"),
    ({"languag": "en"}, "did you mean language?"),
]


@pytest.mark.parametrize(("params", "request_"), GOOD)
def test_good_parameters(params: dict[str, Any], request_: Request) -> None:
    """Good values are taken, missing ones have their default; a model of one language needs none named."""
    assert Request.parse(params, ENGLISH, TINY) == replace(request_, language="en")


@pytest.mark.parametrize(("params", "words"), BAD)
def test_bad_parameters(params: dict[str, Any], words: str) -> None:
    """A bad value is a `bad_request` in one sentence that says what would do. (Bounds and kinds: tests/golden.)"""
    with hushd_error("bad_request", has=words):
        Request.parse(params, ENGLISH, TINY)


@pytest.mark.parametrize(
    ("asked", "language"),
    [(None, None), ("auto", None), ("de", "de"), ("fr-CA", "fr"), ("EN", "en"), ("German", "de"), ("french", "fr")],
)
def test_a_model_of_many_languages_finds_out(asked: str | None, language: str | None) -> None:
    """Nothing or `auto` leaves the language to the model; a tag or a name chooses it."""
    assert Request.parse({"language": asked}, TRANSLATOR, LARGE).language == language


def test_what_an_engine_cannot_do_is_unsupported() -> None:
    """Translation is refused by an engine that has none, and the sentence names engines that do."""
    with hushd_error("unsupported", "whisper"):
        Request.parse({"task": "translate"}, ENGLISH, TINY)
    assert Request.parse({"task": "translate"}, TRANSLATOR, LARGE).options().translate


def test_speakers_are_told_apart_in_recordings() -> None:
    """Live speech has none, and the sentence says so."""
    with hushd_error("unsupported", "in recordings: leave out live, or diarize"):
        Request.parse({"live": True, "diarize": True}, ENGLISH, TINY)


def test_a_model_without_another_language_does_not_translate() -> None:
    """An English-only Whisper makes nonsense of German, and turbo was trained without translations: both refuse."""
    turbo = Model("turbo", LARGE.languages, memory_mb=1, translation=False)
    russian = Model("russian", ("ru",), memory_mb=1)
    for model in (TINY, turbo):
        with hushd_error("unsupported", f"translator/{model.name} does not translate"):
            Request.parse({"task": "translate"}, of_model(TRANSLATOR, model), model)
    assert Request.parse({"task": "translate"}, of_model(TRANSLATOR, russian), russian).options().translate
    known = {model.name: model for spec in (FASTER_WHISPER, ONNX_ASR) for model in Model.well_known(spec)}
    able = {name for name, model in known.items() if of_model(TRANSLATOR, model).translates}
    assert {"small", "large-v3", "nemo-canary-1b-v2"} <= able
    assert able.isdisjoint({"small.en", "distil-large-v3", "turbo", "large-v3-turbo", "nemo-parakeet-tdt-0.6b-v3"})
