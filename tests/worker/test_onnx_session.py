"""A model's weights are pages of its file: the same output, and memory that nobody else has to do without."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hushd_worker import onnx_session
from hushd_worker.onnx_session import open_session

onnx = pytest.importorskip("onnx", reason="onnx is not installed: scripts/setup")

import numpy as np  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed: scripts/setup")
CPU = ["CPUExecutionProvider"]
SIDE = 512


def products(path: Path, count: int = 3, side: int = SIDE, int8: bool = False) -> Path:
    """A graph that multiplies its input by `count` matrices, whose bytes begin at odd places of the file."""
    rng = np.random.default_rng(1)
    nodes, weights, value = [], [numpy_helper.from_array(np.array(128, np.uint8), "zero")], "x"
    for number in range(count):
        matrix = rng.standard_normal((side, side)).astype(np.float32) / side**0.5
        if int8:
            weights.append(numpy_helper.from_array((matrix * 200 + 128).clip(0, 255).astype(np.uint8), f"w{number}"))
            nodes += [
                helper.make_node("DynamicQuantizeLinear", [value], [f"q{number}", f"s{number}", f"z{number}"]),
                helper.make_node("MatMulInteger", [f"q{number}", f"w{number}", f"z{number}", "zero"], [f"i{number}"]),
                helper.make_node("Cast", [f"i{number}"], [f"c{number}"], to=TensorProto.FLOAT),
                helper.make_node("Mul", [f"c{number}", f"s{number}"], [f"y{number}"]),
            ]
        else:
            name = "w" * (number + 1)  # so that each begins at another place, modulo 4
            weights.append(numpy_helper.from_array(matrix, name))
            nodes.append(helper.make_node("MatMul", [value, name], [f"y{number}"]))
        value = f"y{number}"
    graph = helper.make_graph(
        nodes, "products", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", side])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["N", side])], weights,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.fixture
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small graphs are worth mapping too."""
    monkeypatch.setattr(onnx_session, "MIN_BYTES", 0)


class Runtime:
    """onnxruntime, and what its sessions were made of."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def InferenceSession(self, model: Any, *arguments: Any, **others: Any) -> Any:
        import onnxruntime

        self.made.append(model)
        return onnxruntime.InferenceSession(model, *arguments, **others)


def opened(path: Path, runtime: Runtime, **others: Any) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return open_session(runtime.InferenceSession, path, options, CPU, **others)


@pytest.mark.parametrize("int8", [False, True], ids=["float32", "int8"])
@pytest.mark.parametrize("prepack", [False, True], ids=["run for a piece", "run for a token"])
def test_mapped_weights_compute_the_same(tmp_path: Path, any_size: None, int8: bool, prepack: bool) -> None:
    """Bit for bit with bytes, and where weights are prepacked as ever; else floats are the same to six digits."""
    import onnxruntime

    path, runtime = products(tmp_path / "model.onnx", int8=int8), Runtime()
    session = opened(path, runtime, often=prepack)
    assert isinstance(runtime.made[0], bytes)
    assert len(runtime.made[0]) < SIDE * SIDE < path.stat().st_size
    for rows in (1, 7, 200):
        x = np.random.default_rng(rows).standard_normal((rows, SIDE)).astype(np.float32)
        (expected,) = onnxruntime.InferenceSession(str(path), providers=CPU).run(None, {"x": x})
        (computed,) = session.run(None, {"x": x})
        if int8 or prepack:
            assert np.array_equal(computed, expected)
        else:
            np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5)


def test_weights_are_no_private_memory(tmp_path: Path) -> None:
    """A process that has used 24 MB of matrices holds a tenth of them; the runtime alone copies all and more."""
    path = products(tmp_path / "model.onnx", count=6, side=1024)
    small = products(tmp_path / "small.onnx", count=1, side=1024)
    program = (
        "import sys, numpy, onnxruntime\n"
        "from pathlib import Path\n"
        "from hushd_worker.onnx_session import open_session\n"
        "def private():\n"
        "    lines = open('/proc/self/smaps_rollup').readlines()\n"
        "    return sum(int(line.split()[1]) for line in lines if line.startswith('Anonymous')) / 1000\n"
        "options = onnxruntime.SessionOptions()\n"
        "options.intra_op_num_threads, options.enable_cpu_mem_arena = 1, False\n"
        "def run(path):\n"
        "    kind, providers = onnxruntime.InferenceSession, ['CPUExecutionProvider']\n"
        "    mapped = sys.argv[3] == 'mapped'\n"
        "    made = open_session(kind, Path(path), options, providers) if mapped else kind(path, options, providers)\n"
        "    made.run(None, {'x': numpy.ones((9, 1024), numpy.float32)})\n"
        "    return made\n"
        "first = run(sys.argv[2])  # or the library's own pages would count, and an emulator's translation of it\n"
        "before = private()\n"
        "made = run(sys.argv[1])\n"
        "print(private() - before)\n"
    )
    held = {}
    for weights in ("mapped", "copied"):
        command = [sys.executable, "-c", program, str(path), str(small), weights]
        done = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, check=True)
        held[weights] = float(done.stdout)
    assert held["mapped"] < 6
    assert held["copied"] > 24


@pytest.mark.parametrize("large", [True, False])
def test_weights_beside_a_graph_are_found_through_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    """Each file of Hugging Face's cache is a link to one under another name: Parakeet's in float32 is a graph and its
    weights."""
    plain = products(tmp_path / "model.onnx")
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "1"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    onnx.save(onnx.load(plain), blobs / "a.onnx", save_as_external_data=True, location="model.onnx.data")
    (blobs / "a.onnx").rename(blobs / "a")
    (blobs / "model.onnx.data").rename(blobs / "b")
    for name, blob in (("model.onnx", "a"), ("model.onnx.data", "b")):
        (snapshot / name).symlink_to(Path("../../blobs") / blob)
    monkeypatch.setattr(onnx_session, "MIN_BYTES", 0 if large else 1 << 40)
    sound = {"x": np.ones((3, SIDE), np.float32)}
    expected, found = (opened(path, Runtime()).run(None, sound)[0] for path in (plain, snapshot / "model.onnx"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", ["small", "on a card", "damaged", "an older runtime"])
def test_what_is_not_mapped_is_loaded_by_its_path(
    tmp_path: Path, any_size: None, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """The path does as ever where little is gained, where weights go to a card, and where it cannot be."""
    import onnxruntime

    path, runtime, providers = products(tmp_path / "model.onnx"), Runtime(), CPU
    if case == "small":
        monkeypatch.setattr(onnx_session, "MIN_BYTES", path.stat().st_size + 1)
    elif case == "on a card":
        providers = ["CUDAExecutionProvider", *CPU]
    elif case == "damaged":
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        monkeypatch.setattr(onnx_session, "_FOLDER", "session.nobody_knows_this")
    made: list[Any] = []
    open_session(lambda model, *_, **__: made.append(model) or Runtime(), path, onnxruntime.SessionOptions(), providers)
    if case == "an older runtime":
        opened(path, runtime)
        assert [type(model) for model in runtime.made] == [bytes, str]
    else:
        assert made == [str(path)]


def test_memory_of_work_is_given_back_at_rest(tmp_path: Path) -> None:
    """Sessions that share the arena keep the memory of their arrays, of 40 MB each, until it is shrunk, and work on."""
    small, large = (products(tmp_path / f"{count}.onnx", count=count, side=1024) for count in (1, 2))
    program = (
        "import sys, numpy, onnxruntime\n"
        "from hushd_protocol.system.footprint import rss\n"
        "from hushd_worker import onnx_arena\n"
        "def opened(path):\n"
        "    options = onnxruntime.SessionOptions()\n"
        "    options.intra_op_num_threads = 1\n"
        "    onnx_arena.share(options)\n"
        "    return onnxruntime.InferenceSession(path, options, ['CPUExecutionProvider'])\n"
        "sessions = [opened(path) for path in sys.argv[1:]]\n"
        "def work(rows):\n"
        "    x = {'x': numpy.ones((rows, 1024), numpy.float32)}\n"
        "    return sum(float(each.run(None, x)[0][0, 0]) for each in sessions)\n"
        "few = work(9)\n"
        "onnx_arena.shrink()\n"
        "sizes = [rss()]\n"
        "for act in (lambda: work(10_000), onnx_arena.shrink):\n"
        "    act()\n"
        "    sizes.append(rss())\n"
        "print(*((size - sizes[0]) / 1e6 for size in sizes[1:]), few == work(9))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, small, large], capture_output=True, text=True, check=True)
    kept, rested, alike = done.stdout.split()
    assert float(kept) > 40
    assert float(rested) < 8
    assert alike == "True"


def test_a_graph_of_the_least_size_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a byte less is copied."""
    path = products(tmp_path / "model.onnx")
    made = []
    for least in (path.stat().st_size, path.stat().st_size + 1):
        monkeypatch.setattr(onnx_session, "MIN_BYTES", least)
        opened(path, runtime := Runtime())
        made.append(type(runtime.made[0]))
    assert made == [bytes, str]


def test_threads_do_not_spin_for_long(tmp_path: Path) -> None:
    """A session that waits leaves its processors to others: its threads spin for 0.1 ms."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    open_session(onnxruntime.InferenceSession, products(tmp_path / "model.onnx"), options, CPU)
    assert options.get_session_config_entry("session.intra_op.spin_duration_us") == "100"
