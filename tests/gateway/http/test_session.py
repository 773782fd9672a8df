"""The configuration of a realtime session: pure."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import soundfile
from hushd_gateway.http.errors import ApiError
from hushd_gateway.http.realtime import g711
from hushd_gateway.http.realtime.session import Session
from support.refusals import hushd_error


def _session(*updates: dict[str, Any], model: str = "") -> Session:
    session = Session("sess_1", model)
    for heard in updates:
        session.update({"type": "transcription", "audio": {"input": heard}})
    return session


@pytest.mark.parametrize("model", ["gpt-realtime-whisper", "gpt-live-transcribe-2026"])
def test_a_model_without_turn_detection_has_none(model: str) -> None:
    """Programs for such a model commit by themselves, and leave `turn_detection` out; one that asks for it gets it."""
    assert not _session({"transcription": {"model": model}}).vad
    assert not _session(model=model).vad
    assert _session({"transcription": {"model": model}, "turn_detection": {"type": "server_vad"}}).vad
    assert _session({"turn_detection": {"type": "server_vad"}}, {"transcription": {"model": model}}).vad
    assert _session({"transcription": {"model": "gpt-4o-transcribe"}}).vad


def test_an_update_applies_whole_or_not_at_all() -> None:
    """A value that does not fit leaves the session as it was."""
    session = _session()
    before = repr(session.data)
    with pytest.raises(ApiError, match="eagerness"):
        session.update(
            {"audio": {"input": {"transcription": {"model": "x"}, "turn_detection": {
                "type": "semantic_vad", "eagerness": "wild"}}}}
        )  # fmt: skip
    assert repr(session.data) == before


@pytest.mark.parametrize("asked", [{"language": "xx"}, {"languages": ["de", "Klingon"]}])
def test_a_language_that_is_none_is_refused_at_once(asked: dict[str, Any]) -> None:
    """A program hears of it once, not with each piece of sound; `auto`, a name and an empty text are none's fault."""
    with hushd_error("bad_request", "is not a language"):
        _session({"transcription": asked})
    _session({"transcription": {"language": "auto", "languages": ["German", "pt-BR", ""]}})


@pytest.mark.parametrize(("asked", "hotwords"), [
    ({"keywords": ["Ada", "Grace"]}, ["Ada", "Grace"]), ({"keywords": ["Ada"], "hotwords": "Grace"}, ["Ada", "Grace"]),
    ({"hotwords": "Grace"}, ["Grace"]), ({"keywords": [], "hotwords": ""}, None), ({}, None),
])  # fmt: skip
def test_keywords_of_openai_and_hotwords_are_one(asked: dict[str, Any], hotwords: list[str] | None) -> None:
    """The model hears both; without any it goes by what its user has set."""
    assert _session({"transcription": asked}).options()["hotwords"] == hotwords


_TYPES = {
    "audio": {"input": {
        "format": {"type": "audio/pcm", "rate": 24000}, "noise_reduction": {"type": "near_field"},
        "transcription": {"model": "m", "language": "en", "prompt": "p", "keywords": ["x"]},
        "turn_detection": {
            "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
            "create_response": True, "interrupt_response": True, "eagerness": "auto", "end_word": "over",
        },
    }},
    "type": "transcription", "include": ["x"],
}  # fmt: skip


def _places(part: Any, way: tuple[str, ...]) -> list[tuple[str, ...]]:
    keys = part if isinstance(part, dict) else ()
    return [way, *(place for key in keys for place in _places(part[key], (*way, key)))]


@pytest.mark.parametrize("place", _places(_TYPES, ("session",)), ids=".".join)
def test_a_value_of_another_type_is_refused(place: tuple[str, ...]) -> None:
    """It is neither accepted in silence nor the end of the session, wherever it stands."""
    *way, last = place
    for wrong in (0, False, [5], {"a": 1}):
        update: Any = {"session": json.loads(json.dumps(_TYPES))}
        part = update
        for key in way:
            part = part[key]
        fits = type(wrong) is type(part[last]) and wrong != [5]
        if fits or (isinstance(wrong, int) and isinstance(part[last], float)):
            continue
        part[last] = wrong
        with pytest.raises(ApiError):
            _session().update(update["session"])


def test_semantic_vad_goes_by_meaning() -> None:
    """It waits for sentences, and behind a finished one the shorter the more eager it is."""
    silences = []
    for eagerness in ("low", "medium", "auto", None, "high"):
        session = _session({"turn_detection": {"type": "semantic_vad", "eagerness": eagerness}})
        assert session.turn_end() == "meaning"
        silences.append(session.silence_s())
    assert silences == [1.0, 0.5, 0.5, 0.5, 0.3]
    for detection in (None, {"type": "server_vad"}, {"type": "server_vad", "silence_duration_ms": 700}):
        assert _session({"turn_detection": detection}).turn_end() == "silence"


def test_what_a_session_cannot_do_is_left_out() -> None:
    """Other keys pass, and what hushd cannot include is left out of the session; log probabilities are included."""
    session = _session()
    logprobs = "item.input_audio_transcription.logprobs"
    audio = {"input": {"transcription": {"language": "de"}}, "output": {"voice": "alloy"}}
    session.update({"include": ["anything", logprobs], "instructions": "Brief.", "audio": audio})
    assert set(session.data["audio"]) == {"input"}
    assert (session.data["include"], session.language(), session.options()["probabilities"]) == ([logprobs], "de", True)
    session.update({"include": []})
    assert (session.data["include"], session.options()["probabilities"]) == (None, False)


@pytest.mark.parametrize("changes", [
    {"audio": {"input": {"format": {"type": "audio/pcmu", "rate": 16_000}}}}, {"input_audio_format": "g711_ulaw"},
])  # fmt: skip
def test_telephony_has_its_codings_by_both_their_names(changes: dict[str, Any]) -> None:
    """Those of today, and the flat ones of 2024; the rate is the telephone's, whatever a program says."""
    session = _session({"transcription": {"language": "de"}})
    session.update(changes)
    assert (session.coding, session.rate, session.language()) == ("audio/pcmu", 8000, "de")
    with pytest.raises(ApiError, match="format must be pcm16, g711_ulaw or g711_alaw"):
        session.update({"input_audio_format": "mp3"})


@pytest.mark.parametrize(("coding", "subtype"), [(g711.ULAW, "ULAW"), (g711.ALAW, "ALAW")])
def test_each_code_of_telephony_is_the_sample_that_libsndfile_has(coding: str, subtype: str) -> None:
    """All 256, and so every sound."""
    codes = bytes(range(256))
    samples, _ = soundfile.read(
        io.BytesIO(codes), dtype="int16", format="RAW", subtype=subtype, samplerate=8000, channels=1
    )
    assert g711.decoded(codes, coding) == samples.astype("<i2").tobytes()
