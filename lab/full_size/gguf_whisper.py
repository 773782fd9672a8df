"""Whisper's models in transcribe-cpp's GGUF, from tensors by OpenAI's names.

The names, the keys, and which tensors must stay in full precision are those of its loader, `src/arch/whisper`, 0.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from .gguf_file import Keys, Tensor

_LAYERS = {
    "attn_ln": "norm_attn",
    "cross_attn_ln": "norm_cross",
    "mlp_ln": "norm_ffn",
    "mlp.0": "ffn.fc1",
    "mlp.2": "ffn.fc2",
}
_PARTS = {"query": "q", "key": "k", "value": "v", "out": "out"}
_TOP = {
    "conv1": "conv.0", "conv2": "conv.1", "ln_post": "final_norm", "ln": "final_norm", "token_embedding": "token_embd",
}  # fmt: skip
_SIGNS = '"#()*+/:;<=>@[\\]^_`{|}~「」『』'  # which nobody says, each a token by itself


def keys(dims: Mapping[str, int], name: str, timestamps: bool = True) -> Keys:
    """The keys of a model with `dims`, by OpenAI's names.

    Raises:
        ImportError: openai-whisper's package is not here, which has the tokens.
    """
    from hushd_worker_stt.engines.whisper_family import languages
    from support import whisper_models

    ranks, special = whisper_models.ranks(dims["n_vocab"]), whisper_models.specials(dims["n_vocab"])
    letters, known = whisper_models.letters(), languages(dims["n_vocab"])
    ids = {token: len(ranks) + number for number, token in enumerate(special)}
    written = {token: "".join(letters[byte] for byte in token) for token in sorted(ranks, key=ranks.__getitem__)}
    merges = [whisper_models.halves(token, ranks) for token in written if len(token) > 1]
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    never = [
        ids[f"<|{word}|>"]
        for word in ("startoftranscript", "translate", "transcribe", "startoflm", "startofprev", "nospeech")
    ]
    signs = [ranks[sign.encode()] for sign in _SIGNS if sign.encode() in ranks]
    sides = (("encoder", "audio"), ("decoder", "text"))
    whole = {
        f"stt.whisper.{side}.{key}": value
        for side, short in sides
        for key, value in (
            ("n_layers", dims[f"n_{short}_layer"]),
            ("d_model", dims[f"n_{short}_state"]),
            ("n_heads", dims[f"n_{short}_head"]),
            ("ffn_dim", 4 * dims[f"n_{short}_state"]),
        )
    }
    front = {
        "num_mels": dims["n_mels"], "sample_rate": 16_000, "n_fft": 400, "win_length": 400, "hop_length": 160,
        "chunk_length": 30, "n_samples": 480_000, "nb_max_frames": 3_000,
    }  # fmt: skip
    tokens = {
        "decoder_start": start, "sot": start, "no_timestamps": ids["<|notimestamps|>"],
        "transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"], "prev_sot": ids["<|startofprev|>"],
    }  # fmt: skip
    return {
        "general.architecture": "whisper",
        "general.name": name,
        "general.languages": list(known),
        "stt.variant": name,
        "stt.capability.lang_detect": len(known) > 1,
        "stt.capability.translate": len(known) > 1,
        "stt.capability.timestamps": timestamps,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt2",
        "tokenizer.ggml.tokens": [*written.values(), *special],
        "tokenizer.ggml.token_type": np.array([1] * len(ranks) + [3] * len(special), np.int32),
        "tokenizer.ggml.merges": [
            " ".join("".join(letters[byte] for byte in half) for half in pair) for pair in merges
        ],
        **{f"tokenizer.ggml.{role}_token_id": end for role in ("bos", "eos", "padding")},
        **whole,
        **{f"stt.whisper.{side}.activation": "gelu" for side, _ in sides},
        "stt.whisper.encoder.num_mel_bins": dims["n_mels"],
        "stt.whisper.encoder.max_source_positions": dims["n_audio_ctx"],
        "stt.whisper.decoder.max_target_positions": dims["n_text_ctx"],
        "stt.whisper.decoder.vocab_size": dims["n_vocab"],
        **{f"stt.whisper.{key}_token_id": token for key, token in tokens.items()},
        "stt.whisper.suppress_tokens": np.array(sorted([*signs, *never]), np.int32),
        "stt.whisper.begin_suppress_tokens": np.array([ranks[b" "], end], np.int32),
        **{f"stt.frontend.{key}": value for key, value in front.items()},
        "stt.frontend.type": "mel",
        "stt.frontend.window": "hann_periodic",
        "stt.frontend.normalize": "whisper_logmel",
        "stt.frontend.pad_mode": "reflect",
        "stt.frontend.mel_norm": "slaney",
        "stt.frontend.center": True,
    }


def tensors(
    shapes: Mapping[str, tuple[int, ...]], draw: Callable[[str], np.ndarray], mels: int, kind: str
) -> dict[str, Tensor]:
    """The tensors of a model, which `draw` makes by OpenAI's names, their matrices as `kind`."""
    made = {
        "frontend.mel_filterbank": Tensor((mels, 201), "f32", lambda: _filters(mels)),
        "frontend.window": Tensor((400,), "f32", lambda: 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)),
    }
    for name, shape in shapes.items():
        target = tensor_name(name)
        use = kind
        if len(shape) == 1 or "pos_emb" in target:
            use = "f32"
        elif "conv" in target and kind == "q8_0":
            use = "f16"
        made[target] = Tensor(shape, use, lambda name=name: draw(name))  # type: ignore[misc]
    return made


def tensor_name(name: str) -> str:
    """transcribe-cpp's name for a tensor of OpenAI's."""
    side, _, rest = name.partition(".")
    short = {"encoder": "enc", "decoder": "dec"}[side]
    if rest == "positional_embedding":
        return f"{short}.pos_emb.weight"
    if not (match := re.fullmatch(r"blocks\.(\d+)\.(.+)\.(weight|bias)", rest)):
        head, _, tail = rest.partition(".")
        return f"{short}.{_TOP[head]}.{tail}"
    number, layer, tail = match.groups()
    attention, _, matrix = layer.rpartition(".")
    if matrix in _PARTS:
        own = "attn" if short == "enc" else "self_attn"
        layer = f"{own if attention == 'attn' else attention}.{_PARTS[matrix]}"
    elif layer == "attn_ln" and short == "dec":
        layer = "norm_self"
    else:
        layer = _LAYERS[layer]
    return f"{short}.blocks.{number}.{layer}.{tail}"


def _filters(mels: int) -> np.ndarray:
    package = find_spec("whisper")
    assert package  # `keys` has asked for it
    assert package.origin
    with np.load(Path(package.origin).parent / "assets" / "mel_filters.npz") as filters:
        return np.asarray(filters[f"mel_{mels}"])
