"""Converts a checkpoint in OpenAI's format to a folder for CTranslate2, and so for faster-whisper."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError, reason
from hushd_worker.quick_start import without_torch

from hushd_worker_stt.engines.whisper_family import alignment_heads, languages

from .checkpoint import BadCheckpoint, Checkpoint, ranks, specials, tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

QUANTIZATIONS = ("float32", "float16", "bfloat16", "int16", "int8", "int8_float32", "int8_float16", "int8_bfloat16")
_DIMS = (
    "n_mels", "n_vocab",
    "n_audio_state", "n_audio_head", "n_audio_layer",
    "n_text_state", "n_text_head", "n_text_layer",
)  # fmt: skip
# Symbols that are never spoken, suppressed as in Whisper, so that it invents no names of speakers and stage directions.
_UNSPOKEN = [
    *'"#()*+/:;<=>@[\\]^_`{|}~「」『』',
    *("<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", '("', "((", "))", "(((", ")))", "[[", "]]", "{{", "}}"),
    *("♪♪", "♪♪♪"),
]
_NOTES = "♩♪♫♬♭♮♯"  # several tokens each, of which the first is common to all, and in no spoken text


def convert(
    source: Path,
    folder: Path,
    quantization: str = "float16",
    *,
    name: str | None = None,
    report: Callable[[int, int], None] | None = None,
) -> None:
    """Converts the checkpoint `source` into `folder`, which appears completely or not at all.

    Args:
        quantization: the weights' precision, one of `QUANTIZATIONS`. On a CPU faster-whisper always computes with int8;
            int8 files are half as large as float16 and need no conversion at each load.
        name: the well-known model's name, by which its word times are known; None: the file's name.
        report: called with the number of steps done, and of all steps.

    Raises:
        HushdError: `engine_missing` if ctranslate2, tokenizers or openai-whisper's tokens are not installed;
            `input_unreadable` if `source` is not a Whisper checkpoint; `output_failed` if `folder` exists or cannot be
            written; `bad_request`.
    """
    if quantization not in QUANTIZATIONS:
        raise HushdError(
            "bad_request", f"The quantization must be one of {', '.join(QUANTIZATIONS)}, not {quantization!r}."
        )
    if folder.exists():
        raise HushdError("output_failed", f"{folder} exists already: remove it, or name another folder.")
    partial = folder.parent / f".{folder.name}.{os.getpid()}"
    try:
        with Checkpoint(source) as checkpoint:
            dims = _dims(checkpoint)
            tokens, special = ranks(dims["n_vocab"]), specials(dims["n_vocab"])
            steps = _Steps(dims, report)
            model = _model(checkpoint, dims, steps)
        words = tokenizer(tokens, special)
        _describe(model, words, dims, name or source.stem)
        steps.step()
        model.validate()
        model.optimize(quantization=quantization)
        steps.step()
        partial.mkdir(parents=True)
        model.save(str(partial))
        steps.step()
        (partial / "tokenizer.json").write_text(words.to_str(pretty=True), encoding="utf-8")
        (partial / "preprocessor_config.json").write_text(json.dumps({"feature_size": dims["n_mels"]}))
        partial.rename(folder)
    except BadCheckpoint as error:
        raise HushdError("input_unreadable", f"{source} cannot be converted, {error}.") from error
    except ImportError as error:
        raise HushdError(
            "engine_missing", f"Converting requires CTranslate2 ({reason(error)}): {extra_command('faster-whisper')}."
        ) from error
    except OSError as error:
        if error.filename == str(source):
            raise HushdError("input_unreadable", f"{source} cannot be read ({error.strerror}).") from error
        raise HushdError("output_failed", f"{folder} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _dims(checkpoint: Checkpoint) -> dict[str, int]:
    dims = {name: checkpoint.dims.get(name) for name in _DIMS}
    for name, size in dims.items():
        if not isinstance(size, int) or not 0 < size < 1_000_000:
            raise BadCheckpoint(f"it has no valid {name}")
    return dims  # type: ignore[return-value]  # checked just above


class _Steps:
    """Counts a step for each layer, and three for the rest."""

    def __init__(self, dims: dict[str, int], report: Callable[[int, int], None] | None) -> None:
        self._done = 0
        self._total = dims["n_audio_layer"] + dims["n_text_layer"] + 3
        self._report = report

    def step(self) -> None:
        self._done += 1
        if self._report is not None:
            self._report(self._done, self._total)


def _model(checkpoint: Checkpoint, dims: dict[str, int], steps: _Steps) -> Any:
    """Returns CTranslate2's specification of the model, filled with the checkpoint's numbers."""
    with without_torch():
        from ctranslate2.specs.whisper_spec import WhisperSpec

    model = WhisperSpec(dims["n_audio_layer"], dims["n_audio_head"], dims["n_text_layer"], dims["n_text_head"])
    fill = _Filler(checkpoint)
    for half, name in ((model.encoder, "encoder"), (model.decoder, "decoder")):
        half.position_encodings.encodings = checkpoint.tensor(f"{name}.positional_embedding")
        for number, layer in enumerate(half.layer):
            fill.attention(layer.self_attention, f"{name}.blocks.{number}.attn")
            if name == "decoder":
                fill.attention(layer.attention, f"{name}.blocks.{number}.cross_attn", cross=True)
            fill.both(layer.ffn.layer_norm, f"{name}.blocks.{number}.mlp_ln", "gamma", "beta")
            fill.both(layer.ffn.linear_0, f"{name}.blocks.{number}.mlp.0")
            fill.both(layer.ffn.linear_1, f"{name}.blocks.{number}.mlp.2")
            steps.step()
    fill.both(model.encoder.conv1, "encoder.conv1")
    fill.both(model.encoder.conv2, "encoder.conv2")
    fill.both(model.encoder.layer_norm, "encoder.ln_post", "gamma", "beta")
    fill.both(model.decoder.layer_norm, "decoder.ln", "gamma", "beta")
    model.decoder.embeddings.weight = checkpoint.tensor("decoder.token_embedding.weight")
    model.decoder.projection.weight = model.decoder.embeddings.weight
    return model


class _Filler:
    """Copies layers of a checkpoint into layers of CTranslate2."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._tensor = checkpoint.tensor

    def both(self, layer: Any, name: str, weight: str = "weight", bias: str = "bias") -> None:
        setattr(layer, weight, self._tensor(f"{name}.weight"))
        setattr(layer, bias, self._tensor(f"{name}.bias"))

    def attention(self, layer: Any, name: str, cross: bool = False) -> None:
        """Copies an attention layer: self-attention has query, key and value in one matrix; with `cross`, key and value
        are in a second one."""
        import numpy as np

        weight = {part: self._tensor(f"{name}.{part}.weight") for part in ("query", "key", "value")}
        bias = {part: self._tensor(f"{name}.{part}.bias") for part in ("query", "value")}
        bias["key"] = np.zeros_like(bias["query"])
        for linear, parts in zip(
            layer.linear, (("query",), ("key", "value")) if cross else (("query", "key", "value"),), strict=False
        ):
            linear.weight = np.concatenate([weight[part] for part in parts])
            linear.bias = np.concatenate([bias[part] for part in parts])
        self.both(layer.linear[-1], f"{name}.out")
        self.both(layer.layer_norm, f"{name}_ln", "gamma", "beta")


def _describe(model: Any, words: Tokenizer, dims: dict[str, int], name: str) -> None:
    """Adds the tokens and the contents of `config.json`."""
    vocabulary = dims["n_vocab"]
    model.register_vocabulary([words.id_to_token(number) for number in range(vocabulary)])
    known = languages(vocabulary)
    start = words.token_to_id("<|startoftranscript|>")
    model.config.suppress_ids = _unspoken(words)
    model.config.suppress_ids_begin = [words.token_to_id("Ġ"), words.token_to_id("<|endoftext|>")]
    model.config.lang_ids = list(range(start + 1, start + 1 + len(known))) if len(known) > 1 else []
    model.config.alignment_heads = alignment_heads(name, dims["n_text_layer"], dims["n_text_head"], vocabulary)
    # Fine-tuning without times does not change their tokens' weights; a model that never learnt times has none.
    times = words.token_to_id("<|0.00|>")
    model.config.add_attribute("timestamps", bool(model.decoder.embeddings.weight[times:].any()))


def _unspoken(words: Tokenizer) -> list[int]:
    ids = {words.encode(text).ids[0] for text in (" -", " '")}  # inside words, but not at their start
    for symbol in (*_UNSPOKEN, *_NOTES):
        for encoded in (words.encode(symbol).ids, words.encode(" " + symbol).ids):
            if len(encoded) == 1 or symbol in _NOTES:
                ids.add(encoded[0])
    control = ("<|startoftranscript|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>")
    return sorted(ids | {words.token_to_id(token) for token in (*control, "<|nospeech|>")})
