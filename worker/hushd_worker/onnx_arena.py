"""One arena for the memory in which a process's sessions of ONNX Runtime compute, which gives it back at rest.

Without an arena each array of a run is fresh pages of the kernel's: Kokoro takes twice as long, and 1,040 to 1,170 MB
at its peak instead of 590, Whisper base by onnx-asr 1.8 times as long, and 935 MB instead of 840. But an arena keeps
the memory of the longest piece, and the runtime shrinks one only at the end of a run. So all sessions share one, and
the smallest graph that there is runs to shrink it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnxruntime as ort
from hushd_protocol.system.footprint import trim

# y = Identity(x), as `onnx.helper` makes it.
_SMALLEST = (
    b'\x08\x07:/\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0b\n\x01x\x12\x06\n\x04\x08\x01\x12\x00'
    b"b\x0b\n\x01y\x12\x06\n\x04\x08\x01\x12\x00B\x04\n\x00\x10\r"
)


def share(options: Any) -> None:
    """Has a session on the CPU with these `SessionOptions` take its memory from the arena."""
    _make()
    options.enable_cpu_mem_arena = True
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")  # initializers stay


def shrink() -> None:
    """Gives back the memory that no array is in, if a session shares the arena: in 0.05 s after a long piece."""
    if not _make.cache_info().currsize:
        return
    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    _smallest().run(None, {"x": np.zeros((), np.float32)}, options)
    trim()  # the worker's own call was earlier on a busy machine


@cache
def _make() -> None:
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(memory, ort.OrtArenaCfg({}))


@cache
def _smallest() -> Any:
    options = ort.SessionOptions()
    share(options)
    return ort.InferenceSession(_SMALLEST, options, ["CPUExecutionProvider"])
