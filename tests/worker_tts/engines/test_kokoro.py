"""The engine kokoro through its real package, on a small model that hums."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hushd_models.installation import package_command
from hushd_protocol.errors import HushdError
from hushd_reading.pronunciation import marked
from hushd_worker_tts.engine import Voice, usual_model
from hushd_worker_tts.engines.kokoro import Kokoro
from hushd_worker_tts.worker import Worker
from support.refusals import hushd_error
from support.tts_jobs import Say


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """kokoro's folder, empty."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    return tmp_path / "kokoro"


pytest.importorskip("kokoro_onnx", reason="kokoro is not installed: pip install 'hushd[kokoro]'")

from support import tiny_voices  # noqa: E402

VOICES = ("af_heart", "bm_george", "ef_dora", "ff_siwis", "hm_psi", "if_sara", "pm_alex")


def voice(name: str) -> Voice:
    return next(voice for voice in Kokoro.voices() if voice.name == name)


LOADED: list[Kokoro] = []


def loaded(model: str = "kokoro-v1.0") -> Kokoro:
    engine = Kokoro(model)
    engine.load(lambda note: None)
    LOADED.append(engine)
    return engine


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    """The package keeps its file of voices open for as long as it lives, which a worker has nothing against."""
    yield
    while LOADED:
        LOADED.pop()._kokoro.voices.close()


@pytest.mark.parametrize(("name", "language", "gender", "text"), [
    ("af_heart", "en-US", "female", "Ever tried."),
    ("bm_george", "en-GB", "male", "Ever tried."),
    ("ef_dora", "es-ES", "female", "Hola, buenos días."),
    ("ff_siwis", "fr-FR", "female", "Bonjour à tous."),
    ("hm_psi", "hi-IN", "male", "नमस्ते"),
    ("if_sara", "it-IT", "female", "Ciao a tutti."),
    ("pm_alex", "pt-BR", "male", "Olá a todos."),
])  # fmt: skip
def test_speaks_seven_languages(models: Path, name: str, language: str, gender: str, text: str) -> None:
    """Each through espeak's phonemes, at 24 kHz, with a pause at its end; each voice has a style of its own."""
    tiny_voices.kokoro(models, *VOICES)
    assert (voice(name).language, voice(name).gender, voice(name).installed) == (language, gender, True)
    (chunk,) = loaded().synthesize(text, voice(name), 1.0)
    assert chunk.rate == tiny_voices.KOKORO_RATE
    assert not chunk.samples[-int(0.25 * chunk.rate) :].any()
    (other,) = loaded().synthesize(text, voice("af_heart" if name != "af_heart" else "bm_george"), 1.0)
    assert tiny_voices.pitch(other.samples, other.rate) != tiny_voices.pitch(chunk.samples, chunk.rate)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_speed(models: Path, speed: float) -> None:
    """Twice as fast is half as long, but for the pause."""
    tiny_voices.kokoro(models, "af_heart")
    pause = int(0.25 * tiny_voices.KOKORO_RATE)
    text = "Whoever has tried and failed tries again and fails again and fails better."
    (natural,) = loaded().synthesize(text, voice("af_heart"), 1.0)
    (chunk,) = loaded().synthesize(text, voice("af_heart"), speed)
    assert len(chunk.samples) - pause == pytest.approx((len(natural.samples) - pause) / speed, rel=0.1)


def test_words_are_marked_where_the_model_says_when(models: Path) -> None:
    """Each word has its time by the model's durations; without them, none."""
    tiny_voices.kokoro(models, "af_heart")
    text = "Ever tried, failed."
    (chunk,) = loaded().synthesize(text, voice("af_heart"), 1.0)
    assert [text[place:].split()[0] for place, _ in chunk.marks] == ["Ever", "tried,", "failed."]
    times = [seconds for _, seconds in chunk.marks]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] < len(chunk.samples) / chunk.rate
    tiny_voices.kokoro(models, "af_heart", timed=False)
    (plain,) = loaded().synthesize(text, voice("af_heart"), 1.0)
    assert plain.marks == ()


def test_marked_phonemes_are_spoken_as_they_are(models: Path) -> None:
    """A word in the phonetic alphabet is not read again, and each word keeps its time."""
    tiny_voices.kokoro(models, "af_heart")
    engine = loaded()
    text = f"We ate {marked('njɒki')}, then left."
    assert "njɒki" in engine._phonemes(text, voice("af_heart"))
    (chunk,) = engine.synthesize(text, voice("af_heart"), 1.0)
    assert [place for place, _ in chunk.marks] == [match.start() for match in re.finditer(r"\S+", text)]


def test_voices_are_those_of_the_file(models: Path) -> None:
    """Others could be pulled, so that `alloy` of OpenAI's names is a voice that is here; all are tried where the file
    cannot be read, since loading it tells why."""
    tiny_voices.kokoro(models, "af_heart", "am_adam")
    assert [voice.name for voice in Kokoro.voices() if voice.installed] == ["af_heart", "am_adam"]
    (models / "voices-v1.0.bin").write_bytes(b"no zip")
    assert voice("af_alloy").installed


def test_another_file_is_another_model(models: Path, say: Say) -> None:
    """A worker loads it: the model named is loaded, and any of the voices speaks with it."""
    tiny_voices.kokoro(models, "af_heart", "am_adam", name="kokoro-v1.0.int8")
    models = Kokoro.models()
    assert usual_model(Kokoro.SPEC, models) == "kokoro-v1.0.int8"
    assert [model.name for model in models if model.installed] == ["kokoro-v1.0.int8"]
    worker = Worker("kokoro", "kokoro-v1.0.int8")
    worker.load(lambda note: None)
    LOADED.append(worker.engine)
    assert say(worker, "Hello.").result["voice"] == "af_heart"
    assert say(worker, "Hello.", voice="am_adam").result["voice"] == "am_adam"


def test_what_is_missing_is_said_with_where_it_belongs(models: Path) -> None:
    """No model, no voices, a damaged model, a voice that the file lacks."""
    with pytest.raises(HushdError, match=r"not on this machine: `hushd models pull kokoro/kokoro-v1\.0` gets it"):
        loaded()
    path = tiny_voices.kokoro(models, "af_heart")
    with hushd_error("model_missing", r"The voice am_adam is not in .*voices-v1\.0\.bin"):
        list(loaded().synthesize("Hello.", voice("am_adam"), 1.0))
    with pytest.raises(HushdError, match=r"kokoro-v1\.0\.fp16 is not on this machine"):
        loaded("kokoro-v1.0.fp16")
    path.write_bytes(b"no graph")
    with pytest.raises(
        HushdError, match=r"The model kokoro/kokoro-v1\.0 does not load.* replace it by .*pull kokoro/kokoro-v1\.0`\.$"
    ):
        loaded()


def test_japanese_and_chinese_are_read_by_misaki(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so without it; with it (a stand-in) its phonemes are spoken."""
    tiny_voices.kokoro(models, "jf_alpha", "zf_xiaoni")
    engine = loaded()
    for name, extra in (("jf_alpha", "ja"), ("zf_xiaoni", "zh")):
        assert not voice(name).installed
        with hushd_error("engine_missing", re.escape(package_command(f"misaki[{extra}]") + ".")):
            list(engine.synthesize("日本", voice(name), 1.0))

    class Reader:
        def __call__(self, text: str) -> tuple[str, None]:
            return {"日本": "ɲihoɴ", "中国": "ʈʂʊŋ kwo"}[text], None

    package = ModuleType("misaki")
    ja, zh = ModuleType("misaki.ja"), ModuleType("misaki.zh")
    ja.JAG2P, zh.ZHG2P = Reader, Reader  # type: ignore[attr-defined]
    package.__spec__ = ModuleSpec("misaki", None)
    for name, module in (("misaki", package), ("misaki.ja", ja), ("misaki.zh", zh)):
        monkeypatch.setitem(sys.modules, name, module)
    for name, text in (("jf_alpha", "日本"), ("zf_xiaoni", "中国")):
        (chunk,) = engine.synthesize(text, voice(name), 1.0)
        assert np.abs(chunk.samples).max() > 0.1
