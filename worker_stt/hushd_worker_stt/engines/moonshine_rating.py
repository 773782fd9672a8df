"""Rates how sure Moonshine is of its words, and of others, which its library does not report: onnxruntime runs the same
model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from hushd_worker_stt.engine import Samples

_BEGIN_TOKEN, _END_TOKEN = 1, 2
_LONGEST = 194  # tokens of a text, by the model's own limit
_HEAD = (1, 8, 0, 36)  # the shape of what a head of the decoder has seen before the first token


class Rating:
    """Rates speech. It keeps 110 MB until it is dropped, and takes a third of a second of computing to load. Raises
    ImportError if onnxruntime is not installed."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.add_session_config_entry("session.disable_prepacking", "1")  # loads in two thirds of the time
        options.log_severity_level = 4

        def loaded(name: str) -> Any:
            return onnxruntime.InferenceSession(str(folder / name), options, ["CPUExecutionProvider"])

        self._encoder, self._decoder = loaded("encoder_model.ort"), loaded("decoder_model_merged.ort")
        self._past = [each.name for each in self._decoder.get_inputs() if each.name.startswith("past_key_values")]
        self._folder = folder

    def __call__(self, samples: Samples) -> float:
        """Returns the mean log probability of the tokens that the model reads in `samples`."""
        heard, mask = self._encoded(samples)
        past = dict.fromkeys(self._past, np.zeros(_HEAD, np.float32))
        token, total, made = _BEGIN_TOKEN, 0.0, 0
        while token != _END_TOKEN and made < _LONGEST:
            logits, *present = self._decoder.run(
                None,
                {
                    "input_ids": np.array([[token]]),
                    "encoder_hidden_states": heard,
                    "encoder_attention_mask": mask,
                    "use_cache_branch": np.array([made > 0]),
                    **past,
                },
            )
            # The decoder's memory of the sound comes with the first token alone.
            seen = dict(zip(self._past, present, strict=True))
            past = {name: past[name] if made and ".encoder." in name else seen[name] for name in self._past}
            row = logits[0, -1].astype(np.float64)
            token, made = int(row.argmax()), made + 1
            if token != _END_TOKEN:
                total -= np.log(np.exp(row - row.max()).sum())
        return float(total / max(1, made - 1))

    def score(self, samples: Samples, texts: Sequence[str]) -> list[float]:
        """Returns the log probability of each text."""
        heard, mask = self._encoded(samples)
        nothing = dict.fromkeys(self._past, np.zeros(_HEAD, np.float32))
        scores = []
        for text in texts:
            tokens = self._tokens(text)[: _LONGEST - 1]
            given = {"input_ids": np.array([[_BEGIN_TOKEN, *tokens]]), "use_cache_branch": np.array([False])}
            encoded = {"encoder_hidden_states": heard, "encoder_attention_mask": mask}
            rows = self._decoder.run(["logits"], given | encoded | nothing)[0][0].astype(np.float64)
            most = rows.max(axis=-1)
            norms = most + np.log(np.exp(rows - most[:, None]).sum(axis=-1))
            scores.append(float((rows[np.arange(len(rows)), [*tokens, _END_TOKEN]] - norms).sum()))
        return scores

    def _encoded(self, samples: Samples) -> tuple[Any, Any]:
        sound = samples[None].astype(np.float32)
        mask = np.ones(sound.shape, np.int64)
        (heard,) = self._encoder.run(None, {"input_values": sound, "attention_mask": mask})
        return heard, mask

    def _tokens(self, text: str) -> list[int]:
        """Returns the tokens of a text, as SentencePiece's pair encoding has them: of two neighbours that are a token
        those with the lowest number first; a sign that is none is its bytes."""
        known = self._vocabulary
        signs = [sign.encode() for sign in " ".join(["", *text.split()]).replace(" ", "▁")]
        parts = [part for sign in signs for part in ([sign] if sign in known else [bytes([b]) for b in sign])]
        while pairs := [(known[a + b], n) for n, (a, b) in enumerate(pairwise(parts)) if a + b in known]:
            _, at = min(pairs)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return [known[part] for part in parts]

    @cached_property
    def _vocabulary(self) -> dict[bytes, int]:
        """The tokens' numbers; the file has each after its length: a byte, or two of which the first is over 127."""
        data, at, numbers = (self._folder / "tokenizer.bin").read_bytes(), 0, dict[bytes, int]()
        for number in count():
            if at >= len(data):
                break
            length, at = data[at], at + 1
            if length > 127:
                length, at = data[at] * 128 + length - 128, at + 1
            numbers[data[at : at + length]] = number
            at += length
        return numbers
