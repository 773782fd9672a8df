"""Words of `transcribe-cpp`'s transducers: times and probabilities, of recordings and of streams."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hushd_engines_transcribe_cpp.engine import TranscribeCpp
from hushd_protocol.messages import Partial
from hushd_worker_stt.engine import RATE, Options
from hushd_worker_stt.worker import SpeechToText
from support.commands import say
from support.stt_jobs import make_job, s16le

from .gguf_models import transducer

real = pytest.mark.skipif(find_spec("transcribe_cpp") is None, reason="transcribe-cpp is not installed")
PARAKEET, NEMOTRON = "parakeet-tdt-0.6b-v3", "nemotron-speech-streaming-en-0.6b"
NOISE = (np.random.default_rng(1).standard_normal(5 * RATE) * 0.1).astype(np.float32)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models folder with both."""
    root = tmp_path_factory.mktemp("transducers")
    for name in (PARAKEET, NEMOTRON):
        transducer(root / "transcribe-cpp" / name / f"{name}.gguf", name)
    return root


def engine(folder: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> TranscribeCpp:
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(folder))
    loaded = TranscribeCpp()
    loaded.load(model, lambda note: None)
    return loaded


def token(text: str, p: float, begin: int, segment: int = 0) -> SimpleNamespace:
    return SimpleNamespace(text=text, p=p, t0_ms=begin, t1_ms=begin + 80, seg_index=segment)


@real
def test_words_of_a_recording_have_the_mean_of_their_tokens(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each word has the probability that the library's tokens for it have; unasked, there are no words."""
    loaded = engine(folder, PARAKEET, monkeypatch)
    (segment,) = loaded.transcribe(NOISE, Options(language="en", word_times=True))
    bare = loaded._session.run(NOISE, language="en", timestamps="token")
    assert len(segment.words) == len(bare.words) > 1
    for word, own in zip(segment.words, bare.words, strict=True):
        tokens = [token.p for token in bare.tokens if token.word_index == bare.words.index(own)]
        assert word.probability == pytest.approx(sum(tokens) / len(tokens))
        assert (word.text, word.start) == (own.text.strip(), own.t0_ms / 1000)
    (plain,) = loaded.transcribe(NOISE, Options(language="en"))
    assert (plain.words, plain.text) == ((), segment.text)


@real
def test_words_of_a_stream_are_put_together_from_its_tokens(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session with word times has words with probabilities, and one without has none."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(folder))
    worker = SpeechToText("transcribe-cpp", NEMOTRON)
    worker.load(lambda note: None)
    quiet = np.zeros(2 * RATE, np.float32)
    speech = s16le(np.concatenate([quiet, say(["one", "two", "three", "four"]), quiet]))
    for asked in (True, False):
        job, client = make_job([speech], {"live": True, "word_times": asked})
        worker.run(job)
        partials = [message.data for message in client.messages if isinstance(message, Partial)]
        (segment,) = [partial for partial in partials if partial["kind"] == "segment"]
        words = segment.get("words") or []
        assert bool(words) == asked
        assert all(0 < word["probability"] <= 1 for word in words)
        assert "".join(word["word"] for word in words) == (segment["text"].replace(" ", "") if asked else "")
