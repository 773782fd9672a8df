"""Log probabilities, as OpenAI's own client reads them, of a real model that hears a few words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile
from hushd.transcripts.segment import Segment, Word
from hushd_gateway.http.realtime.items import Items
from hushd_gateway.http.realtime.turns import Stream
from support import small_models

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.realtime import ConversationItemInputAudioTranscriptionCompletedEvent as Completed

needs_whisper = pytest.mark.skipif(
    not all(map(find_spec, ("faster_whisper", "ctranslate2", "whisper"))),
    reason="faster-whisper is not installed: pip install 'hushd[faster-whisper]'",
)
SEGMENTS = (
    Segment(0, 0, 1, "Ever tried.", (Word("Ever", 0.0, 0.5, 0.5), Word("tried.", 0.5, 1.0, 0.0))),
    Segment(1, 1, 2, "No matter", (Word("No", 1.0, 1.5, 1.0), Word("matter", 1.5, 2.0, None))),
)


def test_a_turn_that_is_complete_says_how_likely_its_words_are() -> None:
    """OpenAI's types read the event; without `include` it has none."""
    from openai.types.realtime import ConversationItemInputAudioTranscriptionCompletedEvent as Completed

    def completed(logprobs: bool) -> Completed:
        stream = Stream(Items(), vad=False, start_s=0.0, logprobs=logprobs)
        events = [event for segment in SEGMENTS for event in stream.segment(segment)]
        events += [*stream.commit(2.0), *stream.ended(2.0)]
        return Completed.model_validate({**events[-1], "event_id": "e"})

    likely = completed(True).logprobs
    assert likely is not None
    assert [entry.token for entry in likely] == ["Ever", " tried.", " No"]
    assert completed(False).logprobs is None


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
