"""Options of Whisper's decoder: which an engine uses, and what comes of those that concern the text between pieces."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_schema.engines import EngineSpec
from hushd_schema.operations.decoder import DECODER
from hushd_schema.operations.transcribe import TRANSCRIBE
from hushd_worker_stt.engine import Model, Segment
from hushd_worker_stt.engines.faster_whisper import FasterWhisper
from hushd_worker_stt.engines.moonshine import Moonshine
from hushd_worker_stt.engines.whisper import Whisper
from hushd_worker_stt.request import Context, Request
from support.refusals import hushd_error

MODEL = Model("tiny", ("en",), 1)


def warnings(engine: EngineSpec, **params: Any) -> list[str]:
    return [warning["message"] for warning in Request.parse(params, engine, MODEL).warnings(engine)]


def test_every_option_is_used_by_one_of_whispers_engines() -> None:
    """None is unknown to all engines, and none is claimed that nobody can ask for; `extra` is for servers."""
    used = {*(Whisper.SPEC.options or ()), *(FasterWhisper.SPEC.options or ())}
    assert used | {"extra"} == {*TRANSCRIBE.by_engine(), *DECODER.by_engine()}


@pytest.mark.parametrize(("params", "named"), [
    ({"beam_size": 5}, "beam_size"),
    ({"word_times": True, "probabilities": True}, "word_times and no probabilities"),
    ({"prompt": "Nagg."}, "prompt"),
    ({"hotwords": "Clov"}, "hotwords"),
    ({"temperature": 0}, "temperature"),
    ({"decoder": {"patience": 2, "best_of": 5}}, "patience and no best_of"),
    ({"decoder": {"no_speech_threshold": "off"}}, "no_speech_threshold"),
    ({"decoder": {"condition_on_previous_text": True}}, "condition_on_previous_text"),
])  # fmt: skip
def test_what_an_engine_does_not_do_is_a_warning(params: dict[str, Any], named: str) -> None:
    """moonshine takes none of them; the result says so, once, and whisper's engines do it."""
    assert warnings(Moonshine.SPEC, **params) == [
        f"The engine 'moonshine' takes no {named}: the recording was transcribed without."
    ]
    assert warnings(Whisper.SPEC, **params) == warnings(FasterWhisper.SPEC, **params) == []


def test_earlier_text_is_for_recordings() -> None:
    """Live, each utterance is by itself, and a request for more is answered with a warning."""
    asked = {"decoder": {"condition_on_previous_text": True}}
    assert "condition_on_previous_text" in warnings(Whisper.SPEC, live=True, **asked)[0]
    assert warnings(Whisper.SPEC, **asked) == []


@pytest.mark.parametrize(("decoder", "words"), [
    ({"no_speech_threshold": 2}, "no_speech_threshold must be a number from 0 to 1, or 'off', not 2"),
    ({"best_off": 5}, "decoder has no parameter 'best_off' (did you mean best_of?)"),
])  # fmt: skip
def test_mistakes(decoder: dict[str, Any], words: str) -> None:
    """Each is a bad_request that names the option."""
    with hushd_error("bad_request", has=words):
        Request.parse({"decoder": decoder}, Whisper.SPEC, MODEL)


def prompts(prompt: str, decoder: dict[str, Any], *said: str) -> list[str]:
    """The prompt of each piece, where these texts were transcribed in them."""
    context, found = Context(prompt, decoder), []
    for text in said:
        found.append(context.prompt)
        context.add([Segment(0, 1, text)])
    return found


def test_the_text_between_pieces() -> None:
    """The prompt goes along with each piece unless that is not wanted, earlier text only where it is."""
    assert prompts("Nagg.", {}, "a", "b", "c") == ["Nagg."] * 3
    assert prompts("Nagg.", {"carry_initial_prompt": False}, "a", "b", "c") == ["Nagg.", "", ""]
    assert prompts("Nagg.", {"condition_on_previous_text": True}, "a", "b", "c") == ["Nagg.", "Nagg. a", "Nagg. a b"]
    both = {"condition_on_previous_text": True, "carry_initial_prompt": False}
    assert prompts("Nagg.", both, "a", "b", "c") == ["Nagg.", "a", "a b"]
