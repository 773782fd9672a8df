"""Translation over HTTP, as OpenAI's own client asks for it, by faster-whisper with a small multilingual model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
import soundfile
from support.commands import RATE, multilingual_checkpoint, say, unpack_checkpoint
from support.wer import words
from support.whisper_models import convert

if TYPE_CHECKING:
    from openai import OpenAI

pytestmark = [
    pytest.mark.skipif(
        not all(map(find_spec, ("faster_whisper", "torch", "whisper"))),
        reason="faster-whisper or torch is not installed: scripts/setup --engines all",
    ),
    # openai-whisper leaves the file of its tokens to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),  # OpenAI's client, of all translation
]
SAID = ["one", "open", "seven", "red", "stop"]


@pytest.fixture(scope="module", autouse=True)
def _models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The models folder has a translator, and a model that knows English alone."""
    folder = tmp_path_factory.mktemp("models")
    convert(multilingual_checkpoint(folder / "german.pt"), folder / "faster-whisper" / "german", "int8")
    convert(unpack_checkpoint(folder / "english.pt"), folder / "faster-whisper" / "english", "int8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUSHD_MODELS_DIR", str(folder))
        yield


@pytest.fixture(scope="module")
def ask() -> dict[str, Any]:
    """Returns the fields of every request: a recording, and the model."""
    file = BytesIO()
    soundfile.write(file, say(SAID), RATE, format="WAV")
    return {"file": ("said.wav", file.getvalue()), "model": "faster-whisper/german"}


def test_openais_client_gets_a_translation(openai: OpenAI, ask: dict[str, Any]) -> None:
    """It comes in each form that OpenAI has; the long one names the language that was heard, and has segments in
    English."""
    translate = openai.audio.translations.create
    assert words(translate(**ask).text) == SAID
    assert words(str(translate(**ask, response_format="text"))) == SAID
    assert "-->" in str(translate(**ask, response_format="srt"))
    assert str(translate(**ask, response_format="vtt")).startswith("WEBVTT")
    long = translate(**ask, response_format="verbose_json")
    assert (words(long.text), long.language) == (SAID, "german")
    assert long.model_extra
    assert long.model_extra["task"] == "translate"
    assert long.segments
    assert words(" ".join(segment.text for segment in long.segments)) == SAID


def test_openais_own_name_finds_the_model_that_translates(openai: OpenAI, ask: dict[str, Any]) -> None:
    """`whisper-1` is the default model for transcription, which knows English alone."""
    assert words(openai.audio.translations.create(**{**ask, "model": "whisper-1"}).text) == SAID


def test_a_model_of_english_alone_is_refused(openai: OpenAI, ask: dict[str, Any]) -> None:
    """It would write nonsense; the sentence names models that translate."""
    from openai import APIStatusError

    with pytest.raises(APIStatusError, match="english does not translate: multilingual models of"):
        openai.audio.translations.create(**{**ask, "model": "faster-whisper/english"})
