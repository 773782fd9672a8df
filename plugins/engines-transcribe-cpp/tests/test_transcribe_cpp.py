"""The engine `transcribe-cpp`: what its models can do by their files, and a real, very small checkpoint as GGUF."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from full_size.gguf_file import Value
from hushd_engines_transcribe_cpp import engine as transcribe_cpp
from hushd_engines_transcribe_cpp import ggml
from hushd_engines_transcribe_cpp.engine import TranscribeCpp
from hushd_engines_transcribe_cpp.files import ARCHITECTURES, described, well_known
from hushd_models import catalogue
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Partial
from hushd_schema import engines
from hushd_worker.job import Cancelled
from hushd_worker_stt.engine import Options
from hushd_worker_stt.worker import SpeechToText
from support.commands import RATE, say, utterances
from support.refusals import hushd_error
from support.stt_jobs import make_job, s16le
from support.wer import words

from .gguf_models import commands, header, streaming

SPEC = engines.get("transcribe-cpp")
real = pytest.mark.skipif(
    not (find_spec("transcribe_cpp") and find_spec("whisper")),
    reason="transcribe-cpp is not installed: pip install 'hushd[engines-transcribe-cpp]'",
)


@pytest.fixture(autouse=True)
def _only_these_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own models and caches are out of sight."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for variable in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint that hears commands, as GGUF."""
    return commands(tmp_path_factory.mktemp("gguf") / "commands.gguf")


@pytest.fixture(scope="session")
def loaded() -> dict[str, Any]:
    return {}


@pytest.fixture
def engine(checkpoint: Path, tmp_path: Path, loaded: dict[str, Any]) -> TranscribeCpp:
    place(checkpoint, tmp_path)
    if not loaded:
        loaded["engine"] = TranscribeCpp()
        loaded["engine"].load("commands", lambda note: None)
    loaded["engine"].__dict__.pop("check", None)
    return loaded["engine"]  # type: ignore[no-any-return]


def place(checkpoint: Path, models: Path) -> None:
    folder = models / "transcribe-cpp" / "commands"
    folder.mkdir(parents=True)
    (folder / "commands.gguf").symlink_to(checkpoint)


@pytest.mark.parametrize(("architecture", "keys", "expected"), [
    ("parakeet", {}, {"times": True, "word_times": True}),
    ("parakeet", {"stt.capability.streaming": True}, {"times": True, "word_times": True, "streaming": True}),
    ("moonshine_streaming", {}, {"streaming": True}),
    ("canary", {}, {"translation": True}),
    ("canary", {"stt.capability.translate": False}, {}),
    ("granite", {"stt.capability.vocabulary": True}, {"translation": True, "options": ("hotwords",)}),
    ("granite", {"stt.capability.word_timestamps": True}, {"translation": True, "word_times": True}),
    ("qwen3_asr", {}, {"options": ("prompt", "hotwords")}),
])  # fmt: skip
def test_abilities_are_those_of_the_model(
    architecture: str, keys: dict[str, Value], expected: dict[str, Any], tmp_path: Path
) -> None:
    """The architecture says what its models can do, and a key of the file what this one can."""
    found = described(header(tmp_path / "a.gguf", architecture, keys)).abilities
    assert {name: value for name, value in found._asdict().items() if value} == expected


def test_languages_are_read_from_the_file(tmp_path: Path) -> None:
    """The list of the file counts; a Whisper without it has the languages of its vocabulary; another has none."""
    named = header(tmp_path / "a.gguf", "parakeet", {"general.languages": ["de", "pt-BR"]})
    counted = header(tmp_path / "b.gguf", "whisper", {"stt.whisper.decoder.vocab_size": 51866})
    silent = header(tmp_path / "c.gguf", "canary")
    assert catalogue.languages_of_files(SPEC.name, tmp_path, [named.name]) == ("de", "pt-BR")
    assert described(counted).languages[-1] == "yue"
    assert described(silent).languages == ()


def test_every_well_known_model_has_its_abilities() -> None:
    """The catalogue and the table of abilities name the same models, of architectures that are known."""
    assert well_known().keys() == {name for name, content in SPEC.models.items() if "role" not in content}
    assert {model.name for model in TranscribeCpp.models()} == well_known().keys()
    assert SPEC.default_model in well_known()
    assert set(well_known().values()) <= {
        abilities._replace(streaming=streaming, translation=translation)
        for abilities in ARCHITECTURES.values()
        for streaming in (False, True)
        for translation in (False, True)
    }


@real
def test_commands_are_heard(engine: TranscribeCpp) -> None:
    """12 unseen utterances have at most one wrong word."""
    wrong = 0
    for text, samples in utterances(12):
        heard = " ".join(segment.text for segment in engine.transcribe(samples, Options(language="en")))
        wrong += sum(a != b for a, b in zip(words(text), words(heard), strict=False)) + abs(
            len(words(text)) - len(words(heard))
        )
    assert wrong <= 1


@real
@pytest.mark.parametrize(("options", "runs"), [(Options(), 1), (Options(word_times=True), 2), (Options(prompt="a"), 2)])
def test_the_run_that_detects_the_language_is_the_text(
    options: Options, runs: int, engine: TranscribeCpp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model runs once for a request with the usual options in an unknown language, once more for any others, and
    for other samples.
    """
    asked = list[Any]()
    result = SimpleNamespace(language="en", text="one", timestamp_kind="none", segments=(), words=(), tokens=())
    monkeypatch.setattr(engine, "_languages", ("en", "fr"))
    monkeypatch.setattr(engine, "_run", lambda samples, **arguments: asked.append(samples) or result)
    samples = say(["one"])
    for given in (samples.copy(), samples * 0.5):
        detected = engine.detect_language(samples)
        assert detected
        (segment,) = engine.transcribe(given, replace(options, language=detected.tag))
        assert segment.text == "one"
    assert len(asked) == runs + 2


@real
def test_translation_is_refused_by_a_model_without_it(engine: TranscribeCpp) -> None:
    """The refusal names a model that can."""
    with hushd_error("unsupported", r"This model cannot translate: .+ can\."):
        list(engine.transcribe(say(["one"]), Options(translate=True)))


@real
def test_a_missing_or_damaged_file_is_said(tmp_path: Path) -> None:
    """A model that is not here is named with the way to get it, a damaged one with the way to replace it."""
    with hushd_error("model_missing", "hushd models pull transcribe-cpp/whisper-small"):
        TranscribeCpp().load("whisper-small", lambda note: None)
    header(tmp_path / "transcribe-cpp/mine/x.gguf", "parakeet")
    with pytest.raises(HushdError, match=r"replace .* by a complete copy"):
        TranscribeCpp().load("mine", lambda note: None)


@pytest.fixture(scope="session")
def ribbon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small Moonshine streaming with random weights."""
    return streaming(tmp_path_factory.mktemp("gguf") / "models" / "transcribe-cpp" / "ribbon" / "ribbon.gguf")


@pytest.fixture
def live(ribbon: Path, monkeypatch: pytest.MonkeyPatch) -> TranscribeCpp:
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(ribbon.parents[2]))
    engine = TranscribeCpp()
    engine.load("ribbon", lambda note: None)
    return engine


def noise(seconds: float) -> np.ndarray:
    return (np.random.default_rng(3).standard_normal(int(seconds * RATE)) * 0.1).astype(np.float32)


@real
def test_a_stream_is_fed_and_its_end_counts(live: TranscribeCpp) -> None:
    """The text grows with the feeds; the segment has the text of the end, within the sound; then the model is free."""
    assert live.feed_s == 0.5
    stream = live.begin(Options(language="en"))
    shown = [stream.feed(noise(0.5)) for _ in range(6)]
    assert any(hypothesis.committed + hypothesis.tentative for hypothesis in shown)
    (segment,) = stream.finish()
    stream.cancel()
    assert (segment.start, segment.end) == (0.0, 3.0)
    assert set(segment.text.split()) <= {f"w{number}" for number in range(512)}
    assert list(live.transcribe(noise(2.0), Options(language="en")))


@real
def test_a_stream_that_is_cancelled_leaves_the_model_free(live: TranscribeCpp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that goes away in a feed, and one between two."""

    def gone() -> None:
        raise Cancelled

    monkeypatch.setattr(transcribe_cpp, "_CANCEL_LOOK_INTERVAL_S", 0.0)
    stream = live.begin(Options())
    live.check = gone
    with pytest.raises(Cancelled):
        stream.feed(noise(20.0))
    stream.cancel()
    del live.check
    live.begin(Options()).cancel()
    assert live.begin(Options()).finish() == []


@real
def test_a_session_is_heard_by_a_stream_of_the_worker(ribbon: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever speaks now has the worker alone: one job at a time, and text before the end."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(ribbon.parents[2]))
    worker = SpeechToText("transcribe-cpp", "ribbon")
    worker.load(lambda note: None)
    assert (worker.slots, worker.sessions, worker.aside) == (1, 0, 0)
    quiet = np.zeros(2 * RATE, np.float32)
    job, asked = make_job([s16le(np.concatenate([quiet, say(["one", "two", "three", "four"]), quiet]))], {"live": True})
    worker.run(job)
    kinds = [message.data["kind"] for message in asked.messages if isinstance(message, Partial)]
    assert kinds[0] == "began"
    assert "unstable" in kinds
    assert kinds[-1] == "segment"


def listed(kind: str) -> Any:
    return SimpleNamespace(kind=kind)


@pytest.mark.parametrize(("asked", "devices", "chosen"), [
    ("auto", [listed("vulkan"), listed("cuda"), listed("cpu")], ("cuda", 1)),
    ("auto", [listed("vulkan"), listed("rocm"), listed("cpu")], ("cpu", None)),
    ("vulkan", [listed("vulkan"), listed("cpu")], ("vulkan", 0)),
    ("rocm", [listed("rocm"), listed("cpu")], ("rocm", 0)),
    ("cpu", [listed("cpu")], ("cpu", None)),
])  # fmt: skip
def test_the_device_that_computes(
    asked: str, devices: list[Any], chosen: tuple[str, int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auto` takes a card that hushd counts, and another only computes for who names its kind."""
    monkeypatch.setenv("HUSHD_COMPUTE_DEVICE", asked)
    package = SimpleNamespace(backends=lambda: devices)
    kind, number = chosen
    assert ggml.device(package) == (kind, None if number is None else devices[number])


@pytest.mark.parametrize(("asked", "message", "where"), [
    ("auto", "vk::PhysicalDevice::createDevice: ErrorInitializationFailed", "cpu"),
    ("auto", "ggml_vulkan: Device memory allocation of size 104857600 failed.", "server_busy"),
    ("vulkan", "vk::PhysicalDevice::createDevice: ErrorInitializationFailed", "engine_missing"),
])  # fmt: skip
@real
def test_a_card_that_does_not_work(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, message: str, where: str
) -> None:
    """`auto` goes on on the CPU and says why, unless others may make room there; who asked for the card hears of it."""
    place(checkpoint, tmp_path)
    monkeypatch.setenv("HUSHD_COMPUTE_DEVICE", asked)
    made = ggml.package().Model

    def model(path: str, **arguments: Any) -> Any:
        if "device" in arguments:
            raise RuntimeError(message)
        return made(path, **arguments)

    monkeypatch.setattr(ggml, "device", lambda package: ("vulkan", listed("vulkan")))
    monkeypatch.setattr(ggml.package(), "Model", model)
    engine = TranscribeCpp()
    if where == "cpu":
        engine.load("commands", lambda note: None)
        assert engine.compute_device == "cpu"
        assert engine.why_there == f"vulkan does not work here ({message})"
    else:
        with hushd_error(where):
            engine.load("commands", lambda note: None)
