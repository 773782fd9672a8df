"""Memory of the card after a worker's exit, and after the same model was unloaded inside a process."""

from __future__ import annotations

import functools
import gc
import time
from collections.abc import Iterator
from importlib.util import find_spec

from hushd import Client

from ..stage import Row
from .speed import speech
from .stage import MIB, NotDone, Stage, eventually, helper, unload

_TORCH = """
import gc, sys, torch, whisper
model = whisper.load_model(sys.argv[1], "cuda")
del model
gc.collect()
torch.cuda.empty_cache()
print("ready", flush=True)
sys.stdin.read()
"""
_CTRANSLATE2 = """
import gc, sys, faster_whisper, numpy
model = faster_whisper.WhisperModel(sys.argv[1], device="cuda")
model.encode(numpy.zeros((model.model.n_mels, 3000), numpy.float32))
model.model.unload_model()
del model
gc.collect()
print("ready", flush=True)
sys.stdin.read()
"""
_ONNX = """
import gc, sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CUDAExecutionProvider"])
if "CUDAExecutionProvider" not in session.get_providers():
    sys.exit("this onnxruntime has no CUDA")
session.run(None, {"x": numpy.zeros((64, 2048), numpy.float32)})
del session
gc.collect()
print("ready", flush=True)
sys.stdin.read()
"""


def given_back(stage: Stage) -> Iterator[Row]:
    """Measures that a worker's memory is free a second after its exit."""
    model = "stt/card/12gb" if stage.stand_in else "stt/faster-whisper/large"
    before = stage.used()
    with stage.supervisor() as (process, client):
        client.preload(model)
        taken = (stage.used() - before) / MIB
        unload(client, process)
        time.sleep(1)
        left = (stage.used() - before) / MIB
    ok = taken > 100 and left <= 0
    yield Row("VRAM of ours 1 s after a worker's exit", max(0.0, left), "MiB", "0", taken, ok, "floor: while it ran")


def suspended(stage: Stage) -> Iterator[Row]:
    """Measures the way of an idle worker of openai-whisper's off its card, its memory there meanwhile, and the way back
    to a text."""
    if stage.stand_in or stage.device != "cuda":
        raise NotDone("only CUDA's driver suspends")
    before, sound = stage.used(), speech(stage, 0)
    with stage.supervisor(suspend_after=0.5) as (_, client):
        text = client.transcribe(sound, engine="whisper", model="large").text
        taken, began = stage.used() - before, time.monotonic()
        state = functools.partial(_state, client)
        if eventually(lambda: state() == "suspended" and stage.used() - before < taken // 2, True, 20) is None:
            raise NotDone(f"the worker is {state()}, and was not suspended: see `hushd logs`")
        yield Row("from idle to a free card", time.monotonic() - began - 0.5, "s", "<= 2")
        left = (stage.used() - before) / MIB
        yield Row("VRAM of a suspended worker", left, "MiB", "", taken / MIB, note="floor: while it was warm")
        began = time.monotonic()
        same = client.transcribe(sound, engine="whisper", model="large").text == text
        yield Row(
            "from suspended to a text", time.monotonic() - began, "s", "<= 1.5", ok=same, note="ok: the same text"
        )


def _state(client: Client) -> str:
    return next((row.state for row in client.status().workers if row.name == "stt/whisper/large"), "none")


def inside_a_process(stage: Stage) -> Iterator[Row]:
    """Measures the memory that stays when the runtime itself unloads the same model, as in a lasting server."""
    if stage.stand_in or stage.device != "cuda":
        raise NotDone("a runtime's own memory can only be seen on a card")
    programs = {"torch": (_TORCH, "torch", stage.folder / "whisper" / "large.pt")}
    programs["CTranslate2"] = (_CTRANSLATE2, "faster_whisper", stage.folder / "faster-whisper" / "large")
    programs["onnxruntime"] = (_ONNX, "onnxruntime", stage.folder / "graph.onnx")
    for runtime, (program, package, path) in programs.items():
        case = f"unloaded inside a process: {runtime}"
        try:
            if find_spec(package) is None:
                raise NotDone(f"{package} is not installed")
            if runtime == "onnxruntime":
                _graph(stage)
            before = stage.used()
            with helper(program, str(path)):
                yield Row(case, (stage.used() - before) / MIB, "MiB", note="hushd's worker: see above")
        except NotDone as error:
            yield Row(case, None, "MiB", note=f"not done: {error}")
        gc.collect()


def _graph(stage: Stage) -> None:
    """Writes half a GB of random matrices as ONNX."""
    if find_spec("onnx") is None:
        raise NotDone("onnx is not installed, which writes the model")
    import numpy as np
    from onnx import TensorProto, numpy_helper, save
    from onnx import helper as make

    rng = np.random.default_rng(1)
    names = [f"w{number}" for number in range(32)]
    inputs = ["x", *(f"{name}_out" for name in names[:-1])]
    nodes = [make.make_node("MatMul", [x, w], [f"{w}_out"]) for x, w in zip(inputs, names, strict=True)]
    weights = [numpy_helper.from_array(rng.standard_normal((2048, 2048), np.float32), name) for name in names]
    shape = [None, 2048]
    graph = make.make_graph(
        nodes,
        "matrices",
        [make.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [make.make_tensor_value_info(f"{names[-1]}_out", TensorProto.FLOAT, shape)],
        weights,
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    save(model, stage.folder / "graph.onnx")
