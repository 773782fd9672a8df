"""Sessions of ONNX Runtime for voices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hushd_worker import compute_device
from hushd_worker.onnx_session import open_session


def session(path: Path) -> Any:
    """Returns a session on the device of the configuration, or a card where the runtime knows one.

    On the CPU it has OMP_NUM_THREADS threads, by default as many as there are cores, and weights that are pages of the
    file. What is prepacked stays so: for a voice of piper's that is little, and what it says is the same bit for bit.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    # Its arena would keep as much memory as the longest sentence took.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    providers = compute_device.onnx_providers(onnxruntime)
    return open_session(onnxruntime.InferenceSession, path, options, providers, prepack=True)
