"""Parameters of a request, and the sentence for each bad one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hushd_protocol.messages import Job as JobMessage
from hushd_protocol.suggest import listed
from hushd_schema.operations.synthesize import FORMATS, MARKUPS
from hushd_worker.job import Job
from hushd_worker_tts.worker import Worker
from support.refusals import hushd_error
from support.tts_jobs import Say

REFUSED = [
    ({"voice": "tin"}, "There is no voice 'tin' (did you mean ting?): tiny has ting, tong (not installed)."),
    ({"voice": "zzz"}, "There is no voice 'zzz': tiny has ting, tong (not installed)."),
    ({"format": "wave"}, f"format must be {listed(FORMATS)}, not 'wave' (did you mean wav?)."),
    ({"sample_rate": 44100, "format": "opus"},
     "sample_rate must be 8000, 12000, 16000, 24000 or 48000 for opus, not 44100."),
    ({"pronounce": {" ": "b"}}, "pronounce must be a map of at most 1000 words to how each is pronounced"),
    ({"speeed": 2}, "synthesize has no parameter 'speeed' (did you mean speed?)."),
    ({"language": "xx"}, "tiny speaks en-GB or en-US, not 'xx'."),
    ({"language": "xx", "voice": "ting"}, "The voice ting speaks en-US, not 'xx'."),
]  # fmt: skip


@pytest.mark.parametrize(("params", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    tiny: Worker, say: Say, params: dict[str, Any], message: str
) -> None:
    """`bad_request` names the fault and the choices; nothing is sent before."""
    with hushd_error("bad_request") as caught:
        say(tiny, "Hello.", **params)
    assert caught.value.message.startswith(message)
    assert len(caught.value.message) < 250


@pytest.mark.parametrize(("params", "speed"), [
    ({}, 1.0),
    ({"speed": None, "wpm": None, "voice": None, "format": None}, 1.0),
    ({"speed": 1.25}, 1.25), ({"speed": 2}, 2.0), ({"speed": 4}, 2.0), ({"speed": 0.25}, 0.5), ({"wpm": 300}, 1.5),
    ({"wpm": 1000}, 2.0), ({"wpm": 1}, 0.5), ({"wpm": 100, "voice": "tong"}, 1.0), ({"voice": "TING"}, 1.0),
])  # fmt: skip
def test_rates_become_speeds_within_the_engines_range(
    tiny: Worker, say: Say, speeds: list[float], params: dict[str, Any], speed: float
) -> None:
    """wpm counts from the voice's own rate; beyond its range an engine speaks at its bound, and the result says so."""
    result = say(tiny, "Hello.", **params).result
    assert speeds == [speed]
    assert result["speed"] == speed


@pytest.mark.parametrize(("params", "sentence"), [
    ({"wpm": 450}, "The voice ting speaks at most about 400 words a minute, not 450."),
    ({"wpm": 10, "voice": "tong"}, "The voice tong speaks at least about 50 words a minute, not 10."),
    ({"speed": 4}, "The voice ting speaks at most 2 times as fast as usual, not 4 times."),
])  # fmt: skip
def test_a_pace_that_the_voice_does_not_have_is_reported(
    tiny: Worker, say: Say, params: dict[str, Any], sentence: str
) -> None:
    """Two rates beyond an engine's range sound alike: the result says why. One within it has no warning."""
    assert say(tiny, "Hello.", **params).result["warnings"] == [{"code": "speed_limited", "message": sentence}]
    assert "warnings" not in say(tiny, "Hello.", wpm=150).result


@pytest.mark.parametrize(("params", "voice"), [
    ({"language": "en"}, "ting"), ({"language": "EN_us"}, "ting"), ({"language": "en-GB"}, "tong"),
    ({"language": "en-AU"}, "ting"), ({"language": "en", "voice": "tong"}, "tong"),
    ({"language": "en-GB", "voice": "ting"}, "ting"),
])  # fmt: skip
def test_a_language_chooses_the_voice(tiny: Worker, say: Say, params: dict[str, Any], voice: str) -> None:
    """The voice of that very tag, else one of the language that is installed; a voice that is named stays."""
    assert say(tiny, "Hello.", **params).result["voice"] == voice


def test_what_brings_a_voice_of_another_language_is_named(tiny: Worker, say: Say) -> None:
    """Tiny does not speak French, for which there are voices."""
    with hushd_error("bad_request", r"not 'fr-BE'; (`hushd get fr` brings|\S+ speaks it)"):
        say(tiny, "Salut.", language="fr-BE")


def test_changes_within_a_text_reach_the_engine(tiny: Worker, say: Say, speeds: list[float]) -> None:
    """Rates in words a minute, absolute or relative, are speeds within the engine's range."""
    say(tiny, "One. [[rate 300]] Two. [[rate +100]] Three. [[rate 9999]] Four. [[rset 0]] Five.", speed=1.2)
    assert speeds == [1.2, 1.5, pytest.approx(1.7), 2.0, 1.2]
    speeds.clear()
    slower = [f'<prosody rate="{rate}">Two.</prosody>' for rate in ("50%", "-50%", "x-slow", "0.5")]
    say(tiny, f"<speak>One. {' '.join(slower)} <prosody rate='x-fast'>Three.</prosody> Four.</speak>", speed=1.4)
    assert speeds == [1.4, *[0.7] * 4, 2.0, 1.4]


def test_another_operation_is_unsupported(tiny: Worker) -> None:
    """A tts worker names what it can do."""
    with hushd_error("unsupported", "can only synthesize, not 'transcribe'"):
        tiny.run(Job(JobMessage(id=bytes(16), op="transcribe"), lambda message: None))


@pytest.mark.parametrize("text", ["", "   \n\t\n ", "\x00\x07", "\ufeff", "- \n- \n"])
def test_no_text_is_refused(tiny: Worker, say: Say, text: str) -> None:
    """Nothing but space, control characters or markers is not text, inline and as a stream."""
    for spoken in (lambda: say(tiny, text), lambda: say(tiny, "", pieces=[text.encode()] if text else [])):
        with hushd_error("bad_request", r"^There is no text to speak\.$"):
            spoken()


def test_text_that_cannot_be_spoken_is_refused_whatever_the_format(
    tiny: Worker, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file's header is not sent before there is something to say."""
    monkeypatch.setattr(type(tiny.engine), "synthesize", lambda *_: iter(()))  # as of a script that it cannot read
    for format in FORMATS:
        with hushd_error("bad_request", "nothing in this text that the voice ting"):
            say(tiny, "... ?! \u0434\u0430", format=format)


@pytest.mark.parametrize("text", ["👍", "👩‍👩‍👧", "…", "...", "?!", "🙂 🙃\n\n🎉", "**👍**"])
def test_a_text_of_signs_alone_is_a_moment_of_silence(tiny: Worker, say: Say, text: str) -> None:
    """Such as chat models answer with: in each format it is a sound, and no error."""
    for markup in MARKUPS:
        spoken = say(tiny, text, markup=markup)
        assert 0.1 < spoken.result["duration"] < 1.0
        assert not np.frombuffer(b"".join(chunk.payload for chunk in spoken.chunks), "<i2").any()
    for format in FORMATS:
        assert say(tiny, text, format=format).chunks


def test_a_pause_of_a_text_of_signs_is_kept(tiny: Worker, say: Say) -> None:
    """Its silence is as long as the text asks for, and a moment more."""
    assert say(tiny, "... [[slnc 2000]] 👍").result["duration"] == pytest.approx(2.3, abs=0.1)
