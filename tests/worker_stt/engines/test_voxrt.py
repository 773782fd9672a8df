"""The engine `voxrt` on a small model with random weights: loading and decoding are real, its words mean nothing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hushd_protocol.errors import HushdError
from hushd_schema.engines.stt.voxrt import FILES, SPEC
from hushd_worker.job import Cancelled
from hushd_worker_stt.engine import RATE, Options
from hushd_worker_stt.engines.voxrt import Voxrt
from support import small_models
from support.models_folder import isolated

voxrt = pytest.importorskip("voxrt", reason="voxrt is not installed: pip install 'hushd[voxrt]'")

NOISE = (np.random.default_rng(1).standard_normal(5 * RATE) * 0.1).astype(np.float32)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of the user's own, no cache of the hub, and a network that must not be used."""
    monkeypatch.setenv("RAYON_NUM_THREADS", "1")
    return small_models.voxrt_model(isolated(tmp_path, monkeypatch) / "voxrt" / "mine")


def loaded(name: str = "mine") -> Voxrt:
    engine = Voxrt()
    engine.load(name, lambda note: None)
    return engine


def test_words_lie_inside_their_piece(model: Path) -> None:
    """One after the other, though the package's last frame ends after the sound; without a wish for times there are
    none. The text is that of the package."""
    engine = loaded()
    (segment,) = engine.transcribe(NOISE, Options(word_times=True))
    assert segment.text == " ".join(word.text for word in segment.words)
    assert segment.text == voxrt.Transcriber(str(model), device="cpu").transcribe(NOISE).text
    times = [time for word in segment.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert (segment.start, segment.end, times[0], times[-1]) == (0.0, 5.0, 0.0, 5.0)
    (plain,) = engine.transcribe(NOISE, Options())
    assert (plain.text, plain.words) == (segment.text, ())


@pytest.mark.parametrize("count", [0, 1, 159, 160, 1600])
def test_sounds_for_which_the_package_panics(model: Path, count: int) -> None:
    """They are read with silence behind them, and no time is behind the sound's end."""
    for segment in loaded().transcribe(NOISE[:count], Options(word_times=True)):
        assert all(0 <= word.start <= word.end <= count / RATE for word in segment.words)


def test_who_has_gone_is_noticed_while_the_package_works(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call ends before the engine goes on, so that none of the package's work is left; then it hears as before."""
    engine, working, left = loaded(), threading.Event(), threading.Event()
    usual = engine._transcriber

    class Slow:
        def transcribe(self, samples: np.ndarray, sample_rate: int) -> object:
            working.set()
            left.wait()
            return usual.transcribe(samples, sample_rate=sample_rate)

    def gone() -> None:
        if working.is_set():
            left.set()
            raise Cancelled

    engine._transcriber, engine.check = Slow(), gone
    with pytest.raises(Cancelled):
        list(engine.transcribe(NOISE, Options()))
    assert not [thread for thread in threading.enumerate() if thread.name == SPEC.name]
    engine._transcriber, engine.check = usual, Voxrt.check
    assert list(engine.transcribe(NOISE, Options()))


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def other_kind(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": "thrush-ternary-v9"}))


def empty(path: Path) -> None:
    path.write_text("{}")


def without_its_last_layer(path: Path) -> None:
    """The weights of a smaller model than its config.json describes."""
    content = path.read_bytes().replace(b"joint.head.weight", b"joint.lost.weight")
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "change", "why"),
    [
        ("config.json", half, "json: EOF while parsing"),
        ("config.json", empty, "json: missing field `encoder_config`"),
        ("ternary.json", half, "json: EOF while parsing"),
        ("ternary.json", other_kind, 'unsupported format "thrush-ternary-v9", expected thrush-ternary-v2'),
        ("tokenizer.json", empty, "json: missing field `added_tokens`"),
        ("model.safetensors", half, "safetensors: incomplete metadata, file not fully covered"),
        ("model.safetensors", without_its_last_layer, "missing tensor joint.head.weight"),
    ],
)
def test_a_damaged_folder_is_said_in_a_sentence(
    model: Path, file: str, change: Callable[[Path], None], why: str
) -> None:
    """With the package's reason, and what to do; what the package would download is not asked for."""
    change(model / file)
    with pytest.raises(HushdError) as raised:
        loaded()
    assert raised.value.code == "model_missing"
    assert why in raised.value.message
    assert raised.value.message.startswith(
        "The model voxrt/mine does not load, since its file is damaged or incomplete ("
    )
    assert raised.value.message.endswith(f": replace {model} by a complete copy.")


@pytest.mark.parametrize("file", FILES)
def test_a_folder_without_one_of_its_files_is_no_model(model: Path, file: str) -> None:
    """It is not installed, and the error says how to get or to import it; so is a name that the hub would know."""
    (model / file).unlink()
    assert not Voxrt.installed("mine")
    for name in ("mine", "moondream/parakeet-redux", "parakeet-redux"):
        with pytest.raises(HushdError, match=r"^The model voxrt/\S+ is not on this machine: `hushd models ") as raised:
            loaded(name)
        assert raised.value.code == "model_missing"
