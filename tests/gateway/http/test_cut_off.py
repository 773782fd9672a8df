"""Half a recording over HTTP, or one track of several: the text that is there, and a warning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
import soundfile
from support.films import cut, film

if TYPE_CHECKING:
    from openai import OpenAI

SAID = "The recording is cut off or damaged"


@pytest.fixture(scope="module")
def halves(beckett: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two thirds of a recording as libsndfile reads it, and as PyAV does."""
    folder = tmp_path_factory.mktemp("halves")
    sound, rate = soundfile.read(beckett, dtype="float32")
    whole = folder / "whole.mp3"
    soundfile.write(whole, sound, rate)
    return {"mp3": cut(whole), "m4a": cut(film(folder / "whole.m4a", sound[:: rate // 16_000], movflags="faststart"))}


@pytest.mark.parametrize("form", ["mp3", "m4a"])
def test_there_is_its_text_and_a_warning(openai: OpenAI, halves: dict[str, Path], form: str) -> None:
    """JSON has the warning as `warnings`, a text in the head, and a stream in its last event."""
    create = openai.audio.transcriptions.with_raw_response.create
    for asked in ("json", "verbose_json", "text", "vtt"):
        answer = create(model="whisper-1", file=halves[form], response_format=asked)  # type: ignore[call-overload]
        assert "Ever tried" in answer.text
        if "json" in asked:
            (warning,) = json.loads(answer.text)["warnings"]
            assert warning["code"] == "cut_off"
            assert SAID in warning["message"]
        else:
            assert SAID in unquote(answer.headers["x-hushd-warning"])
    *_, last = openai.audio.transcriptions.create(model="whisper-1", file=halves[form], stream=True)
    assert last.type == "transcript.text.done"
    assert "Ever tried" in last.text
    assert SAID in last.model_dump()["warnings"][0]["message"]


def test_other_tracks_are_a_warning(openai: OpenAI, beckett: Path, tmp_path: Path) -> None:
    """A film's answer says which track was heard."""
    sound, rate = soundfile.read(beckett, dtype="float32")
    said = sound[:: rate // 16_000]
    path = film(tmp_path / "a.mkv", said[::-1], said, languages=("fra", "eng"), default=1)
    answer = openai.audio.transcriptions.with_raw_response.create(model="whisper-1", file=path, language="en")
    assert "Ever tried" in answer.text
    (warning,) = json.loads(answer.text)["warnings"]
    assert warning["code"] == "other_track"
