"""Sessions of ONNX Runtime for voices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hushd_worker import compute_device


def session(path: Path) -> Any:
    """Returns a session on the device of the configuration, or a card where the runtime knows one.

    On the CPU it has OMP_NUM_THREADS threads, by default as many as there are cores.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    # Its arena would keep as much memory as the longest sentence took.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=compute_device.onnx_providers(onnxruntime))
