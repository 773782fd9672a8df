"""Rates how sure Moonshine is of its words, which its library does not report: onnxruntime runs the same model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

_BEGIN, _END = 1, 2  # tokens
_LONGEST = 194  # tokens of a text, by the model's own limit
_HEAD = (1, 8, 0, 36)  # the shape of what a head of the decoder has seen before the first token


class Rating:
    """Rates speech. It keeps 110 MB until it is dropped, and takes a third of a second of computing to load.

    Raises:
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.add_session_config_entry("session.disable_prepacking", "1")  # loads in two thirds of the time
        options.log_severity_level = 4

        def loaded(name: str) -> Any:
            return onnxruntime.InferenceSession(str(folder / name), options, ["CPUExecutionProvider"])

        self._encoder, self._decoder = loaded("encoder_model.ort"), loaded("decoder_model_merged.ort")
        self._past = [each.name for each in self._decoder.get_inputs() if each.name.startswith("past_key_values")]

    def __call__(self, samples: Samples) -> float:
        """Returns the mean log probability of the tokens that the model reads in `samples`."""
        sound = samples[None].astype(np.float32)
        (heard,) = self._encoder.run(None, {"input_values": sound, "attention_mask": np.ones(sound.shape, np.int64)})
        mask = np.ones(sound.shape, np.int64)
        past = dict.fromkeys(self._past, np.zeros(_HEAD, np.float32))
        token, total, count = _BEGIN, 0.0, 0
        while token != _END and count < _LONGEST:
            logits, *present = self._decoder.run(
                None,
                {
                    "input_ids": np.array([[token]]),
                    "encoder_hidden_states": heard,
                    "encoder_attention_mask": mask,
                    "use_cache_branch": np.array([count > 0]),
                    **past,
                },
            )
            # What the decoder has seen of the sound comes with the first token alone.
            seen = dict(zip(self._past, present, strict=True))
            past = {name: past[name] if count and ".encoder." in name else seen[name] for name in self._past}
            row = logits[0, -1].astype(np.float64)
            token, count = int(row.argmax()), count + 1
            if token != _END:
                total -= np.log(np.exp(row - row.max()).sum())
        return float(total / max(1, count - 1))
