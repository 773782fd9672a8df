"""The engine `micro`, with the models in its wheel, and with one of a user's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_wake.engines import micro
from hushd_worker_wake.worker import WakeWorker
from support.refusals import hushd_error

from .wake_words import detect, needs_micro, room

pytestmark = needs_micro


@pytest.fixture
def worker(runtime: Path) -> WakeWorker:
    made = WakeWorker("micro", "default")
    made.load(lambda note: None)
    return made


def test_words_are_told_apart(worker: WakeWorker) -> None:
    """Each of three words is heard once, where it ends, and by its own name only; a sentence is none of them."""
    sound = room(1.0, "alexa", 1.5, "please open the window", 1.0, "hey jarvis", 1.5, "hey mycroft", 1.5)
    heard, result = detect(worker, sound, words=["hey jarvis", "Alexa", "hey_mycroft", "okay nabu"])
    assert [word for word, _, _ in heard] == ["Alexa", "hey jarvis", "hey_mycroft"]
    assert result == {"duration": len(sound) // 2 / 16_000, "detections": 3}
    _, at, end = heard[0]
    assert 1.3 < end <= at < 2.1


def test_no_sound_is_a_word(worker: WakeWorker) -> None:
    """Silence, noise, a tone and clipping are none, at any level; an odd byte is passed over."""
    noise = np.random.default_rng(1)
    tone = np.sin(np.arange(48_000) / 16_000 * 2 * np.pi * 440)
    for samples in (np.zeros(48_000), noise.normal(0, 0.3, 48_000), tone, np.sign(tone)):
        sound = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        assert detect(worker, sound + b"\0", words=["alexa", "okay nabu"])[0] == []


def test_an_unknown_word_is_refused(worker: WakeWorker) -> None:
    """The sentence names the words that there are, and the one that was meant; so is an engine that is not here."""
    with pytest.raises(
        HushdError, match=r"does not know the word 'okay nabo' \(did you mean okay nabu\?\): here it knows alexa"
    ):
        detect(worker, b"", words=["okay nabo"])
    with hushd_error("engine_missing", "no wake-word engine 'nobody'"):
        WakeWorker("nobody", "default").load(lambda note: None)


def test_a_users_own_word(worker: WakeWorker, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A description and a model in the models folder are a word more, in the worker that runs; a broken one is none."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(runtime / "models"))
    folder = runtime / "models" / "micro" / "computer"
    folder.mkdir(parents=True)
    wheel = micro._in_wheel()
    assert wheel
    shutil.copy(wheel / "alexa.tflite", folder / "computer.tflite")
    described = json.loads((wheel / "alexa.json").read_text()) | {"model": "computer.tflite", "wake_word": "Computer"}
    (folder / "computer.json").write_text(json.dumps(described))
    (folder / "broken.json").write_text(json.dumps(described | {"model": "../computer.tflite"}))
    heard, _ = detect(worker, room(1.0, "alexa", 1.5), words=["computer"])
    assert [word for word, _, _ in heard] == ["computer"]
    assert [word.name for word in micro.Micro.words()][-1] == "computer"
