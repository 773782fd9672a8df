"""A graph without its weights says where in its own file they lie, and ONNX's own reader finds them there unchanged."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hushd_worker import onnx_session
from hushd_worker.onnx_session import without_weights

onnx = pytest.importorskip("onnx", reason="onnx is not installed: scripts/setup")

from onnx import TensorProto, external_data_helper, helper, numpy_helper  # noqa: E402

np = pytest.importorskip("numpy")

LEAST = onnx_session.MIN_MAPPED
DTYPES = (np.float32, np.float16, np.float64, np.int8, np.uint8, np.int16, np.int32, np.int64, np.bool_)


def weight(name: str, size: int, dtype: object = np.float32) -> TensorProto:
    """A tensor of `size` bytes that are all different from their neighbours."""
    data = np.frombuffer(random.Random(name).randbytes(size), np.uint8)
    return numpy_helper.from_array((data & 1 if dtype is np.bool_ else data).view(dtype), name)


def model(*tensors: TensorProto) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Identity", [tensor.name], [f"{tensor.name}_out"], doc_string="kept") for tensor in tensors
    ]
    graph = helper.make_graph(nodes, "graph", [], [helper.make_empty_tensor_value_info("x")], list(tensors))
    made = helper.make_model(graph, producer_name="a test", doc_string="of words")
    helper.set_model_props(made, {"vocab_size": "3"})
    return made


def written(path: Path, content: onnx.ModelProto) -> Path:
    path.write_bytes(content.SerializeToString())
    return path


def read_back(path: Path, graph: bytes) -> onnx.ModelProto:
    """The model, by ONNX's own reader, with its weights fetched from where the graph says."""
    found = onnx.load_model_from_string(graph)
    external_data_helper.load_external_data_for_model(found, str(path.parent))
    for tensor in found.graph.initializer:
        tensor.ClearField("data_location")  # the reader writes that they are where they always were
    return found


@pytest.mark.parametrize("seed", range(20))
def test_the_same_model_comes_back(tmp_path: Path, seed: int) -> None:
    """Tensors of every type and of sizes around the smallest that is mapped, in any order, at any offset."""
    rng = random.Random(seed)
    sizes = (0, 8, LEAST - 8, LEAST, LEAST + 8, 3 * LEAST)
    tensors = [weight(f"{'n' * rng.randrange(9)}{i}", rng.choice(sizes), rng.choice(DTYPES)) for i in range(9)]
    original = model(*tensors, weight("one", LEAST))
    path = written(tmp_path / "model.onnx", original)
    graph = without_weights(path)
    assert graph is not None
    assert len(graph) < path.stat().st_size - LEAST + 200
    assert read_back(path, graph) == original


def test_a_damaged_file_is_a_value_error(tmp_path: Path) -> None:
    """However much is missing, and whichever byte is another: no other exception, and no reference out of the file."""
    data = model(weight("a", LEAST), weight("b", 16)).SerializeToString()
    path, rng = tmp_path / "model.onnx", random.Random(1)
    raw = data.index(weight("a", LEAST).raw_data)
    for number in range(600):
        broken = bytearray(data)
        if number % 2:
            del broken[rng.choice((rng.randrange(1, raw), rng.randrange(raw, len(data)))) :]
        else:
            place = rng.choice((rng.randrange(raw), rng.randrange(raw + LEAST, len(data))))
            broken[place] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        try:
            graph = without_weights(path)
        except ValueError:
            continue
        try:
            found = onnx.load_model_from_string(graph or b"")
        except Exception:  # nonsense was passed on as it was
            continue
        for tensor in found.graph.initializer:
            if tensor.data_location == TensorProto.EXTERNAL and tensor.external_data[0].value == path.name:
                place = {entry.key: entry.value for entry in tensor.external_data}
                assert int(place["offset"]) + int(place["length"]) <= len(broken)
