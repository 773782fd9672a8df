"""The two models behind diarization: speaker activity in ten seconds of audio, and embeddings of voices.

They are pyannote's speaker-diarization-community-1 (CC BY 4.0). The wheel of moonshine-voice includes them in its
library, whose own diarization takes longer than the audio lasts, since it embeds every voice thirty times. They are
read from the library and run by onnxruntime.
"""

from __future__ import annotations

import ctypes
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError, reason

from hushd_worker_stt.engine import RATE, Samples
from hushd_worker_stt.engines import moonshine

if TYPE_CHECKING:
    import numpy.typing as npt

    Activity = npt.NDArray[np.bool_]

WINDOW = 10 * RATE  # samples per call of the activity model
WINDOW_FRAMES = 589  # frames in a window
FRAME_STEP_SAMPLES = 270  # samples from one frame to the next: 17 ms
SPEAKERS_AT_ONCE = 3  # maximum speakers in a window
_FIELD = 991  # samples in the receptive field of a frame; the first field begins with the window

_CPU = ["CPUExecutionProvider"]
_INSTALL = extra_command("diarize")
_FEATURE_STEP_SAMPLES = 160  # samples from one row of features to the next
_BANDS = 80
_MIN_ROWS = 20  # rows of features for an embedding: 0.2 s


class DiarizationModels:
    """The two models, loaded permanently: 20 MB, and at most 55 more in use. The activity model is loaded at its first
    use, since live speech only needs the other. Raises `engine_missing` if a package that they need is not installed,
    or has another version."""

    def __init__(self) -> None:
        self._embedding = self._load("embedding")
        self._bands = _bands()
        self._shape = np.hamming(400).astype(np.float32)

    @cached_property
    def _activity(self) -> Any:
        return self._load("segmentation")

    def _load(self, name: str) -> Any:
        folder = moonshine.package()
        try:
            import onnxruntime  # noqa: PLC0415 - 0.1 s, for `diarize`
        except ImportError as error:
            raise _missing("onnxruntime is not installed") from error
        if folder is None:
            raise _missing("moonshine-voice is not installed")
        options = onnxruntime.SessionOptions()
        # A second thread saves a tenth of the time, for twice the work. The arena would keep the memory of the longest
        # speech, and a plan of memory would hold all of a run's at once.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.log_severity_level = 4
        try:
            library = ctypes.CDLL(str(folder / moonshine.NAME))
            return onnxruntime.InferenceSession(_model(library, name), options, _CPU)
        except Exception as error:  # onnxruntime's exceptions share no other base
            raise _missing(f"the models do not load from moonshine-voice: {reason(error)}") from error

    def activity(self, window: Samples) -> Activity:
        """Speaker activity in `window`, up to `WINDOW` samples: a row for each frame, a column for each speaker.

        The order of the columns means nothing and differs from window to window.
        """
        count = min(WINDOW_FRAMES, -(-len(window) // FRAME_STEP_SAMPLES))
        padded = np.pad(window, (0, WINDOW - len(window)))
        (activity,) = self._activity.run(None, {"waveforms": padded[None, None]})
        active: Activity = activity[0, :count] > 0.5
        return active

    def features(self, window: Samples) -> Samples:
        """The input of `embedding`: log energies of 80 bands every 10 ms, of at least 25 ms of audio."""
        frames = np.lib.stride_tricks.sliding_window_view(window * np.float32(32768), 400)[::_FEATURE_STEP_SAMPLES]
        frames = frames - frames.mean(axis=1, keepdims=True)
        emphasised = frames - np.float32(0.97) * np.concatenate((frames[:, :1], frames[:, :-1]), axis=1)
        power = np.square(np.abs(np.fft.rfft(emphasised * self._shape, 512))).astype(np.float32)
        energies: Samples = np.log(np.maximum(power @ self._bands, np.float32(1.2e-7)))
        return energies

    def embedding(self, features: Samples, spoken: npt.NDArray[np.bool_]) -> Samples | None:
        """The embedding, of length 1, of the voice in the `spoken` frames of `features`; None for too few."""
        # The network gets these rows alone: masking the others would take the time of the whole window.
        middle = np.arange(len(features)) * _FEATURE_STEP_SAMPLES + 200 - _FIELD // 2
        rows = features[spoken[np.clip(np.rint(middle / FRAME_STEP_SAMPLES).astype(int), 0, len(spoken) - 1)]]
        if len(rows) < _MIN_ROWS:
            return None
        rows = rows - rows.mean(axis=0)
        (embedding,) = self._embedding.run(None, {"fbank": rows[None], "weights": np.ones((1, len(rows)), np.float32)})
        unit: Samples = embedding[0] / max(float(np.linalg.norm(embedding[0])), 1e-9)
        return unit


def frame_time(frame: int) -> float:
    """Returns the second at which `frame` begins; both count from the start of the recording."""
    return max(0.0, (frame * FRAME_STEP_SAMPLES + (_FIELD - FRAME_STEP_SAMPLES) / 2) / RATE)


def _model(library: ctypes.CDLL, name: str) -> bytes:
    """Returns the bytes of a model, exported under its C++ name: cppannote::embedded_community1::NAME_ort_data. Raises
    ValueError if the library has no such symbol."""

    def symbol(suffix: str) -> str:
        return f"_ZN9cppannote19embedded_community1{len(name + suffix)}{name + suffix}E"

    size = ctypes.c_size_t.in_dll(library, symbol("_ort_data_size")).value
    return bytes((ctypes.c_char * size).in_dll(library, symbol("_ort_data")))


def _bands() -> Samples:
    """Returns Kaldi's mel filters, bins of the spectrum by bands."""

    def mel(hertz: Any) -> Any:
        return 1127 * np.log(1 + hertz / 700)

    low, high = mel(20), mel(RATE / 2)
    edges = low + (high - low) / (_BANDS + 1) * np.arange(_BANDS + 2)
    bins = mel(np.arange(257) * RATE / 512)[:, None]
    rise, fall = bins - edges[:-2], edges[2:] - bins
    width = edges[1] - edges[0]
    filters: Samples = np.maximum(0, np.minimum(rise, fall) / width).astype(np.float32)
    return filters


def _missing(why: str) -> HushdError:
    return HushdError("engine_missing", f"Speakers cannot be distinguished here ({why}): {_INSTALL}.")
