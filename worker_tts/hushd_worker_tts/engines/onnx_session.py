"""Opens sessions of ONNX Runtime for voices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hushd_worker import compute_device
from hushd_worker.onnx_session import open_session


def session(path: Path) -> Any:
    """Returns a session on the configured device, or else on a card that the runtime supports.

    On the CPU it has OMP_NUM_THREADS threads, by default one per core, and weights mapped from the file. Prepacked
    weights stay prepacked: for a voice of piper they are small, and its output stays identical bit for bit.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    # The arena would keep the memory of the longest sentence.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    providers = compute_device.onnx_providers(onnxruntime)
    return open_session(onnxruntime.InferenceSession, path, options, providers, prepack=True)
