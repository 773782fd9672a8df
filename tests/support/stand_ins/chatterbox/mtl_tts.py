from __future__ import annotations

from pathlib import Path

import torch

from .models.tokenizers.tokenizer import MTLTokenizer
from .tts import ChatterboxTTS


class ChatterboxMultilingualTTS(ChatterboxTTS):
    FILES = ("ve.pt", "t3_mtl23ls_v2.safetensors", "s3gen.pt", "grapheme_mtl_merged_expanded_v1.json")

    @classmethod
    def from_local(cls, ckpt_dir: Path, device: str) -> ChatterboxTTS:
        made = super().from_local(ckpt_dir, device)
        made.tokenizer = MTLTokenizer(str(Path(ckpt_dir, cls.FILES[-1])))
        return made

    def generate(  # type: ignore[override]
        self,
        text: str,
        language_id: str,
        audio_prompt_path: str | None = None,
        exaggeration: float = 0.5,
        cfg_weight: float = 0.5,
        temperature: float = 0.8,
        repetition_penalty: float = 2.0,
        min_p: float = 0.05,
        top_p: float = 1.0,
    ) -> torch.Tensor:
        if language_id not in ("en", "fr", "de"):
            raise ValueError(f"Unsupported language_id '{language_id}'.")
        return self._hum(text, {"en": 1.0, "fr": 2.0, "de": 3.0}[language_id])
