"""GGUF files for tests: the Whisper checkpoint of `commands`, and headers that say whatever a test wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from full_size import gguf_whisper
from full_size.gguf_file import Tensor, Value, write
from support.commands import unpack_checkpoint
from support.whisper_models import checkpoint

from . import gguf_parakeet


def commands(path: Path, kind: str = "f16") -> Path:
    """Writes the checkpoint that hears commands to `path`; takes the tokens from openai-whisper's package."""
    dims, numbers = checkpoint(unpack_checkpoint(path.with_suffix(".pt")))
    shapes = {name: tensor.shape for name, tensor in numbers.items()}
    tensors = gguf_whisper.tensors(shapes, numbers.__getitem__, dims["n_mels"], kind)
    write(path, gguf_whisper.keys(dims, "commands", timestamps=False), tensors)
    return path


def header(path: Path, architecture: str, keys: dict[str, Value] | None = None) -> Path:
    """Writes a file with these keys and one small tensor to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensor = Tensor((2, 32), "q8_0", lambda: np.ones((2, 32)))
    write(path, {"general.architecture": architecture, **(keys or {})}, {"enc.weight": tensor})
    return path


def streaming(path: Path, width: int = 64, layers: int = 2, vocabulary: int = 512) -> Path:
    """Writes a Moonshine streaming model with random weights to `path`: it streams, and its words mean nothing.

    The makers' tiny one has a width of 320, 6 layers and 32,768 tokens.
    """
    draw = np.random.default_rng(7)
    tensors: dict[str, Tensor] = {}

    def add(name: str, *shape: int, kind: str = "f32", scale: float = 0.0) -> None:
        spread = scale or 1 / np.sqrt(shape[-1])
        numbers = draw.standard_normal(shape).astype(np.float32) * spread if len(shape) > 1 else np.full(shape, 1.0)
        tensors[name] = Tensor(shape, kind, lambda: numbers)

    def linear(name: str, rows: int, columns: int) -> None:
        add(f"{name}.weight", rows, columns, kind="q8_0" if width % 32 == 0 and columns % 32 == 0 else "f32")

    def bias(name: str, size: int) -> None:
        tensors[name] = Tensor((size,), "f32", lambda: np.zeros(size))

    inner = 4 * width
    add("enc.embedder.comp.log_k", 1)
    add("enc.embedder.linear.weight", width, 80)
    for number, (out, into) in enumerate(((2 * width, width), (width, 2 * width)), 1):
        add(f"enc.embedder.conv{number}.weight", out, into, 5, kind="f16", scale=0.02)
        bias(f"enc.embedder.conv{number}.bias", out)
    for layer in range(layers):
        block = f"enc.blocks.{layer}"
        add(f"{block}.norm_attn.weight", width)
        add(f"{block}.norm_ffn.weight", width)
        for part in ("q", "k", "v", "out"):
            linear(f"{block}.attn.{part}", width, width)
        linear(f"{block}.ffn.fc1", inner, width)
        linear(f"{block}.ffn.fc2", width, inner)
        bias(f"{block}.ffn.fc1.bias", inner)
        bias(f"{block}.ffn.fc2.bias", width)
        block = f"dec.blocks.{layer}"
        for norm in ("self", "cross", "ffn"):
            add(f"{block}.norm_{norm}.weight", width)
        for attention in ("self_attn", "cross_attn"):
            for part in ("q", "k", "v", "out"):
                linear(f"{block}.{attention}.{part}", width, width)
        linear(f"{block}.ffn.fc1", 2 * inner, width)
        linear(f"{block}.ffn.fc2", width, inner)
        bias(f"{block}.ffn.fc1.bias", 2 * inner)
        bias(f"{block}.ffn.fc2.bias", width)
    add("enc.final_norm.weight", width)
    add("dec.final_norm.weight", width)
    linear("adapter.pos_emb", 4096, width)
    linear("dec.token_embd", vocabulary, width)
    linear("dec.lm_head", vocabulary, width)
    shape = {"n_layers": layers, "d_model": width, "n_heads": 8, "head_dim": width // 8, "ffn_dim": inner}
    own = {
        **{f"encoder.{name}": value for name, value in shape.items()},
        **{f"decoder.{name}": value for name, value in shape.items()},
        "encoder.activation": "gelu",
        "encoder.frame_ms": 5.0,
        "encoder.frame_len": 80,
        "encoder.sliding_windows": np.array([16, 4] * layers, np.int32),
        "decoder.activation": "silu",
        "decoder.vocab_size": vocabulary,
        "decoder.max_position_embeddings": 4096,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "decoder_start_token_id": 1,
    }
    keys: dict[str, Value] = {
        "general.architecture": "moonshine_streaming",
        "general.languages": ["en"],
        **{f"stt.moonshine_streaming.{name}": value for name, value in own.items()},
        "stt.frontend.type": "raw",
        "stt.frontend.sample_rate": 16000,
        "tokenizer.ggml.model": "bpe",
        "tokenizer.ggml.tokens": ["<pad>", "<s>", "</s>", *(f"▁w{number}" for number in range(vocabulary - 3))],
        "tokenizer.ggml.scores": np.zeros(vocabulary, np.float32),
        "tokenizer.ggml.token_type": np.array([3] * 3 + [1] * (vocabulary - 3), np.int32),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, keys, tensors)
    return path


def transducer(path: Path, name: str) -> Path:
    """Writes a small Parakeet or Nemotron, by the name of the full-size one, with random weights to `path`."""
    (part,) = gguf_parakeet.parakeet(16, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part.write(path)
    return path
