"""The configuration of a realtime session: pure."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_gateway.http.errors import ApiError
from hushd_gateway.http.realtime.session import Session


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


def test_what_a_session_cannot_do_is_refused() -> None:
    """The codings of telephony are; other keys pass, and what hushd cannot include is left out of the session."""
    session = _session()
    with pytest.raises(ApiError, match="type must be audio/pcm"):
        session.update({"audio": {"input": {"format": {"type": "audio/pcmu"}}}})
    audio = {"input": {"transcription": {"language": "de"}}, "output": {"voice": "alloy"}}
    session.update({"include": ["item.input_audio_transcription.logprobs"], "instructions": "Brief.", "audio": audio})
    assert set(session.data["audio"]) == {"input"}
    assert (session.data["include"], session.language()) == (None, "de")
