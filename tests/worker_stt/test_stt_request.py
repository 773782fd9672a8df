"""What `transcribe` may be asked: every parameter, good and bad."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_stt.request import Request

GOOD: list[tuple[dict[str, Any], Request]] = [
    ({}, Request()),
    ({"format": "file"}, Request()),
    ({"format": "s16le", "rate": 8000, "channels": 2}, Request(format="s16le", rate=8000, channels=2)),
    ({"live": True}, Request(format="s16le", live=True)),
    ({"live": True, "silence_s": 2, "no_speech_s": 0.5}, Request("s16le", live=True, silence_s=2, no_speech_s=0.5)),
    ({"language": "en"}, Request(language="en")),
    ({"language": "en-GB"}, Request(language="en")),
    ({"language": "EN_us"}, Request(language="en")),
    ({"language": None}, Request()),
]

BAD: list[tuple[dict[str, Any], str]] = [
    ({"format": "mp3"}, "'file' or 's16le'"),
    ({"format": 3}, "'file' or 's16le'"),
    ({"live": 1}, "true or false"),
    ({"live": True, "format": "file"}, "'s16le'"),
    ({"rate": 0}, "1000 to 768000"),
    ({"rate": 16000.0}, "a whole number"),
    ({"rate": True}, "a whole number"),
    ({"rate": "16000"}, "a whole number"),
    ({"channels": 0}, "from 1 to 64"),
    ({"channels": 65}, "from 1 to 64"),
    ({"silence_s": 0}, "0.1 to 60"),
    ({"silence_s": math.nan}, "0.1 to 60"),
    ({"silence_s": math.inf}, "0.1 to 60"),
    ({"silence_s": None}, "a number"),
    ({"no_speech_s": -1}, "0.1 to"),
    ({"language": "de"}, "hears en, not 'de'"),
    ({"language": ""}, "hears en"),
    ({"language": 7}, "hears en"),
    ({"languag": "en"}, "did you mean 'language'?"),
    ({"zzz": 1}, "it knows format, rate"),
]


@pytest.mark.parametrize(("params", "request_"), GOOD)
def test_good_parameters(params: dict[str, Any], request_: Request) -> None:
    """What makes sense is taken, what is left out has its default."""
    assert Request.parse(params, ("en",)) == request_


@pytest.mark.parametrize(("params", "words"), BAD)
def test_bad_parameters(params: dict[str, Any], words: str) -> None:
    """What makes none is a bad_request in one sentence that says what would."""
    with pytest.raises(HushdError) as caught:
        Request.parse(params, ("en",))
    assert caught.value.code == "bad_request"
    assert words in caught.value.message
    assert "\n" not in caught.value.message
