"""The engine chatterbox with a stand-in for its package, which pins an old torch; its weights are not here either."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd import Client
from hushd_models.installation import document
from hushd_protocol.errors import HushdError
from hushd_worker_tts.engine import Voice
from hushd_worker_tts.engines.chatterbox import Chatterbox
from hushd_worker_tts.worker import Worker
from support import python_path
from support.peer import Start
from support.refusals import hushd_error
from support.tts_jobs import Say

WEIGHTS = {
    "english": ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json"),
    "multilingual": ("ve.pt", "t3_mtl23ls_v2.safetensors", "s3gen.pt", "grapheme_mtl_merged_expanded_v1.json"),
}
PACKAGES = ("chatterbox", "perth", "torch")
STAND_INS = Path(__file__).parents[2] / "support" / "stand_ins"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """chatterbox's folder, empty."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    (tmp_path / "chatterbox" / "voices").mkdir(parents=True)
    return tmp_path / "chatterbox"


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stand-in in the place of chatterbox and torch."""
    names = [name for name in sys.modules if name.partition(".")[0] in PACKAGES]
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(STAND_INS))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]


def put(models: Path, model: str, conds: bool = True) -> None:
    (models / model).mkdir()
    for file in (*WEIGHTS[model], *(["conds.pt"] if conds else [])):
        (models / model / file).write_bytes(b"weights")


def record(models: Path, name: str, size: int) -> None:
    (models / "voices" / name).write_bytes(b"RIFF".ljust(size))


def voice(name: str) -> Voice:
    return next(voice for voice in Chatterbox.voices() if voice.name == name)


def loaded(model: str) -> Chatterbox:
    engine = Chatterbox(model)
    engine.load(lambda note: None)
    return engine


def test_not_installed(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is described with its three models and what installs it, and has no voices."""
    monkeypatch.setitem(sys.modules, "chatterbox", None)
    monkeypatch.setattr("hushd_models.installation.find_spec", lambda name: None)
    assert (Chatterbox.available(), Chatterbox.install()) == (
        False,
        f"make it an environment of its own, as {document('MODELS.md')} says",
    )
    languages = {model.name: len(model.languages) for model in Chatterbox.models()}
    assert languages == {"english": 1, "multilingual": 23, "turbo": 1}
    assert Chatterbox.voices() == ()
    with hushd_error("engine_missing", "The engine chatterbox does not load"):
        loaded("english")


def test_speaks_with_its_own_voice(models: Path, package: None) -> None:
    """The voice has 24 kHz and its own pace; nothing for what cannot be said, where the package speaks of having no
    text."""
    put(models, "english")
    engine = loaded("english")
    (chunk,) = engine.synthesize("Ever tried.", voice("chatterbox"), 1.0)
    assert (chunk.rate, len(chunk.samples)) == (24_000, 2640)
    assert list(engine.synthesize("?!", voice("chatterbox"), 1.0)) == []
    assert (Chatterbox.SPEC.slowest, Chatterbox.SPEC.fastest) == (1.0, 1.0)


def test_recordings_are_voices(models: Path, package: None) -> None:
    """A file in `voices` is one, English or of the language in its name; what its model makes of it is kept until the
    file changes."""
    put(models, "english")
    put(models, "multilingual")
    record(models, "anna.wav", 100)
    record(models, "anne.fr.wav", 200)
    record(models, "notes.txt", 300)
    mine = {v.name: v for v in Chatterbox.voices() if not v.name.startswith("chatterbox")}
    assert {name: (v.language, v.model, v.installed) for name, v in mine.items()} == {
        "anna": ("en", "english", True), "anne": ("fr", "multilingual", True),
    }  # fmt: skip
    engine = loaded("english")
    own, first, second = (next(engine.synthesize("Ever.", voice(n), 1.0)) for n in ("chatterbox", "anna", "anna"))
    assert first.samples[1] != own.samples[1]
    assert first.samples[1] == second.samples[1]
    assert len(engine._tts.prepared) == 1
    record(models, "anna.wav", 150)
    assert next(engine.synthesize("Ever.", voice("anna"), 1.0)).samples[1] != first.samples[1]
    assert next(engine.synthesize("Ever.", voice("chatterbox"), 1.0)).samples[1] == own.samples[1]


def test_languages(models: Path, package: None) -> None:
    """The multilingual model gets the voice's language; the English one refuses another."""
    put(models, "english")
    put(models, "multilingual")
    engine = loaded("multilingual")
    english = next(engine.synthesize("Ever.", voice("chatterbox"), 1.0))
    french = next(engine.synthesize("Ever.", voice("chatterbox-fr"), 1.0))
    assert french.samples[1] == pytest.approx(english.samples[2], rel=1e-3)
    with pytest.raises(HushdError, match="The voice chatterbox-fr needs chatterbox's model multilingual, not english"):
        list(loaded("english").synthesize("Ever.", voice("chatterbox-fr"), 1.0))


def test_what_is_missing_is_said_with_how_to_get_it(models: Path, package: None) -> None:
    """Weights, its own voice, a recording that is none."""
    with pytest.raises(HushdError, match=r"`hushd models pull chatterbox/turbo` gets it \(about 3\.0 GB, MIT\)"):
        loaded("turbo")
    put(models, "english", conds=False)
    (models / "voices" / "text.wav").write_text("no sound")
    engine = loaded("english")
    with pytest.raises(HushdError, match=r"own voice \(conds\.pt\) is not in .*english: put it there, or name one"):
        list(engine.synthesize("Ever.", voice("chatterbox"), 1.0))
    with hushd_error("input_unreadable", r"cannot use .*text\.wav as a voice \(Format not recognised\)"):
        list(engine.synthesize("Ever.", voice("text"), 1.0))
    (models / "english" / "s3gen.safetensors").write_bytes(b"half")
    with pytest.raises(HushdError, match=r"damaged or incomplete \(Error while deserializing header of s3gen"):
        loaded("english")


def test_through_the_worker(models: Path, package: None, say: Say) -> None:
    """The voice of the model that is loaded speaks where none is named."""
    put(models, "multilingual")
    record(models, "anne.fr.wav", 200)
    worker = Worker("chatterbox", "multilingual")
    worker.load(lambda note: None)
    assert say(worker, "Bonjour.", voice="anne").result["voice"] == "anne"
    assert say(worker, "Bonjour.", language="fr").result["voice"] == "chatterbox-fr"


def test_in_an_environment_of_its_own(models: Path, start_supervisor: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """hushd's own Python lacks the package; the configuration names one that has it, and `--engine` is enough to use
    it, renewed as often as its leak needs."""
    put(models, "english")
    record(models, "anna.wav", 100)
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(models.parent))
    start_supervisor(
        f"""
        [worker."tts/chatterbox"]
        command = ["{sys.executable}", "-m", "hushd_worker_tts"]
        max_pss_mb = 1
        environment = {{ PYTHONPATH = "{python_path.first(STAND_INS)}" }}
        """
    )
    with Client() as client:
        for name in ("anna", "chatterbox", "anna"):
            speech = client.synthesize("Ever tried.", engine="chatterbox", voice=name)
            assert len(b"".join(speech)) == 2 * 2640
            assert speech.voice == name
        workers = client.status().workers
        assert {row.name for row in workers} == {"tts/chatterbox/english"}
        assert sum(row.starts for row in workers) >= 2, workers
        with pytest.raises(HushdError, match=r"There is no voice 'ann' \(did you mean anna\?\)"):
            list(client.synthesize("Ever tried.", engine="chatterbox", voice="ann"))
