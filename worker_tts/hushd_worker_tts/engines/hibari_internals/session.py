"""Opens sessions of ONNX Runtime for hibari's voices, from models that were optimised once.

Reading and optimising a model of 8 MB takes 0.15 s of every start, and half of that if the optimised model is kept in
the runtime's own format (https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html).
"""

from __future__ import annotations

import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
from hushd_schema.engines.protobuf import bytes_field

from .. import prepared

if TYPE_CHECKING:
    from hushd_worker_tts.engine import Samples

SPECTRA = 6  # parts of the spectrum that a model returns; the phonemes' ends may follow
_PROVIDERS = ["CPUExecutionProvider"]
ENDS = b"/CumSum_output_0"  # the models' tensor of the phonemes' ends
# The CRC-32 of anything that ends with its own: so a kept model does, since the runtime does not notice damage.
_INTACT = 0x2144DF1C
_BLOCK = 1 << 18  # bytes that are checked at a time


def open_session(model: Path) -> Any:
    """Returns a session for a voice's model; if there is no optimised model, another process makes it meanwhile."""
    with suppress(Exception):  # damaged, or for a CPU with other instructions: it is replaced
        return ort.InferenceSession(_kept(model), _options(optimise=False), providers=_PROVIDERS)
    made = _original(model, _options())
    prepared.make_beside(__name__, str(model))
    return made


def make(model: Path) -> None:
    """Saves a model optimised. Raises OSError if it cannot be written."""
    prepared.keep(_place(model), _name(model), lambda: _optimised(model))


def import_modules() -> None:
    """Imports what speech needs."""
    from hibari import dsp  # noqa: F401, PLC0415 - while a session is opened

    from hushd_worker_tts import speaking  # noqa: F401, PLC0415 - likewise


def noise() -> np.random.Generator:
    """Returns the noise in a voice's breath, with a fixed seed: equal requests give equal audio."""
    return np.random.default_rng(0)


def speak(session: Any, ids: list[int], speed: float, noise: np.random.Generator) -> tuple[Samples, Any]:
    """Returns the speech of phoneme ids, padded by a 0 at both ends, and the end of each phoneme.

    The last phoneme ends with the speech; the ends are empty for a model that does not return them.
    """
    from hibari import dsp  # noqa: PLC0415 - see above

    outputs = session.run(None, {"ids": np.array([ids], np.int64), "speed": np.array([speed], np.float32)})
    samples: Samples = dsp.synth(*(part[0] for part in outputs[:SPECTRA]), noise)
    return samples, outputs[SPECTRA] if len(outputs) > SPECTRA else ()


def _optimised(model: Path) -> bytes:
    with tempfile.TemporaryFile() as file:  # a file without a name disappears however this process ends
        options = _options()
        options.optimized_model_filepath = f"/dev/fd/{file.fileno()}"
        options.add_session_config_entry("session.save_model_format", "ORT")
        _original(model, options)
        file.seek(0)
        content = file.read()
    return content + zlib.crc32(content).to_bytes(4, "little")


def _options(*, optimise: bool = True) -> Any:
    options = ort.SessionOptions()
    # A second thread gains 20 percent, but takes a core from a worker that listens meanwhile.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # The arena would keep the memory of the longest sentence forever: 80 MB, to save 5 to 10 percent of time.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    # The plan for the reuse of memory between outputs takes 0.06 s and saves nothing: see hushd_worker.onnx_session.
    options.enable_mem_reuse = False
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def _original(model: Path, options: Any) -> Any:
    content = model.read_bytes()
    try:
        return ort.InferenceSession(_with_ends(content), options, providers=_PROVIDERS)
    except Exception:  # a model of another build, which is used without the additional output
        return ort.InferenceSession(content, options, providers=_PROVIDERS)


def _kept(model: Path) -> str:
    """Returns the path of the optimised model, which the runtime reads itself: its bytes would be copied twice."""
    place, check = _place(model), 0
    with open(place, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            check = zlib.crc32(block, check)
    if check != _INTACT:
        raise ValueError(model)
    return str(place)


def _name(model: Path) -> str:
    return f"hibari-{model.stem}"


def _place(model: Path) -> Path:
    return prepared.place(f"{_name(model)}-{ort.__version__}", [model], ".ort")


def _with_ends(model: bytes) -> bytes:
    """Returns the model with one more output, the end of each phoneme, which it computes anyway.

    An ONNX file is one protobuf message, and messages of one type laid end to end are merged: this adds one output
    (field 12, its name field 1) to the graph (field 7).
    """
    return model + bytes_field(7, bytes_field(12, bytes_field(1, ENDS)))


if __name__ == "__main__":
    prepared.make_alone(lambda model: make(Path(model)))
