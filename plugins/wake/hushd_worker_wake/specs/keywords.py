"""sherpa-onnx's keyword spotter: detects any phrase by a model of units; Apache-2.0.

The catalogue has no models of it, since none could be downloaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_schema.engines import EngineSpec, Files, Recognition, Sizes

if TYPE_CHECKING:
    from pathlib import Path


def _look(path: Path, name: str) -> Files:
    """See `Recognition.look`."""
    from hushd_schema.engines import model_files

    from hushd_worker_wake import keyword_models

    keyword_models.described(path)
    return model_files.all_in(path)


def _memory_mb(files: Sizes) -> float:
    """Estimates the memory: 47 MB for Python, numpy and the library with graphs of a few kB, plus the copied weights.

    If a folder has both precisions, the smaller one is loaded.
    """
    graphs = {name: size for name, size in files.items() if name.endswith(".onnx")}
    int8 = {name: size for name, size in graphs.items() if ".int8." in name}
    return 50 + 1.3 * sum((int8 or graphs).values()) / 1e6


SPEC = EngineSpec(
    name="keywords",
    role="wake",
    engine="hushd_worker_wake.engines.keywords:Keywords",
    rank=20,
    listed=210,
    packages=("sherpa_onnx", "numpy"),
    requirement="sherpa-onnx>=2.0.1,<2.1",
    own="*/*.onnx",
    recognition=Recognition(look=_look, order=25),
    memory_mb=_memory_mb,
    cards=(),
)
