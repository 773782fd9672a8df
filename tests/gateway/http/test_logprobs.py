"""Log probabilities, as OpenAI's own client reads them, of a real model that hears a few words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile
from support import small_models

if TYPE_CHECKING:
    from openai import OpenAI

needs_whisper = pytest.mark.skipif(
    not all(map(find_spec, ("faster_whisper", "ctranslate2", "whisper"))),
    reason="faster-whisper is not installed: pip install 'hushd[faster-whisper]'",
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[small_models.Small]:
    """faster-whisper with the model that hears commands."""
    found = small_models.make("stt/faster-whisper", tmp_path_factory.mktemp("small"))
    assert found
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUSHD_MODELS_DIR", found.environment["HUSHD_MODELS_DIR"])
        yield found


@needs_whisper
def test_openais_client_gets_them(small: small_models.Small, openai: OpenAI) -> None:
    """Whole and streamed, and an engine that knows none is refused with those that do."""
    from openai import NotFoundError

    assert small.sound
    ask = {"file": Path(small.sound), "include": ["logprobs"], "model": "faster-whisper/commands"}
    found = openai.audio.transcriptions.create(**ask)
    assert found.logprobs
    assert "".join(str(entry.token) for entry in found.logprobs) == found.text
    assert all(entry.logprob is not None and entry.logprob <= 0 for entry in found.logprobs)
    events = list(openai.audio.transcriptions.create(**ask, stream=True))
    deltas = [token for event in events[:-1] for token in _tokens(event.logprobs)]
    assert deltas == _tokens(events[-1].logprobs) == _tokens(found.logprobs)
    with pytest.raises(NotFoundError, match="moonshine does not know how likely each word is: choose a model of "):
        openai.audio.transcriptions.create(**{**ask, "model": "moonshine/tiny-en"})
    assert soundfile.info(small.sound).duration > 1


def _tokens(entries: Iterable[object] | None) -> list[str]:
    return [str(getattr(entry, "token", "")) for entry in entries or ()]
