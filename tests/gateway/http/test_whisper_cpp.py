"""The request of whisper.cpp's server, by clients that send forms as its users do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hushd_gateway.http.errors import ApiError
from hushd_gateway.http.fields import FormFields
from hushd_gateway.http.transcription.whisper_cpp import FORMATS, parse_request
from support.http_gateway import HttpGateway
from support.outside import lacking
from support.wer import BECKETT, word_error_rate


def options(**form: str) -> dict[str, Any]:
    """The options of a form that are not left out."""
    ask, _ = parse_request(FormFields({name: [value] for name, value in form.items()}))
    return {name: value for name, value in ask.options.items() if value is not None and value is not False}


def test_fields_of_its_own_page() -> None:
    """Numbers that leave the choice to its decoder are left out, and no second try is said as hushd says it."""
    assert options(temperature="0.0", temperature_inc="0.2", response_format="json") == {
        "temperature": 0.0,
        "decoder": {"temperature_increment": 0.2},
    }
    assert options(temperature_inc="0", beam_size="-1", best_of="2") == {
        "decoder": {"best_of": 2, "temperature_increment": "off"}
    }
    assert options(logprob_thold="-1.0", no_speech_thold="0.6", entropy_thold="2.4", audio_ctx="768") == {
        "decoder": {"logprob_threshold": -1.0, "no_speech_threshold": 0.6}
    }


@pytest.mark.parametrize(
    ("field", "value"), [("beam_size", "many"), ("temperature", "2"), ("duration", "-1"), ("response_format", "tsv")]
)
def test_values_that_do_not_fit(field: str, value: str) -> None:
    """The error names the field, where whisper.cpp's server answers 500 or takes another value."""
    with pytest.raises(ApiError, match=f"^{field} must be ") as refused:
        options(**{field: value})
    assert refused.value.status == 400


def curl(gateway: HttpGateway, *fields: str) -> tuple[int, str, str]:
    """Sends a form as the README of whisper.cpp's server does; returns the status, the type and the answer."""
    if absent := lacking("curl"):
        pytest.skip(f"not installed: {absent}")
    address = f"http://127.0.0.1:{gateway.port}/inference"
    command = ["curl", "-s", address, "-H", "Content-Type: multipart/form-data", "-w", "\n%{http_code} %{content_type}"]
    for field in fields:
        command += ["-F", field]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    answer, _, last = output.rpartition("\n")
    status, _, kind = last.partition(" ")
    return int(status), kind.partition(";")[0], answer


def test_the_command_of_its_readme(gateway: HttpGateway, beckett: Path) -> None:
    """A whole recording is heard, a line for each segment."""
    fields = ("temperature=0.0", "temperature_inc=0.2", "response_format=text")
    status, kind, text = curl(gateway, f"file=@{beckett}", *fields)
    assert (status, kind) == (200, "text/plain")
    assert len(text.splitlines()) > 1
    assert word_error_rate(BECKETT, text) <= 0.25


def test_each_format(gateway: HttpGateway, beckett: Path) -> None:
    """Each of five forms has its type; segments have their times and, without a model that knows any, no words."""
    fields = (f"file=@{beckett}", "duration=4000")
    answers = {form: curl(gateway, *fields, f"response_format={form}") for form in FORMATS}
    assert {status for status, _, _ in answers.values()} == {200}
    assert [kind for _, kind, _ in answers.values()] == [
        "application/json", "text/plain", "application/x-subrip", "application/json", "text/vtt",
    ]  # fmt: skip
    text, verbose = answers["text"][2], json.loads(answers["verbose_json"][2])
    assert json.loads(answers["json"][2]) == {"text": text}
    assert verbose["text"] == text
    assert (verbose["task"], verbose["detected_language"]) == ("transcribe", "english")
    first, last = verbose["segments"][0], verbose["segments"][-1]
    assert 0 <= first["start"] < last["end"] <= 4.5
    assert first["words"] == []
    assert answers["srt"][2].startswith("1\n00:00:0")
    assert answers["vtt"][2].startswith("WEBVTT\n\n00:")
