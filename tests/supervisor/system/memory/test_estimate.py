"""Tests of the estimate for a worker that was never started: files in the models folder, and the catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hushd_schema import engines
from hushd_supervisor.core.memory.needs import Estimated
from hushd_supervisor.system.memory.needs import Estimate
from support import servers


def make(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def test_files_that_are_there_count_by_their_format(tmp_path: Path) -> None:
    """A checkpoint in float16 counts 2.16 times, a graph for each token 1.2 times, mapped weights not."""
    make(tmp_path / "whisper" / "mine.pt", 1_600_000_000)
    make(tmp_path / "onnx-asr" / "mine" / "encoder.onnx", 1_000_000)
    make(tmp_path / "onnx-asr" / "mine" / "encoder.onnx.data", 2_400_000_000)
    make(tmp_path / "onnx-asr" / "mine" / "vocab.json", 5_000_000)
    make(tmp_path / "onnx-asr" / "deep" / "onnx" / "decoder.int8.onnx", 100_000_000)
    estimate = Estimate(tmp_path)
    assert estimate("stt/whisper/mine").memory == 3_781_000_000
    assert estimate("stt/onnx-asr/mine").memory == 90_000_000
    assert estimate("stt/onnx-asr/deep").memory == 210_000_000


def test_a_speech_servers_file_says(runtime: Path, tmp_path: Path) -> None:
    """The file says its memory, and a card's; a file with a mistake says nothing."""
    servers.write(runtime, "mine", memory_mb=500, vram_mb=2000)
    servers.write(runtime, "wrong", memory_mb=-1)
    estimate = Estimate(tmp_path)
    assert estimate("tts/server/mine") == Estimated(500_000_000, 500_000_000, 2_000_000_000)
    assert estimate("tts/server/wrong") == estimate("tts/server/none") == Estimated()


@pytest.mark.parametrize(
    ("name", "file", "size", "least"),
    [
        ("tts/chatterbox/english", "t3_cfg.safetensors", 3_200_000_000, 2_000_000_000),
        ("stt/onnx-asr/nemo-parakeet-tdt-0.6b-v3", "encoder-model.onnx.data", 2_400_000_000, 2_400_000_000),
        ("tts/kokoro/kokoro-v1.0", "", 350_000_000, 350_000_000),
        pytest.param(
            "tts/piper/en_US-lessac-medium", "", 63_000_000, 63_000_000, marks=pytest.mark.plugin("engines-piper")
        ),
        pytest.param(
            "stt/transcribe-cpp/parakeet-tdt-0.6b-v3", "x-Q8_0.gguf", 740_000_000, 0,
            marks=pytest.mark.plugin("engines-transcribe-cpp"),
        ),
        ("stt/whisper/large-v3", "", 3_100_000_000, 0),
        ("stt/faster-whisper/large-v3", "model.bin", 3_100_000_000, 3_100_000_000),
    ],
)  # fmt: skip
def test_weights_that_are_mapped_count_on_a_card(tmp_path: Path, name: str, file: str, size: int, least: int) -> None:
    """They count as much as the load takes beside a card, and on it all weights and more, wherever files lie."""
    _, engine, model = name.split("/")
    by_the_catalogue = Estimate(tmp_path)(name)
    flat = tmp_path / engine / f"{model}{'.pt' if engine == 'whisper' else '.onnx'}"
    make(tmp_path / engine / model / file if file else flat, size)
    estimated = Estimate(tmp_path)(name)
    assert estimated.card >= size + 500_000_000
    assert estimated.beside_card >= least + 300_000_000
    assert 0.4 < estimated.card / by_the_catalogue.card < 3


def test_what_hushd_has_pulled_elsewhere_counts_by_its_manifest(tmp_path: Path) -> None:
    """A model of the configuration that lies in the hub's cache; a manifest that cannot be read counts nothing."""
    manifest = tmp_path / "onnx-asr" / "mine.hushd.json"
    manifest.parent.mkdir()
    sizes = {"encoder.int8.onnx": 9_000_000_000, "decoder.int8.onnx": 100_000_000}
    files = {name: {"size": size, "sha256": "0" * 64} for name, size in sizes.items()}
    source = {"kind": "hub", "place": "a/b"}
    of_model = {"engine": "onnx-asr", "name": "mine", "role": "stt", "source": source, "location": "/gone"}
    manifest.write_text(json.dumps({**of_model, "files": files}))
    assert Estimate(tmp_path)("stt/onnx-asr/mine").memory == 210_000_000
    for damaged in ("[]", "{", '{"files": {"a": 1}}'):
        manifest.write_text(damaged)
        assert Estimate(tmp_path)("stt/onnx-asr/mine").memory == 0


def test_without_files_the_catalogue_is_asked(tmp_path: Path) -> None:
    """A name or an alias will do: chatterbox counts 4.2 GB before its first start, and `large` as large-v3."""
    estimate = Estimate(tmp_path / "none")
    assert estimate("tts/chatterbox/multilingual").memory >= 4_000_000_000
    assert estimate("stt/whisper/large").memory == estimate("stt/whisper/large-v3").memory > 7_000_000_000


@pytest.mark.parametrize("name", ["stt/a/b", "models/store/local", "stt/moonshine/unknown", "tts/whisper/base"])
def test_of_a_stranger_nothing_is_known(tmp_path: Path, name: str) -> None:
    """An engine, a model or a role without an entry is 0, not an error."""
    assert Estimate(tmp_path)(name) == Estimated()


def test_only_a_server_takes_memory_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file says how much; of any other engine, and where nothing can be read, nothing is measured elsewhere."""
    estimate = Estimate(tmp_path)
    server = SimpleNamespace(need=lambda model: (700.0, 20.0) if model == "mine" else (5.0, 0.0))
    monkeypatch.setattr(engines, "find", lambda engine, role: server if engine == "server" else None)
    assert estimate.elsewhere("stt/server/mine#2") == 700_000_000
    assert estimate.elsewhere("stt/moonshine/tiny-en") == 0
    monkeypatch.setattr(engines, "find", refuse)
    assert estimate.elsewhere("stt/server/mine") == 0


def refuse(*_: object) -> None:
    raise OSError(24, "Too many open files")
