"""`shrink`: int8 files beside the original, whole or not at all, kept only where they are as good."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hushd_models import inventory, precision
from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.system import footprint, paths
from hushd_protocol.system.cgroup import Limit
from hushd_worker_models import comparison
from hushd_worker_models.shrink import shrunk
from hushd_worker_models.task import Stopped, Task
from onnx import TensorProto, helper, numpy_helper, save
from support.hub_server import HubServer
from support.refusals import hushd_error

from . import killed_shrink
from .killed_shrink import MODEL, Programs, shrink

Ask = Callable[..., Any]


def store() -> Store:
    return Store(paths.find())


@pytest.fixture
def programs(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """A voice, and programs that answer as they are told instead of making and trying int8 files."""
    killed_shrink.make_voice(store())
    return killed_shrink.replace_programs(monkeypatch.setattr)


@pytest.mark.parametrize(("int8", "as_good", "words"), [
    ({}, True, "int8 is used, being as good: 0 instead of 0 of 187 words wrong, 9.0 instead of 10.0 s"),
    ({"spoils": 3}, True, "3 instead of 0 of 187 words"),
    ({"spoils": 4}, False, "int8 was removed, since more than 2% more words are wrong: 4 instead of 0 of 187"),
    ({"seconds": 12.5}, False, "since it takes more than 1.2 times the time"),
    ({"seconds": 9.6, "memory_mb": 400.0}, False, "since it saves neither memory nor time"),
    ({"seconds": 9.0, "memory_mb": 400.0}, True, "400 instead of 400 MB"),
])  # fmt: skip
def test_int8_stays_where_it_is_as_good(
    programs: Programs, ask: Ask, int8: JsonObject, as_good: bool, words: str
) -> None:
    """Its files go where it is not, and the figures stay; in both cases they are said, and nothing is done a second
    time."""
    programs.int8 |= int8
    note = ask("shrink", model=MODEL).result()["note"]
    assert words in note
    assert "20 sentences in English, heard by moonshine/tiny-en" in note
    trial = precision.find(store(), MODEL)
    assert trial
    assert (trial.as_good, trial.why) == (as_good, note)
    assert precision.place(store(), MODEL).exists() == as_good
    assert inventory.row(store(), MODEL).usable
    done = len(programs.calls)
    assert ask("shrink", model=MODEL).result()["note"] == note
    assert len(programs.calls) == done


def test_what_the_original_does_wrong_is_not_held_against_int8(programs: Programs) -> None:
    """Both must agree if most words of the original are wrong, as of a language that nobody here knows."""
    programs.texts = ["la la"] * 20
    trial = shrink()
    assert "compared with the words heard of the original" in trial.note
    assert "0 instead of 0 of 40 words" in trial.note


def test_a_changed_original_is_tried_anew(programs: Programs) -> None:
    """The int8 files of the old one are used no more, and replaced."""
    shrink()
    killed_shrink.make_voice(store(), size=2_000)
    assert precision.find(store(), MODEL) is None
    programs.int8["seconds"] = 20.0
    shrink()
    assert not precision.place(store(), MODEL).exists()


@pytest.mark.parametrize("calls", range(1, 6))
def test_a_run_that_was_broken_off_goes_on(programs: Programs, calls: int) -> None:
    """Weights that were made are not made again, and until the end there is no int8 file."""
    programs.stop_after = calls
    with pytest.raises(Stopped):
        shrink()
    assert not store().int8_folder(MODEL).exists()
    programs.stop_after = 99
    before = list(programs.calls)
    shrink()
    again = programs.calls[len(before) :]
    assert len(again) == (5 if calls == 1 else 4)
    assert precision.place(store(), MODEL).is_file()


def test_killed_at_ten_moments_nothing_is_half(programs: Programs) -> None:
    """SIGKILL comes as it makes, writes or moves a file: the worker loads the original or the whole int8 file, and the
    next run succeeds."""
    child = [sys.executable, killed_shrink.__file__]
    moments = int(subprocess.run([*child, "0"], check=True, capture_output=True, env=os.environ).stdout)
    assert moments > 10
    for number in range(10):
        killed_shrink.forget(store())
        died = subprocess.run([*child, str(1 + number * (moments - 1) // 9)], check=False, env=os.environ)
        assert died.returncode == -9
        trial, place = precision.find(store(), MODEL), precision.place(store(), MODEL)
        assert trial is None or (trial.as_good and place.stat().st_size == killed_shrink.SMALL)
        shrink()
        assert place.stat().st_size == killed_shrink.SMALL
        assert [path.name for path in place.parents[2].glob(".*")] == [".kokoro-v1.0.int8"]


def test_it_waits_for_memory(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun while little is free, or the supervisor says that memory is short."""
    with hushd_error("server_busy", "Memory is short"):
        shrunk(MODEL, store(), Task(), economy=True)
    monkeypatch.undo()
    monkeypatch.setattr(footprint, "machine", lambda group: Limit(8 * 10**9, 300_000_000))
    with pytest.raises(HushdError, match="300 MB are free") as caught:
        comparison.run(Task(), 0, "hushd_worker_models.int8")
    assert (caught.value.code, caught.value.retry_after_ms) == ("server_busy", 60_000)


@pytest.mark.parametrize(("model", "code", "words"), [
    ("hibari/en", "bad_request", "no weights that hushd can make smaller"),
    ("faster-whisper/base", "model_missing", "hushd models pull faster-whisper/base"),
    ("nobody/knows", "model_missing", "no model"),
])  # fmt: skip
def test_other_models_are_refused(programs: Programs, ask: Ask, model: str, code: str, words: str) -> None:
    """The refusal is a sentence."""
    with hushd_error(code, words):
        ask("shrink", model=model).result()


# --- the program that makes them --------------------------------------------------------------------------------------


def graph(path: Path, side: int, data: str = "") -> Path:
    """A graph that multiplies by a matrix of `side`, which it turns first, and adds a vector of 10,000; weights are in
    the file `data` beside it, if that has a name."""
    random = np.random.default_rng(1)
    matrix = numpy_helper.from_array(random.standard_normal((side, side)).astype(np.float32), "matrix")
    rest = numpy_helper.from_array(random.standard_normal(10_000).astype(np.float32), "rest")
    nodes = [
        helper.make_node("Transpose", ["matrix"], ["turned"]),
        helper.make_node("MatMul", ["x", "turned"], ["y"]),
        helper.make_node("ReduceMax", ["y"], ["most"]),
        helper.make_node("Mul", ["rest", "most"], ["product"]),
        helper.make_node("ReduceMean", ["product"], ["mean"]),
        helper.make_node("Add", ["y", "mean"], ["z"]),
    ]
    places = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, side]) for name in "xz"]
    made = helper.make_graph(nodes, "matrix", places[:1], places[1:], [matrix, rest])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, path, save_as_external_data=bool(data), location=data or None, size_threshold=0)
    return path


def make(kind: str, source: Path, target: Path) -> None:
    comparison.run(Task(), 0, "hushd_worker_models.int8", kind, str(source), str(target))


@pytest.mark.parametrize("data", ["", "link.onnx.data"])
def test_a_graph_computes_nearly_the_same_in_int8(hub: HubServer, tmp_path: Path, data: str) -> None:
    """It takes a quarter of the size; also behind a link, as in the hub's cache, and with weights beside it, as large
    ones have them."""
    folder = tmp_path / "blobs"
    folder.mkdir()
    whole = graph(folder / "blob", 512, data)
    for name, target in {"link.onnx": "blob", data or "nothing": data}.items():
        (tmp_path / name).symlink_to(folder / target)
    make("onnx", tmp_path / "link.onnx", tmp_path / "made" / "small.onnx")
    small = tmp_path / "made" / "small.onnx"
    assert small.stat().st_size < 0.35 * sum(path.stat().st_size for path in folder.iterdir())
    assert os.listdir(small.parent) == ["small.onnx"]
    x = {"x": np.random.default_rng(2).standard_normal((1, 512)).astype(np.float32)}
    before, after = (onnxruntime.InferenceSession(path).run(None, x)[0] for path in (whole, small))
    assert np.abs(before - after).max() < 0.05 * np.abs(before).max()


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [("few", "bad_request", "few matrices"), ("damaged", "input_unreadable", "cannot be converted")],
)
def test_a_graph_that_gains_nothing_is_a_sentence(
    hub: HubServer, tmp_path: Path, content: str, code: str, words: str
) -> None:
    """The graph leaves no file."""
    source = tmp_path / "source.onnx"
    graph(source, 8) if content == "few" else source.write_bytes(b"nothing")
    with hushd_error(code, words):
        make("onnx", source, tmp_path / "small.onnx")
    assert not (tmp_path / "small.onnx").exists()


def test_whisper_in_int8_is_what_ctranslate2_makes(hub: HubServer, tmp_path: Path) -> None:
    """A float16 folder gives, byte for byte, the weights that the library makes of the checkpoint; int8 is refused."""
    for package in ("ctranslate2", "torch", "whisper"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    from support.commands import unpack_checkpoint
    from support.whisper_models import convert

    checkpoint = unpack_checkpoint(tmp_path / "commands.pt")
    for kind in ("float16", "int8"):
        convert(checkpoint, tmp_path / kind, kind)
    made = tmp_path / "made" / "model.bin"
    make("ctranslate2", tmp_path / "float16" / "model.bin", made)
    assert made.read_bytes() == (tmp_path / "int8" / "model.bin").read_bytes()
    with pytest.raises(HushdError, match="int8 already"):
        make("ctranslate2", made, tmp_path / "again" / "model.bin")


def test_faster_whisper_is_made_tried_and_loaded(hub: HubServer, ask: Ask) -> None:
    """The programs are the real ones: both hear what the carried voice says, and its engine then finds the int8
    files."""
    for package in ("faster_whisper", "torch", "whisper"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    from hushd_worker_stt.engines.faster_whisper import FasterWhisper
    from support.commands import unpack_checkpoint
    from support.whisper_models import convert

    model = "faster-whisper/commands"
    convert(unpack_checkpoint(paths.find().models / "commands.pt"), store().place(model), "float16")
    note = ask("shrink", model=model).result()["note"]
    trial = precision.find(store(), model)
    assert trial, note
    assert trial.original.sound_s > 20
    assert min(trial.int8.memory_mb, trial.original.memory_mb) > 50  # of 7 MB of weights int8 saves less than chance
    assert (FasterWhisper.find("commands") == precision.place(store(), model)) == trial.as_good
