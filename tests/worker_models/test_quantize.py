"""`quantize`: smaller models of those that are here, whole or not at all, anew only when something has changed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hushd_models import inventory, removal
from hushd_models.catalogue import memory_of_files
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_worker.job import Cancelled
from hushd_worker_models import quantize
from hushd_worker_models.quantize import target
from support import warm
from support.commands import say, unpack_checkpoint
from support.gguf_models import transducer
from support.hub_server import HubServer
from support.tone_models import ctc, whistle
from support.wer import word_error_rate, words

Ask = Callable[..., Any]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning")


def store() -> Store:
    return Store(paths.find())


@pytest.fixture
def checkpoint(hub: HubServer) -> Path:
    """`whisper/commands` in the models folder, where it can be converted."""
    for package in ("ctranslate2", "tokenizers", "whisper", "faster_whisper"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    return unpack_checkpoint(paths.find().models / "whisper" / "commands.pt")


def hear(engine: str, model: str, audio: np.ndarray) -> list[str]:
    """Returns an engine's transcript with a model from the models folder."""
    return words(hearing(engine, model)(audio))


def hearing(engine: str, model: str) -> Callable[[np.ndarray], str]:
    """Loads a model from the models folder; returns what transcribes by it."""
    from hushd_worker_stt.engine import Options
    from hushd_worker_stt.registry import REGISTRY

    loaded: Any = REGISTRY.find(engine)()
    loaded.load(model, lambda note: None)
    return lambda audio: " ".join(segment.text for segment in loaded.transcribe(audio, Options()))


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "to", "name", "made"),
    [
        ("whisper/base", "int8", "", "faster-whisper/base"),
        ("whisper/base", "int8_float16", "", "faster-whisper/base-int8_float16"),
        ("whisper/base", "int8", "mine", "faster-whisper/mine"),
        ("onnx-asr/canary-180m-flash", "int8", "", "onnx-asr/canary-180m-flash-int8"),
        ("kokoro/kokoro-v1.0", "int8", "small", "kokoro/small"),
        ("piper/en_US-lessac-medium", "int8", "", "piper/en_US-lessac-medium-int8"),
        ("transcribe-cpp/parakeet-tdt-0.6b-v3", "mapped", "", "transcribe-cpp/parakeet-tdt-0.6b-v3-mapped"),
    ],
)
def test_what_becomes_of_a_name(model: str, to: str, name: str, made: str) -> None:
    """A checkpoint keeps its name, with the other engine; what stays with its engine says what it is."""
    assert target(model, to, name) == made


@pytest.mark.parametrize(
    ("model", "to", "name", "words"),
    [
        ("hibari/en", "int8", "", "hibari has no models"),
        ("faster-whisper/base", "int8", "", "computes with int8"),
        ("onnx-asr/x", "float16", "", "can become int8, not 'float16'"),
        ("whisper/base", "int4", "", "int8, int8_float16"),
        ("transcribe-cpp/x", "int8", "", "can become mapped, not 'int8'"),
        ("onnx-asr/x", "int8", "x", "would replace itself"),
        ("onnx-asr/x", "int8", "../x", "not a model's name"),
        ("base", "int8", "", "not a model's name"),
    ],
)
def test_what_cannot_be_made_is_a_sentence(model: str, to: str, name: str, words: str) -> None:
    """Another engine, format or name: `bad_request`, and what there is instead."""
    with pytest.raises(HushdError, match=words) as caught:
        target(model, to, name)
    assert caught.value.code == "bad_request"


# --- GGUF ------------------------------------------------------------------------------------------------------------


def test_a_gguf_file_becomes_one_that_is_mapped(hub: HubServer, ask: Ask) -> None:
    """It is a model of its own beside the other, can be used, and is known to hold less."""
    pytest.importorskip("transcribe_cpp", reason="scripts/setup --engines all")
    transducer(paths.find().models / "transcribe-cpp" / "mine" / "mine-Q8_0.gguf", "parakeet-tdt-0.6b-v3")
    assert ask("quantize", model="transcribe-cpp/mine", to="mapped").result()["model"] == "transcribe-cpp/mine-mapped"
    manifest = store().find("transcribe-cpp/mine-mapped")
    assert manifest
    assert (manifest.format, list(manifest.files)) == ("gguf-mapped", ["mine-Q8_0-mapped.gguf"])
    rows = [inventory.row(store(), f"transcribe-cpp/{name}") for name in ("mine", "mine-mapped")]
    assert all(row.usable for row in rows)
    (size,) = (file.size for file in manifest.files.values())
    needs = [memory_of_files("transcribe-cpp", {f"x{end}.gguf": 50 * size}) for end in ("", "-mapped")]
    assert needs[1] < needs[0]


# --- Whisper ---------------------------------------------------------------------------------------------------------


def test_a_checkpoint_becomes_int8(checkpoint: Path, ask: Ask) -> None:
    """Its weights take half of the space of float16, it hears the same, and its manifest says what it was made of."""
    asked = ask("quantize", model="whisper/commands", to="int8")
    assert asked.result()["model"] == "faster-whisper/commands"
    found = store().find("faster-whisper/commands")
    assert found
    assert (found.source.kind, found.source.place, found.format) == (
        "conversion", "whisper/commands", "ctranslate2-int8",
    )  # fmt: skip
    assert len(found.source.sha256) == 64
    assert "ctranslate2" in found.converter
    assert store().missing(found) == []
    assert store().unfinished() == []
    assert found.files["model.bin"].size < 0.6 * checkpoint.stat().st_size  # which is float16
    done, total = asked.progress[-1]
    assert 0.9 * total <= done <= total
    assert any("making faster-whisper/commands" in step for step in asked.steps)
    assert hear("faster-whisper", "commands", say(["open", "red", "nine"])) == ["open", "red", "nine"]


def test_what_is_made_is_not_made_again(checkpoint: Path, ask: Ask) -> None:
    """The same source and converter: nothing is done. A changed source, another converter or a lost file: all of it."""
    ask("quantize", model="whisper/commands", to="int8").result()
    place = paths.find().models / "faster-whisper" / "commands" / "model.bin"

    def age() -> int:
        return place.stat().st_ino

    first = age()
    ask("quantize", model="whisper/commands", to="int8").result()
    assert age() == first
    with checkpoint.open("ab") as file:
        file.write(b"\0")  # a zip file may have something behind it
    before = store().find("faster-whisper/commands")
    ask("quantize", model="whisper/commands", to="int8").result()
    after = store().find("faster-whisper/commands")
    assert before
    assert after
    assert before.source.sha256 != after.source.sha256
    second = age()
    assert second != first
    manifest = store().manifest_path("faster-whisper/commands")
    manifest.write_text(manifest.read_text().replace("ctranslate2 ", "ctranslate2 0."))
    ask("quantize", model="whisper/commands", to="int8").result()
    assert age() != second
    place.unlink()
    ask("quantize", model="whisper/commands", to="int8").result()
    assert place.is_file()


def test_a_damaged_checkpoint_is_a_sentence(checkpoint: Path, ask: Ask) -> None:
    """`input_unreadable`, from the program that converts, and nothing is left that an engine would take for a model."""
    checkpoint.write_bytes(checkpoint.read_bytes()[:100_000])
    with pytest.raises(HushdError, match=r"cannot be converted, it is truncated") as caught:
        ask("quantize", model="whisper/commands", to="int8").result()
    assert caught.value.code == "input_unreadable"
    assert not (paths.find().models / "faster-whisper" / "commands").exists()
    assert store().find("faster-whisper/commands") is None


def test_a_cancelled_conversion_ends_its_program(checkpoint: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever leaves is not waited for: the child, which would never end, is gone, and the next try succeeds."""
    start, started = quantize.subprocess.Popen, threading.Event()
    others = warm.children()  # of tests before this one: multiprocessing's tracker stays as long as its process

    def stopped(*arguments: Any, **options: Any) -> Any:
        process = start(*arguments, **options)
        process.send_signal(signal.SIGSTOP)
        started.set()
        return process

    with monkeypatch.context() as patch:
        patch.setattr(quantize.subprocess, "Popen", stopped)
        asked = ask("quantize", model="whisper/commands", to="int8")
        assert started.wait(60)
        asked.job.cancel()
        with pytest.raises(Cancelled):
            asked.result()
    ask("quantize", model="whisper/commands", to="int8").result()
    assert [child for child in warm.children() if child not in others] == []


DRIVER = """
from hushd_protocol.system import paths
from hushd_models.store import Store
from hushd_worker_models.quantize import Quantize
from hushd_worker_models.single_flight import SharedTask
task = SharedTask(lambda task: {})
print(Quantize("whisper/commands", "int8", "", Store(paths.find()), task).run().model)
"""


def test_killed_at_random_moments(checkpoint: Path) -> None:
    """Whenever it dies, with all that it started: the model is whole or absent, and the next try succeeds."""
    rng = random.Random(6)
    models = paths.find().models
    whole = 0
    for _ in range(int(os.environ.get("HUSHD_KILLS", "6"))):
        shutil.rmtree(models / "faster-whisper", ignore_errors=True)
        process = warm.Popen([sys.executable, "-c", DRIVER], start_new_session=True, stdout=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(0.05, 1.5))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
        made = models / "faster-whisper" / "commands"
        found = store().find("faster-whisper/commands")
        if found is not None:
            whole += 1
            assert store().missing(found) == []
        if made.exists():
            assert {"model.bin", "config.json", "tokenizer.json"} <= {path.name for path in made.iterdir()}
    done = warm.run([sys.executable, "-c", DRIVER], capture_output=True, text=True, timeout=60)
    assert done.stdout == "faster-whisper/commands\n", done.stderr[-2000:]
    assert store().unfinished() == []


# --- the pipeline ----------------------------------------------------------------------------------------------------


def test_a_pull_makes_what_it_can_of_a_checkpoint(checkpoint: Path, ask: Ask, hub: HubServer) -> None:
    """Weights that openai-whisper's package has downloaded become faster-whisper's, without any network."""
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "whisper"
    cache.mkdir(parents=True)
    checkpoint.rename(cache / "tiny.en.pt")
    asked = ask("pull", model="faster-whisper/tiny.en")
    assert asked.result()["model"] == "faster-whisper/tiny.en"
    found = store().find("faster-whisper/tiny.en")
    assert found
    assert (found.source.kind, found.source.place) == ("conversion", "whisper/tiny.en")
    assert found.licence == "MIT"
    assert inventory.row(store(), "faster-whisper/tiny.en").usable
    assert hear("faster-whisper", "tiny.en", say(["left", "right"])) == ["left", "right"]
    # And again: it is here.
    ask("pull", model="faster-whisper/tiny.en").result()


# --- ONNX ------------------------------------------------------------------------------------------------------------


def with_matrices(folder: Path, width: int = 4096, apart: bool = False) -> Path:
    """A model that hears whistled words, whose scores pass through two matrices that change nothing; `apart`: their
    numbers are in a file beside the graph, as Parakeet's are.
    """
    import onnx
    from onnx import helper, numpy_helper

    ctc(folder)
    path = folder / "model.onnx"
    model = onnx.load(path)
    graph = model.graph
    (last,) = [node for node in graph.node if "logprobs" in node.output]
    last.output[0] = "narrow"
    count = 6
    wide = np.random.default_rng(1).normal(size=(count, width))
    for name, matrix in (("wide", wide), ("back", np.linalg.pinv(wide))):
        graph.initializer.append(numpy_helper.from_array(matrix.astype(np.float32), name))
    graph.node.append(helper.make_node("MatMul", ["narrow", "wide"], ["broad"]))
    graph.node.append(helper.make_node("MatMul", ["broad", "back"], ["logprobs"]))
    onnx.save(model, path, save_as_external_data=apart, location="model.onnx.data")
    return folder


@pytest.fixture
def onnx_model(hub: HubServer) -> Path:
    for package in ("onnx", "onnxruntime", "onnx_asr"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    return with_matrices(paths.find().models / "onnx-asr" / "tones")


def test_a_graph_becomes_int8(onnx_model: Path, ask: Ask) -> None:
    """A third of its size, as a model of its own that hears the same; the source stays."""
    assert ask("quantize", model="onnx-asr/tones", to="int8").result()["model"] == "onnx-asr/tones-int8"
    made = paths.find().models / "onnx-asr" / "tones-int8"
    assert sorted(path.name for path in made.iterdir()) == ["config.json", "model.int8.onnx", "vocab.txt"]
    assert (made / "model.int8.onnx").stat().st_size < 0.5 * (onnx_model / "model.onnx").stat().st_size
    audio = whistle("▁ever", "▁tried", "▁fail")
    assert hear("onnx-asr", "tones-int8", audio) == hear("onnx-asr", "tones", audio) == ["ever", "tried", "fail"]
    found = store().find("onnx-asr/tones-int8")
    assert found
    assert "onnxruntime" in found.converter


REPOSITORY, PUBLISHED = "istupakov/parakeet-ctc-0.6b-onnx", "onnx-asr/nemo-parakeet-ctc-0.6b"


def test_a_pull_makes_int8_of_what_is_published_in_float32(onnx_model: Path, ask: Ask, hub: HubServer) -> None:
    """Once, beside the published one: it is less than half as large, and gets as many words wrong in noise."""
    published = with_matrices(paths.find().models.parent / "published", apart=True)
    hub.add(REPOSITORY, {path.name: path.read_bytes() for path in published.iterdir()})
    asked = ask("pull", model=f"{PUBLISHED}-int8")
    assert asked.result()["model"] == f"{PUBLISHED}-int8"
    before, after = (inventory.row(store(), f"{PUBLISHED}{suffix}") for suffix in ("", "-int8"))
    assert before.usable
    assert after.usable
    assert after.size < 0.5 * before.size
    assert after.manifest
    assert after.manifest.source.place == PUBLISHED
    requests = len(hub.requests)
    assert ask("pull", model=f"{PUBLISHED}-int8").result()["model"] == f"{PUBLISHED}-int8"
    assert len(hub.requests) == requests
    wrong = [wrong_words(f"nemo-parakeet-ctc-0.6b{suffix}") for suffix in ("", "-int8")]
    assert 0.1 < wrong[0] < 0.3  # 0.20 both
    assert abs(wrong[1] - wrong[0]) <= 0.03


def wrong_words(model: str) -> float:
    """The share of wrong words of a model in a hundred whistled ones in noise."""
    rng = np.random.default_rng(2)
    said = [list(rng.choice(["ever", "tried", "fail"], 4)) for _ in range(25)]
    sounds = [whistle(*(f"▁{word}" for word in words)) for words in said]
    noisy = [(sound + rng.normal(scale=1.0, size=len(sound))).astype(np.float32) for sound in sounds]
    heard = hearing("onnx-asr", model)
    return word_error_rate(" ".join(map(" ".join, said)), " ".join(heard(sound) for sound in noisy))


def test_what_is_published_in_int8_is_not_made(onnx_model: Path, ask: Ask, hub: HubServer) -> None:
    """The pull brings it, and both names are of the same files, which stay while one of them needs them."""
    published = ctc(paths.find().models.parent / "published", ".int8")
    hub.add(REPOSITORY, {path.name: path.read_bytes() for path in published.iterdir()})
    assert ask("pull", model=f"{PUBLISHED}-int8").result()["model"] == f"{PUBLISHED}-int8"
    both = [inventory.row(store(), f"{PUBLISHED}{suffix}") for suffix in ("", "-int8")]
    assert both[0].paths == both[1].paths
    removal.remove(store(), inventory.row(store(), f"{PUBLISHED}"))
    assert hear("onnx-asr", "nemo-parakeet-ctc-0.6b-int8", whistle("▁ever", "▁fail")) == ["ever", "fail"]


@pytest.mark.parametrize("engine", ["piper", "kokoro"])
def test_a_voice_becomes_int8(hub: HubServer, ask: Ask, engine: str) -> None:
    """A voice lies beside its source under its own name, with what describes it; kokoro's voices are shared."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: scripts/setup --engines all")
    place = paths.find().models / engine
    folder = with_matrices(place.parent / "somewhere")
    place.mkdir()
    (folder / "model.onnx").rename(place / "mine.onnx")
    shutil.rmtree(folder)
    (place / "mine.onnx.json").write_text(json.dumps({"audio": {"sample_rate": 22_050}}))
    (place / "voices-v1.0.bin").write_bytes(b"voices")
    assert ask("quantize", model=f"{engine}/mine", to="int8").result()["model"] == f"{engine}/mine-int8"
    found = store().find(f"{engine}/mine-int8")
    assert found
    expected = {"mine-int8.onnx", "mine-int8.onnx.json"} if engine == "piper" else {"mine-int8.onnx"}
    assert set(found.files) == expected
    assert store().missing(found) == []
    assert found.size < 0.5 * (place / "mine.onnx").stat().st_size + 1000
