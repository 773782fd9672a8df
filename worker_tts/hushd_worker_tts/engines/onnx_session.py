"""Sessions of ONNX Runtime for voices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def session(path: Path) -> Any:
    """Returns a session on the CPU with OMP_NUM_THREADS threads, by default as many as there are cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    # Its arena would keep as much memory as the longest sentence took.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
