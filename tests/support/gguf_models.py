"""GGUF files for tests: the Whisper checkpoint of `commands`, and headers that say whatever a test wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from full_size import gguf_whisper
from full_size.gguf_file import Tensor, Value, write
from hushd_worker_stt.convert.checkpoint import Checkpoint
from support.commands import unpack_checkpoint


def commands(path: Path, kind: str = "f16") -> Path:
    """Writes the checkpoint that hears commands to `path`; takes the tokens from openai-whisper's package."""
    with Checkpoint(unpack_checkpoint(path.with_suffix(".pt"))) as checkpoint:
        names = [*checkpoint._tensors]
        shapes = {name: checkpoint.tensor(name).shape for name in names}
        tensors = gguf_whisper.tensors(shapes, checkpoint.tensor, checkpoint.dims["n_mels"], kind)
        write(path, gguf_whisper.keys(checkpoint.dims, "commands", timestamps=False), tensors)
    return path


def header(path: Path, architecture: str, keys: dict[str, Value] | None = None) -> Path:
    """Writes a file with these keys and one small tensor to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensor = Tensor((2, 32), "q8_0", lambda: np.ones((2, 32)))
    write(path, {"general.architecture": architecture, **(keys or {})}, {"enc.weight": tensor})
    return path
