"""The real engine, with the voice that is in its package."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hushd_models import installation
from hushd_models.installation import extra_command
from hushd_worker_tts.engines.hibari import HIBARI_WPM, Hibari
from hushd_worker_tts.engines.hibari_internals import files
from hushd_worker_tts.worker import Worker
from support.refusals import hushd_error
from support.tts_jobs import Say

SENTENCE = "The quick brown fox jumps over the lazy dog today."
# The opening of "A Scandal in Bohemia".
PROSE = (
    "To Sherlock Holmes she is always the woman. I have seldom heard him mention her under any other name. In his "
    "eyes she eclipses and predominates the whole of her sex. It was not that he felt any emotion akin to love "
    "for Irene Adler. All emotions, and that one particularly, were abhorrent to his cold, precise but admirably "
    "balanced mind. He was, I take it, the most perfect reasoning and observing machine that the world has seen, "
    "but as a lover he would have placed himself in a false position. He never spoke of the softer passions, save "
    "with a gibe and a sneer. They were admirable things for the observer, excellent for drawing the veil from "
    "men's motives and actions. But for the trained reasoner to admit such intrusions into his own delicate and "
    "finely adjusted temperament was to introduce a distracting factor which might throw a doubt upon all his "
    "mental results. Grit in a sensitive instrument, or a crack in one of his own high-power lenses, would not be "
    "more disturbing than a strong emotion in a nature such as his. And yet there was but one woman to him, and "
    "that woman was the late Irene Adler, of dubious and questionable memory. I had seen little of Holmes lately. "
    "My marriage had drifted us away from each other. My own complete happiness, and the home-centred interests "
    "which rise up around the man who first finds himself master of his own establishment, were sufficient to "
    "absorb all my attention."
)


def test_speaks(hibari: Worker, say: Say) -> None:
    """A sentence of ten words takes 3 to 4.5 s, is loud enough, and its sound is as long as the result says."""
    spoken = say(hibari, SENTENCE)
    assert spoken.result["voice"] == "heart"
    assert (spoken.result["rate"], spoken.result["sentences"]) == (24000, 1)
    assert 3.0 < spoken.result["duration"] < 4.5
    samples = np.frombuffer(spoken.raw, "<i2") / 32768
    assert len(samples) / 24000 == pytest.approx(spoken.result["duration"], abs=0.001)
    assert 0.1 < np.abs(samples).max() <= 1
    assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.3


def test_equal_requests_give_equal_audio(hibari: Worker, say: Say) -> None:
    """Noise is part of a voice, chance is not."""
    assert say(hibari, SENTENCE).raw == say(hibari, SENTENCE).raw


def test_words_a_minute_are_what_they_say(hibari: Worker, say: Say) -> None:
    """Prose at its natural rate and at other rates takes the minutes that wpm promises, within 15 percent."""
    words = len(PROSE.split())
    natural = words / say(hibari, PROSE).result["duration"] * 60
    assert abs(natural / HIBARI_WPM - 1) < 0.06
    for wpm in (110, 150, 250, 330):
        measured = words / say(hibari, PROSE, wpm=wpm).result["duration"] * 60
        assert abs(measured / wpm - 1) < 0.15, f"{wpm} became {measured:.0f}"


def test_letters_that_it_cannot_speak_are_said_so(hibari: Worker, say: Say) -> None:
    """A script that the voice does not know makes no noise."""
    with hushd_error("bad_request", r"the voice heart \(en-US\) can speak"):
        say(hibari, "日本")


@pytest.mark.parametrize("text", ["\U0001f600", "...", "?!"])
def test_signs_alone_are_a_moment_of_silence(hibari: Worker, say: Say, text: str) -> None:
    """Chat models send them as a whole answer: none is an error, and none makes a noise."""
    spoken = say(hibari, text)
    assert 0 < spoken.result["duration"] < 1
    assert not any(spoken.raw)


def test_a_voice_that_is_not_here_is_missing_and_never_downloaded(
    hibari: Worker, say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One sentence says how to get it; the list says that it is not installed; nobody opens a connection."""
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    import urllib.request

    monkeypatch.setattr(urllib.request, "urlopen", lambda *args, **options: pytest.fail("a download"))
    assert {voice.name: voice.installed for voice in Hibari.voices()} == {
        "heart": True, "emma": False, "fenrir": False, "fable": False, "kore": False,
    }  # fmt: skip
    with hushd_error("model_missing", "not on this machine: `hushd models pull hibari/emma`"):
        say(hibari, "Hello.", voice="emma")
    assert list(tmp_path.iterdir()) == []


def test_a_voice_in_the_cache_is_installed_and_a_damaged_one_is_named(
    hibari: Worker, say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file put there by hand serves; the session of each voice is its own, as is the accent."""
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    (tmp_path / "af_kore.int8.onnx").symlink_to(files.voice_file("heart"))
    assert {voice.name for voice in Hibari.voices() if voice.installed} == {"heart", "kore"}
    kore = say(hibari, "Hello.", voice="kore")
    assert kore.result["voice"] == "kore"
    assert len(kore.raw) == len(say(hibari, "Hello.").raw)  # not as loud: nobody has measured kore
    (tmp_path / "bm_fable.int8.onnx").write_bytes(b"not a model")
    with hushd_error("model_missing", r"hibari/fable does not load.*replace .* by `hushd models pull hibari/fable`"):
        say(hibari, "Hello.", voice="fable")


def test_a_voice_that_was_pulled_speaks(
    hibari: Worker, say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A pulled voice comes before one in hibari's own cache, so that a pull mends a damaged one."""
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    for folder in ("cache", "models/hibari"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cache" / "af_kore.int8.onnx").write_bytes(b"not a model")
    (tmp_path / "models" / "hibari" / "af_kore.int8.onnx").symlink_to(files.voice_file("heart"))
    assert say(hibari, "Hello.", voice="kore").result["voice"] == "kore"


def test_without_hibari_it_is_described_as_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No import error, no voices, and the command that installs it."""
    files.registry.cache_clear()
    files.assets.cache_clear()
    for place in (files, installation):
        monkeypatch.setattr(place, "find_spec", lambda name: None if name == "hibari" else find_spec(name))
    try:
        assert (Hibari.available(), Hibari.voices()) == (False, ())
        with hushd_error("engine_missing", re.escape("not installed: " + extra_command("tts"))):
            Worker("hibari", "default").load(lambda note: None)
    finally:
        files.registry.cache_clear()
        files.assets.cache_clear()
