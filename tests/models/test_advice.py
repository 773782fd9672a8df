"""The advice for a missing engine, model or language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hushd_models import advice, catalogue, languages
from hushd_models.choice import recommendation
from hushd_models.choice.recommendation import Hardware
from hushd_models.inventory import Row, row
from hushd_models.store import Store
from hushd_protocol.system import paths

ENGINE_INSTALLED = advice.engine_installed.__wrapped__  # without its memory


@pytest.fixture
def store(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A machine without models, on which every engine is installed."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(runtime / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(runtime / "cache"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    lacking(monkeypatch)
    return Store(paths.find())


def lacking(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Has all engines' packages installed but these."""
    monkeypatch.setattr("hushd_models.installation.find_spec", lambda package: package not in packages)
    monkeypatch.setattr(advice, "engine_installed", ENGINE_INSTALLED)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Hardware:
    laptop = Hardware(cores=4, memory_mb=12_000, disk_mb=100_000)
    monkeypatch.setattr(recommendation, "here", lambda folder: laptop)
    return laptop


@pytest.mark.parametrize(
    ("role", "language", "does"),
    [("stt", "de", "hears"), ("stt", "German", "hears"), ("tts", "de-AT", "speaks"), ("tts", "fr", "speaks")],
)
def test_a_language_comes_by_one_command(
    store: Store, monkeypatch: pytest.MonkeyPatch, role: str, language: str, does: str
) -> None:
    """The same line for every language, whatever it has to install; only one engine's models are named one by one."""
    monkeypatch.setattr(Row, "usable", False)
    sentence = f"; `hushd get {languages.code(language)}` brings a model that {does} it"
    assert recommendation.for_language(role, language) == sentence
    assert "`hushd models pull whisper/" in recommendation.for_language("stt", "de", "whisper")


@pytest.mark.parametrize(("role", "language", "engine"), [("stt", "tlh", None), ("stt", "ja", "moonshine")])
def test_nothing_is_promised_that_there_is_not(store: Store, role: str, language: str, engine: str | None) -> None:
    """A language of no model, or of none of the engine's; a model that is here does at once, however small."""
    assert recommendation.for_language(role, language, engine) == ""
    (store.folder / "whisper").mkdir(parents=True)
    (store.folder / "whisper" / "tiny.pt").write_bytes(b"weights")
    assert recommendation.for_language("stt", "sw") == "; whisper/tiny hears it"


@pytest.mark.plugin("engines-piper")
def test_a_natural_voice_that_is_here_is_named_before_a_robotic_one(store: Store) -> None:
    """As `hushd get` has it: any of piper's voices comes before espeak-ng's."""
    assert recommendation.for_language("tts", "de") == "; espeak-ng/all speaks it"
    for name in ("de_DE-thorsten-medium.onnx", "de_DE-thorsten-medium.onnx.json"):
        (store.folder / "piper").mkdir(parents=True, exist_ok=True)
        (store.folder / "piper" / name).write_bytes(b"{}")
    assert recommendation.for_language("tts", "de") == "; piper/de_DE-thorsten-medium speaks it"


@pytest.mark.parametrize(("names", "named"), [
    ((), "`hushd get fr`"),
    (("tiny.en",), "`hushd get fr`"),
    (("tiny.en", "base"), "name faster-whisper/base,"),
    (("large-v3", "base", "mine"), "name faster-whisper/base,"),
    (("large-v3",), "name faster-whisper/large-v3,"),
])  # fmt: skip
def test_a_model_that_is_here_hears_other_languages(store: Store, names: tuple[str, ...], named: str) -> None:
    """Nobody is sent for one that is here; of several, none that is slow is named."""
    for name in names:
        (folder := store.folder / "faster-whisper" / name).mkdir(parents=True)
        for file in ("model.bin", "config.json", "tokenizer.json"):
            (folder / file).write_bytes(b"x")
    sentence = recommendation.for_others()
    assert named in sentence
    assert ("hushd get" in sentence) == ("get" in named)


def test_the_command_for_others_names_the_users_language(store: Store) -> None:
    """And not English, which the model knows."""
    assert "such as `hushd get de`," in recommendation.for_others(["en", "de-AT", "fr"])
    assert "such as `hushd get fr`," in recommendation.for_others(["en"])


def whisper(folder: Path, tokens: int) -> None:
    folder.mkdir(parents=True)
    (folder / "vocabulary.json").write_text(json.dumps(["t"] * tokens))
    (folder / "model.bin").write_bytes(bytes(80_000_000))


def test_models_of_ones_own_know_their_languages_and_memory(store: Store) -> None:
    """The languages are read from their files; the memory is estimated from their sizes."""
    whisper(store.folder / "faster-whisper" / "mine", 51_865)
    mine = row(store, "faster-whisper/mine")
    assert (len(mine.languages), mine.memory_mb) == (99, 250)
    whisper(store.folder / "faster-whisper" / "mine.en", 51_864)
    assert row(store, "faster-whisper/mine.en").languages == ("en",)


@pytest.mark.parametrize(("lacks", "here", "steps"), [
    ("", True, ""),
    ("", False, "`hushd models pull faster-whisper/small` (about 488 MB, MIT)"),
    ("ctranslate2", True, "`ENGINE`"),
    ("ctranslate2", False, "`ENGINE` and `hushd models pull faster-whisper/small` (about 488 MB, MIT)"),
])  # fmt: skip
@pytest.mark.usefixtures("store")
def test_a_model_takes_its_engine_and_its_files(
    lacks: str, here: bool, steps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands bring all that lacks, the engine first; the model costs something where it is not here."""
    lacking(monkeypatch, lacks)
    monkeypatch.setattr(advice, "engine_command", lambda engine: "ENGINE")
    known = catalogue.models()["faster-whisper/small"]
    assert advice.steps(known, here=here) == steps
    if not here:
        assert advice.for_translation() == f": faster-whisper/small does once you have run {steps}"


@pytest.mark.usefixtures("store")
def test_a_model_that_is_chosen_comes_with_its_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing model is answered by both commands, instructions without backquotes; with the engine here, by one."""
    gets = advice.missing("faster-whisper/small")
    sentence = "is not on this machine: `hushd models pull faster-whisper/small` gets it (about 488 MB, MIT)."
    assert (gets.code, gets.message) == ("model_missing", f"The model faster-whisper/small {sentence}")
    assert "MODELS.md says where a file or folder of yours goes" in advice.missing("whisper/mine").message
    lacking(monkeypatch, "ctranslate2", "espeakng_loader", "chatterbox")
    gets = advice.missing("faster-whisper/small", "engine_missing")
    command = advice.engine_command("faster-whisper")
    assert (gets.code, gets.message) == (
        "engine_missing",
        f"The model faster-whisper/small is not on this machine: `{command}` and "
        "`hushd models pull faster-whisper/small` (about 488 MB, MIT).",
    )
    own = advice.missing("chatterbox/english").message
    assert ": make it an environment of its own, as " in own
    assert " says, and `hushd models pull chatterbox/english` (" in own
    speaks = advice.steps(catalogue.models()["espeak-ng/all"], here=False)
    assert speaks.startswith("apt install espeak-ng, brew install espeak-ng, or `")
    assert speaks.count("`") == 2


def test_a_model_inside_an_engine_comes_with_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command, and once, of an engine of which nothing is here."""
    lacking(monkeypatch, "hibari")
    monkeypatch.setattr(advice, "engine_command", lambda engine: f"pip {engine}")
    inside = catalogue.models()["hibari/en"]
    assert advice.command(inside) == "pip hibari"
    assert advice.steps(inside, here=False) == f"`pip hibari` ({inside.cost})"
    missing = "The model hibari/en is not on this machine: "
    assert advice.missing("hibari/en").message == f"{missing}`pip hibari` ({inside.cost})."
    lacking(monkeypatch)
    assert advice.missing("hibari/en").message == f"{missing}pip hibari."
    assert advice.command(catalogue.models()["whisper/tiny"]) == "`hushd models pull whisper/tiny`"
