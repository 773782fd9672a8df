"""The checkpoint of spoken commands as other programs read it: whisper.cpp's `ggml` file, and transformers' folder."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from . import commands

_DIMS = ("vocab", "audio_ctx", "audio_state", "audio_head", "audio_layer", "text_ctx", "text_state", "text_head",
         "text_layer")  # fmt: skip
# What transformers calls a tensor, in the order of replacement.
_NAMES = (
    ("blocks.", "layers."), ("cross_attn_ln", "encoder_attn_layer_norm"), ("cross_attn.", "encoder_attn."),
    ("mlp_ln", "final_layer_norm"), ("mlp.0", "fc1"), ("mlp.2", "fc2"), ("attn_ln", "self_attn_layer_norm"),
    (".attn.", ".self_attn."), ("query", "q_proj"), ("key", "k_proj"), ("value", "v_proj"),
    ("attn.out", "attn.out_proj"), ("positional_embedding", "embed_positions.weight"),
    ("token_embedding", "embed_tokens"), ("ln_post", "layer_norm"), ("decoder.ln", "decoder.layer_norm"),
)  # fmt: skip


def ggml(path: Path, checkpoint: Path | None = None) -> Path:
    """Writes a checkpoint of OpenAI's for whisper.cpp, as its convert-pt-to-ggml.py does."""
    import whisper

    from .whisper_models import ranks

    known = _known(checkpoint or commands.unpack_checkpoint(path.with_suffix(".pt")))
    dims = known["dims"]
    with np.load(Path(whisper.__file__).with_name("assets") / "mel_filters.npz") as filters:
        mel = filters[f"mel_{dims['n_mels']}"].astype("<f4")
    tokens = ranks(dims["n_vocab"])
    with path.open("wb") as file:
        file.write(struct.pack("<I11i", 0x67676D6C, *(dims[f"n_{name}"] for name in _DIMS), dims["n_mels"], 1))
        file.write(struct.pack("<2i", *mel.shape) + mel.tobytes() + struct.pack("<i", len(tokens)))
        for token in tokens:
            file.write(struct.pack("<i", len(token)) + token)
        for name, tensor in known["model_state_dict"].items():
            data = tensor.squeeze().numpy()
            halves = data.ndim > 1 and "positional" not in name
            data = data.astype("<f2" if halves else "<f4")
            if name in ("encoder.conv1.bias", "encoder.conv2.bias"):
                data = data.reshape(-1, 1)
            file.write(struct.pack("<3i", data.ndim, len(name), halves))
            file.write(struct.pack(f"<{data.ndim}i", *reversed(data.shape)) + name.encode() + data.tobytes())
    return path


def transformers(folder: Path) -> Path:
    """Writes the checkpoint for transformers."""
    from .whisper_models import tokenizer

    folder.mkdir(parents=True)
    known = _known(commands.unpack_checkpoint(folder.with_suffix(".pt")))
    dims = known["dims"]
    words = tokenizer(dims["n_vocab"])
    end, start, untimed = map(words.token_to_id, ("<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"))
    places: dict[str, object] = {}
    data = b""
    for name, tensor in known["model_state_dict"].items():
        for old, new in _NAMES:
            name = name.replace(old, new)
        part = tensor.numpy().astype("<f4").tobytes()
        places[f"model.{name}"] = {
            "dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(part)],
        }  # fmt: skip
        data += part
    head = json.dumps({"__metadata__": {"format": "pt"}, **places}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
    ends = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
    files = {
        "config": ends | {
            "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "dtype": "float32",
            "vocab_size": dims["n_vocab"], "num_mel_bins": dims["n_mels"], "d_model": dims["n_audio_state"],
            "encoder_layers": dims["n_audio_layer"], "encoder_attention_heads": dims["n_audio_head"],
            "decoder_layers": dims["n_text_layer"], "decoder_attention_heads": dims["n_text_head"],
            "encoder_ffn_dim": 4 * dims["n_audio_state"], "decoder_ffn_dim": 4 * dims["n_text_state"],
            "max_source_positions": dims["n_audio_ctx"], "max_target_positions": dims["n_text_ctx"],
        },
        "generation_config": ends | {
            "is_multilingual": False, "no_timestamps_token_id": untimed, "max_length": 100,
            "begin_suppress_tokens": [words.token_to_id("Ġ"), end],
        },
        "preprocessor_config": {"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": dims["n_mels"]},
        "processor_config": {"processor_class": "WhisperProcessor"},
        "tokenizer_config": {"tokenizer_class": "WhisperTokenizer", "model_max_length": dims["n_text_ctx"]},
    }  # fmt: skip
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    (folder / "tokenizer.json").write_text(words.to_str(), encoding="utf-8")
    return folder


def _known(path: Path) -> dict[str, dict[str, object]]:
    import torch

    known: dict[str, dict[str, object]] = torch.load(path)
    return known
