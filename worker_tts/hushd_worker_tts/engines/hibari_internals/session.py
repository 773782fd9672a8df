"""Opens sessions of ONNX Runtime for hibari's voices, from models that were optimised once.

Reading and optimising a model of 8 MB takes 0.15 s of every start, and half of that if the optimised model is kept in
the runtime's own format (https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_protocol.system import paths
from hushd_protocol.system.paths import user_cache
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
    import onnxruntime as ort

    with suppress(Exception):  # damaged, or for a CPU with other instructions: it is replaced
        return ort.InferenceSession(_kept(model), _options(ort, optimise=False), providers=_PROVIDERS)
    made = _original(ort, model, _options(ort))
    prepared.make_beside(__name__, str(model))
    return made


def make(model: Path) -> None:
    """Saves a model optimised. Raises OSError if it cannot be written."""
    prepared.keep(_place(model), _name(model), lambda: _optimised(model))


def import_modules() -> None:
    """Imports what speech needs."""
    from hibari import dsp  # noqa: F401

    from hushd_worker_tts import audio_out  # noqa: F401


def files() -> Iterator[tuple[str, str]]:
    """Yields what `prepared` takes for the optimised model of each voice but heart, which `dictionaries` names."""
    yield from ((__name__, str(voice_file(name))) for name in registry() if name != "heart")


def speak(session: Any, ids: list[int], speed: float, noise: Any) -> tuple[Samples, Any]:
    """Returns the speech of phoneme ids, padded by a 0 at both ends, and the end of each phoneme.

    The last phoneme ends with the speech; the ends are empty for a model that does not return them.
    """
    import numpy as np
    from hibari import dsp

    outputs = session.run(None, {"ids": np.array([ids], np.int64), "speed": np.array([speed], np.float32)})
    samples: Samples = dsp.synth(*(part[0] for part in outputs[:SPECTRA]), noise)
    return samples, outputs[SPECTRA] if len(outputs) > SPECTRA else ()


def _optimised(model: Path) -> bytes:
    import onnxruntime as ort

    with tempfile.TemporaryFile() as file:  # a file without a name disappears however this process ends
        options = _options(ort)
        options.optimized_model_filepath = f"/dev/fd/{file.fileno()}"
        options.add_session_config_entry("session.save_model_format", "ORT")
        _original(ort, model, options)
        file.seek(0)
        content = file.read()
    return content + zlib.crc32(content).to_bytes(4, "little")


def _options(ort: Any, *, optimise: bool = True) -> Any:
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


def _original(ort: Any, model: Path, options: Any) -> Any:
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
    import onnxruntime as ort

    return prepared.place(f"{_name(model)}-{ort.__version__}", [model], ".ort")


def _with_ends(model: bytes) -> bytes:
    """Returns the model with one more output, the end of each phoneme, which it computes anyway.

    An ONNX file is one protobuf message, and messages of one type laid end to end are merged: this adds one output
    (field 12, its name field 1) to the graph (field 7).
    """
    return model + bytes_field(7, bytes_field(12, bytes_field(1, ENDS)))


@cache
def assets() -> Path:
    """Returns hibari's data folder. Raises FileNotFoundError if hibari is not installed, or one of its files is a pipe,
    whose reader would wait forever."""
    spec = find_spec("hibari")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("hibari")
    folder = Path(spec.origin).parent / "assets"
    if pipe := next((path for path in folder.rglob("*") if path.is_fifo()), None):
        raise FileNotFoundError(f"{pipe} is a pipe")
    return folder


@cache
def registry() -> dict[str, dict[str, Any]]:
    """Returns hibari's own table of voices by name; empty if hibari is not installed."""
    try:
        voices: dict[str, dict[str, Any]] = json.loads((assets() / "voices.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return voices


def vocabulary() -> dict[str, int]:
    """Returns the number of each phoneme of the models."""
    numbers: dict[str, int] = json.loads((assets() / "vocab.json").read_text("utf-8"))
    return numbers


def voice_file(name: str) -> Path:
    """Returns the path of a voice's model, or else the path to which hibari's own command would download it."""
    entry = registry()[name]
    file = str(entry["file"])
    if entry.get("bundled"):
        return assets() / file
    if (pulled := paths.find().models / "hibari" / file).exists():
        return pulled
    if folder := os.environ.get("HIBARI_HOME"):
        return Path(folder, file)
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/hibari" / file
    return user_cache() / "hibari" / file


if __name__ == "__main__":
    prepared.make_alone(lambda model: make(Path(model)))
