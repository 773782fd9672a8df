from __future__ import annotations

from pathlib import Path

import numpy as np
import torch


class ChatterboxTTS:
    """Stands for the package's: `conds` comes of a recording, or of conds.pt, and `generate` speaks with it."""

    FILES = ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json")

    def __init__(self, conds: float | None) -> None:
        self.sr = 24_000
        self.conds = conds
        self.prepared: list[str] = []
        self.tokenizer: object = None

    @classmethod
    def from_local(cls, ckpt_dir: Path, device: str) -> ChatterboxTTS:
        assert device == "cpu"
        for file in cls.FILES:
            if Path(ckpt_dir, file).read_bytes() != b"weights":
                raise RuntimeError(f"Error while deserializing header of {file}")
        return cls(0.05 if Path(ckpt_dir, "conds.pt").exists() else None)

    def prepare_conditionals(self, wav_fpath: str, exaggeration: float = 0.5) -> None:
        data = Path(wav_fpath).read_bytes()
        if not data.startswith(b"RIFF"):
            raise ValueError("Format not recognised.")
        self.prepared.append(wav_fpath)
        self.conds = len(data) / 1000

    def generate(
        self,
        text: str,
        repetition_penalty: float = 1.2,
        min_p: float = 0.05,
        top_p: float = 1.0,
        audio_prompt_path: str | None = None,
        exaggeration: float = 0.5,
        cfg_weight: float = 0.5,
        temperature: float = 0.8,
    ) -> torch.Tensor:
        return self._hum(text, 1.0)

    def _hum(self, text: str, factor: float) -> torch.Tensor:
        assert self.conds is not None, "Please `prepare_conditionals` first or specify `audio_prompt_path`"
        time = np.arange(240 * len(text), dtype=np.float32)
        return torch.Tensor(np.sin(time * self.conds * factor)[None].astype(np.float32))
