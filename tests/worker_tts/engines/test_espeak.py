"""The engine espeak-ng: the real library, where the system or a package has one."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from hushd_models.installation import extra_command
from hushd_worker_tts.engine import Voice
from hushd_worker_tts.engines import espeak_ng
from hushd_worker_tts.engines.espeak_ng import EspeakNg
from hushd_worker_tts.worker import Worker
from support.refusals import hushd_error

LANGUAGES = set(EspeakNg.models()[0].languages)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is not installed: there are no voices, but the languages there would be; the load says what brings
    it."""
    monkeypatch.setattr(espeak_ng, "find_library", lambda: None)
    espeak_ng._voices.cache_clear()
    assert not EspeakNg.available()
    assert EspeakNg.voices() == ()
    assert {"fr", "de", "zh", "ar", "hi"} <= set(EspeakNg.models()[0].languages)
    with hushd_error("engine_missing", re.escape(extra_command("espeak") + ".")):
        Worker("espeak-ng", "default").load(lambda note: None)
    monkeypatch.undo()
    espeak_ng._voices.cache_clear()


needed = pytest.mark.skipif(
    espeak_ng.find_library() is None, reason="espeak-ng is not installed: apt install espeak-ng"
)
TEXT = "The quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def engine() -> EspeakNg:
    engine = EspeakNg("all")
    engine.load(lambda note: None)
    return engine


def voice(name: str) -> Voice:
    return next(voice for voice in EspeakNg.voices() if voice.name == name)


@needed
def test_its_voices() -> None:
    """A hundred languages and more, each voice with a name and a tag of its own, and the languages known without it."""
    voices = EspeakNg.voices()
    assert len({voice.name for voice in voices}) == len(voices) > 100
    assert all(re.fullmatch(r"[a-z]{2,4}(-[A-Za-z0-9]+)*", voice.language) for voice in voices)
    assert {voice.language.partition("-")[0] for voice in voices} <= LANGUAGES
    languages = {name: voice(f"espeak-{name}").language for name in ("fr", "en", "en-us", "pt-br", "cmn", "de")}
    assert languages == {"fr": "fr", "en": "en-GB", "en-us": "en-US", "pt-br": "pt-BR", "cmn": "zh", "de": "de"}
    assert voice("espeak-fr").sample == "Bonjour, je m'appelle eSpeak."


@needed
@pytest.mark.parametrize(("name", "text"), [
    ("espeak-en-us", TEXT), ("espeak-fr", "Où est le café de l'hôtel ?"), ("espeak-ar", "مرحبا بالعالم"),
    ("espeak-cmn", "你好，世界。"), ("espeak-hi", "नमस्ते दुनिया"),
])  # fmt: skip
def test_speaks(engine: EspeakNg, name: str, text: str) -> None:
    """Any script, audible and not clipped, with words in their order."""
    (chunk,) = engine.synthesize(text, voice(name), 1.0)
    assert 0.1 < np.abs(chunk.samples).max() < 1.0
    assert 0.5 < len(chunk.samples) / chunk.rate < 6
    places, times = zip(*chunk.marks, strict=True)
    assert list(places) == sorted(set(places))
    assert list(times) == sorted(times)
    assert times[-1] < len(chunk.samples) / chunk.rate


@needed
def test_words_are_marked_by_character(engine: EspeakNg) -> None:
    """Places count characters, not bytes, and each is where a word begins; a tone begins when it says."""
    text = "Die Größe überrascht: „schöne Füße“."
    (chunk,) = engine.synthesize(text, voice("espeak-de"), 1.0)
    assert [text[place:].split()[0] for place, _ in chunk.marks] == ["Die", "Größe", "überrascht:", "schöne", "Füße“."]
    (chunk,) = engine.synthesize("Stop. Go.", voice("espeak-en-us"), 1.0)
    (_, first), (place, second) = chunk.marks
    assert (first, place) == (0.0, 6)
    at = round(second * chunk.rate)
    assert np.abs(chunk.samples[at - 2000 : at - 500]).max() < 0.02
    assert np.abs(chunk.samples[at : at + 3000]).max() > 0.1


@needed
@pytest.mark.parametrize("speed", [80 / 175, 1.0, 2.0, 450 / 175])
def test_speed(engine: EspeakNg, speed: float) -> None:
    """The pace is the one asked for within its whole range; it is kept for one sentence only."""
    lengths = []
    for pace in (1.0, speed, 1.0):
        (chunk,) = engine.synthesize(TEXT, voice("espeak-en-us"), pace)
        lengths.append(len(chunk.samples))
    assert lengths[0] / lengths[1] == pytest.approx(speed, rel=0.25)
    assert lengths[0] == pytest.approx(lengths[2], rel=0.05)


def test_the_package_of_the_extra() -> None:
    """espeakng-loader's library and data are taken where the system has none."""
    pytest.importorskip("espeakng_loader", reason="the extra espeak is not installed")
    program = (
        "from hushd_worker_tts.engines import espeak_ng\n"
        "espeak_ng._LIBRARIES = {}\n"
        "engine = espeak_ng.EspeakNg('all'); engine.load(print)\n"
        "voice = next(v for v in engine.voices() if v.name == 'espeak-fr')\n"
        "(chunk,) = engine.synthesize('Bonjour.', voice, 1.0)\n"
        "print(espeak_ng.find_library()[1], len(chunk.samples) / chunk.rate, sep='\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    folder, seconds = done.stdout.splitlines()[-2:]
    assert "espeakng_loader" in folder
    assert 0.3 < float(seconds) < 2


@needed
@pytest.mark.parametrize(("name", "text", "unread"), [
    ("espeak-ja", "日本語です。", "日本語です"), ("espeak-ja", "こんにちは", ""), ("espeak-ko", "안녕, 2 kg", ""),
    ("espeak-yue", "你好世界", ""), ("espeak-ru", "Привет, это hushd.", ""),
    ("espeak-ru", "日本 " * 9, ("日本 " * 9)[:20]),
    ("espeak-de", "Das ist α, und π.", ""), ("espeak-de", "Γεια σας", ""),
    ("espeak-ar", "مرحبا بالعالم", ""),
    ("espeak-fr", "Où est l'été ?", ""), ("espeak-fr", "12 + 3", ""),
    ("espeak-sv", "Tecknet 你 betyder du.", ""), ("espeak-sv", "你好 du", "你好"),
    ("espeak-hi", "नमस्ते दुनिया", ""),
])  # fmt: skip
def test_letters_that_a_voice_cannot_read_are_told(engine: EspeakNg, name: str, text: str, unread: str) -> None:
    """A voice names the letters of a script that it does not know, in English, and nobody understands the text."""
    engine.unread = ""
    list(engine.synthesize(text, voice(name), 1.0))
    assert engine.unread == unread
