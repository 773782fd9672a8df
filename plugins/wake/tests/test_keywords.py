"""The engine `keywords` through its real package, on small models whose units are tones."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import hushd_wake_words
import numpy as np
import pytest
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_worker_models.importing import look_at
from hushd_worker_wake.engines.keywords import Keywords
from hushd_worker_wake.worker import WakeWorker
from support.peer import Supervisor

from .wake_words import detect

pytest.importorskip("sherpa_onnx", reason="sherpa-onnx is not installed: pip install sherpa-onnx")
pytest.importorskip("onnx", reason="onnx, which makes small models, is not installed")

from support import keyword_models, tiny_voices
from support.keyword_models import DECODER, ENCODER, JOINER, tones, transducer

UNITS = ("▁A", "B", "C", "▁D")
ABC = (0, 1, 2)


@pytest.fixture
def folder(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of letters in the engine's folder: a phrase is `abc`, or another of its letters."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(runtime / "models"))
    return transducer(runtime / "models" / "keywords" / "mine", *UNITS)


@pytest.fixture
def worker(folder: Path) -> WakeWorker:
    return loaded()


def loaded() -> WakeWorker:
    worker = WakeWorker("keywords", "default")
    worker.load(lambda note: None)
    return worker


def names(worker: WakeWorker, sound: bytes, **params: object) -> list[str]:
    return [word for word, _, _ in detect(worker, sound, **params)[0]]


def test_phrases_are_told_apart(worker: WakeWorker) -> None:
    """Each is heard as often as it is said, by the name that it was given; its letters in another order are none."""
    sound = tones(1.0, *ABC, 1.0, 3, 1.0, 2, 1, 0, 1.0, *ABC, 1.0, *ABC, 1.0)
    assert names(worker, sound, words=["Abc", "d d"]) == ["Abc", "Abc", "Abc"]
    assert names(worker, sound, words=["d", "abc"]) == ["abc", "d", "abc", "abc"]
    assert names(worker, sound, words=["acb"]) == []


def test_no_sound_is_a_phrase(worker: WakeWorker) -> None:
    """Silence, noise and another tone are none, and neither is a half of the phrase."""
    noise = (np.random.default_rng(1).normal(0, 0.3, 48_000).clip(-1, 1) * 32767).astype("<i2").tobytes()
    for sound in (bytes(96_000), noise, tones(5, 5, 5, 1.0), tones(0, 1, 2.0)):
        assert names(worker, sound + b"\0", words=["abc"]) == []


def test_the_times_are_of_the_whole_stream(worker: WakeWorker) -> None:
    """A phrase ends at its pause, 0.2 to 0.8 s before the engine is sure, also after one that was heard before."""
    heard, result = detect(worker, tones(1.0, *ABC, 2.0, *ABC, 2.0), words=["abc"])
    assert result == {"duration": 6.2, "detections": 2}
    for (_, at, end), said in zip(heard, (1.6, 4.2), strict=True):
        assert end == pytest.approx(said, abs=0.06)
        assert said + 0.2 <= at <= said + 0.8


def test_streams_do_not_disturb_each_other(worker: WakeWorker) -> None:
    """Programs that wait at once, in threads, hear their own phrases."""
    sound = tones(*(part for _ in range(10) for part in (1.0, *ABC, 1.0, 3)), 1.0)
    heard: dict[str, list[str]] = {}

    def wait(word: str) -> None:
        heard[word] = names(worker, sound, words=[word])

    threads = [threading.Thread(target=wait, args=(word,)) for word in ("abc", "d", "dcb", "abc d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {"abc": ["abc"] * 10, "d": ["d"] * 10, "dcb": [], "abc d": ["abc d"] * 10}


# --- phrases ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phrase", ["abx", "a b", "x/y", "<unk>", "#0", "@0", "é"])
def test_a_unit_that_the_model_lacks_is_named(worker: WakeWorker, phrase: str) -> None:
    """Such a phrase is refused in a sentence, and the worker hears others afterwards."""
    with pytest.raises(HushdError, match=r"^keywords/mine cannot wait for .* since it has no unit .*: choose another"):
        detect(worker, b"", words=["abc", phrase])
    assert names(worker, tones(1.0, *ABC, 1.0), words=["abc"]) == ["abc"]


def test_signs_and_case_that_nobody_hears(worker: WakeWorker) -> None:
    """They are left out where no unit has them."""
    assert names(worker, tones(1.0, *ABC, 3, 1.0), words=['"aBC," d!']) == ['"aBC," d!']


def test_pieces_of_words_need_their_model(folder: Path) -> None:
    """Without `bpe.model` nobody knows how a word is divided; a phrase that is written in pieces is taken as it is."""
    transducer(folder, "▁LI", "GHT")
    worker = loaded()
    with pytest.raises(HushdError, match=r"hears pieces of words: put bpe.model, which divides words, into /.*\.$"):
        detect(worker, b"", words=["light"])
    assert names(worker, tones(1.0, 0, 1, 1.0), words=["▁LI GHT"]) == ["▁LI GHT"]


def test_words_are_divided_into_pieces(folder: Path) -> None:
    """As SentencePiece does it, in the case of the units; a damaged model of it is a sentence."""
    sentencepiece = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    trained = BytesIO()
    texts = ["COMPUTER LIGHTS ON", "LIGHTS OFF COMPUTER", "HELLO WORLD LIGHT"] * 20
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=trained, vocab_size=22, model_type="unigram", minloglevel=2
    )
    transducer(folder, "▁LIGHT", "S", "O", "▁")
    (folder / "bpe.model").write_bytes(trained.getvalue())
    worker = loaded()
    assert names(worker, tones(1.0, 0, 1, 1.0), words=["lights"]) == ["lights"]
    with pytest.raises(HushdError, match="it has no unit 'F'"):
        detect(worker, b"", words=["lights off"])
    (folder / "bpe.model").write_bytes(b"x")
    with pytest.raises(HushdError, match=r"bpe.model is damaged .*: replace the model by a whole copy"):
        detect(worker, b"", words=["lights"])


# --- files ------------------------------------------------------------------------------------------------------------


def noted(name: str, **notes: object) -> Callable[[Path], None]:
    """Puts notes into a graph that are wrong, or takes them away."""

    def change(folder: Path) -> None:
        old = keyword_models.NOTES if name == ENCODER else {"vocab_size": 7, "context_size": 2}
        content = {key: value for key, value in (dict(old) | notes).items() if value is not None}
        tiny_voices.describe(folder / name, content)

    return change


def written(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def truncated(folder: Path) -> None:
    os.truncate(folder / ENCODER, 900)


def piped(folder: Path) -> None:
    (folder / JOINER).unlink()
    os.mkfifo(folder / JOINER)


DAMAGED = [
    (truncated, "only a part of a graph"),
    (piped, "is not a file"),
    (written(DECODER, b""), "is not a graph in ONNX's format"),
    (written("tokens.txt", b""), "tokens.txt has no units"),
    (written("tokens.txt", b"<blk> 0\n<unk> 1\n#0 2\nB 900\n"), "tokens.txt has no units"),
    (written("tokens.txt", b"A 1\nB C 9\n"), "has the line 'B C 9', which is not a unit and its number"),
    (written("tokens.txt", b"A x\n"), "has the line 'A x'"),
    (written("tokens.txt", b"\xff\xfe 1\n"), "tokens.txt is not a text"),
    (noted(ENCODER, model_type="lstm"), "does not say that it is a streaming zipformer2"),
    (noted(ENCODER, decode_chunk_len=0), "does not say its decode_chunk_len, or wrongly"),
    (noted(ENCODER, decode_chunk_len=46), "contradict each other"),
    (noted(ENCODER, T=None), "does not say its T, or wrongly"),
    (noted(ENCODER, T="32,45"), "says more than one T"),
    (noted(ENCODER, encoder_dims="4,4"), "contradict each other"),
    (noted(ENCODER, left_context_len="x"), "does not say its left_context_len, or wrongly"),
    (noted(DECODER, vocab_size=None), "does not say its vocab_size, or wrongly"),
    (noted(DECODER, context_size=0), "does not say its context_size, or wrongly"),
]


@pytest.mark.parametrize(("damage", "sentence"), DAMAGED)
def test_a_damaged_file_is_a_sentence(folder: Path, damage: Callable[[Path], None], sentence: str) -> None:
    """The library, which would end the process or never return, does not see it; the model is not offered."""
    damage(folder)
    with pytest.raises(HushdError, match=sentence) as raised:
        Keywords("mine").load(lambda note: None)
    assert raised.value.code == "model_missing"
    assert "\n" not in raised.value.message
    assert Keywords.info().models == ()


def test_a_model_that_is_not_here(folder: Path) -> None:
    """The sentence says how one gets there."""
    with pytest.raises(HushdError, match=r"^The model keywords/other is not on this machine: `hushd models import"):
        Keywords("other").load(lambda note: None)


def test_a_folder_is_recognised(folder: Path) -> None:
    """`hushd models import` knows the engine by the content; the smaller graphs are loaded where both are there."""
    (folder / "encoder.int8.onnx").write_bytes((folder / ENCODER).read_bytes())
    engine, files = look_at(folder, "mine")
    assert (engine, sorted(files)) == (
        "keywords", sorted([DECODER, ENCODER, JOINER, "encoder.int8.onnx", "tokens.txt"])
    )  # fmt: skip
    info = Keywords.info()
    assert (info.default_model, info.any_phrase, info.words) == ("mine", True, ())
    (folder / ENCODER).unlink()
    assert names(loaded(), tones(1.0, *ABC, 1.0), words=["abc"]) == ["abc"]


def test_a_program_waits_for_any_phrase(folder: Path, start_supervisor: Callable[..., Supervisor]) -> None:
    """Through a supervisor and a worker of its own, by the model's name; the engine is described."""
    started = start_supervisor("[worker.wake]\nkeep_alive = 0.1\n")
    assert started.ready, started.log()
    sound = tones(1.0, *ABC, 1.0)
    chunks = (sound[start : start + 3200] for start in range(0, len(sound), 3200))
    with Client() as client:
        heard = list(hushd_wake_words.detect(client, chunks, "abc", model="keywords/mine"))
        engines = {engine.name: engine for engine in client.describe("wake").wake.engines}
    assert [word.word for word in heard] == ["abc"]
    assert (engines["keywords"].installed, engines["keywords"].any_phrase) == (True, True)
