"""Moonshine: a small English model inside its wheel, quick on a CPU, with the Silero voice detector beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError

from ..engine import FRAME, RATE, Engine, EngineInfo, ModelInfo, Segment
from . import libmoonshine

if TYPE_CHECKING:
    from ..engine import Samples

_INSTALL = "pip install 'hushd[stt]'"
_TINY = 0  # MOONSHINE_MODEL_ARCH_TINY
_HOP = 1600  # samples: what the transcriber takes at a time, and loses if less is left over
# The whole piece is one line: the library's own segmentation drops quiet speech (36 % of the words of ten clips
# were wrong with it, 12 % without). Its hop of 512 copies the piece so far 31 times a second; 1600 does 10 times.
_WHOLE = {
    "vad_threshold": "0",
    "vad_max_segment_duration": "120",
    "vad_hop_size": str(_HOP),
    "vad_look_behind_sample_count": str(_HOP),
    "identify_speakers": "false",
    "return_audio_data": "false",
}
# Silero alone. Averaged over 0.1 s at 0.3 it finds levelled speech however quiet it was, and none in levelled noise,
# hum or clicks.
_DETECT = {
    "skip_transcription": "true",
    "vad_threshold": "0.3",
    "vad_window_duration": "0.1",
    "vad_hop_size": str(FRAME),
    "vad_look_behind_sample_count": str(FRAME),
    "identify_speakers": "false",
    "return_audio_data": "false",
}
_SPOKEN = 4  # frames of speech, 0.13 s, that make a piece worth transcribing
_MARGIN = RATE // 5  # samples of quiet kept around speech


class SileroDetector:
    """Silero as the library runs it, one stream of it."""

    def __init__(self, transcriber: libmoonshine.Transcriber) -> None:
        import numpy as np

        self._transcriber = transcriber
        self._stream = transcriber.open_stream()
        # All streams share one network, which still hears what the last of them ended with: 12 frames of noise
        # after speech were taken for speech.
        for _ in range(16):
            self.feed(np.zeros(FRAME, np.float32))

    def feed(self, frame: Samples) -> bool:
        return self._transcriber.speaks(self._stream, frame, RATE)

    def close(self) -> None:
        self._transcriber.close_stream(self._stream)


class Moonshine(Engine):
    """The engine `moonshine`. No word times: the wheel carries no alignment model."""

    INFO = EngineInfo(
        name="moonshine",
        install=_INSTALL,
        default_model="tiny-en",
        models=(ModelInfo("tiny-en", languages=("en",), memory_mb=300, embedded=True),),
        streaming=True,
        word_times=False,
    )

    @classmethod
    def installed(cls, model: str) -> bool:
        folder = libmoonshine.package()
        return folder is not None and (folder / "assets" / model / "encoder_model.ort").is_file()

    def load(self, model: str, report: Callable[[str], None]) -> None:
        folder = libmoonshine.package()
        if folder is None:
            raise HushdError("engine_missing", f"The engine 'moonshine' is not installed: {_INSTALL}.")
        if not self.installed(model):
            raise HushdError(
                "model_missing",
                f"The installed moonshine-voice does not carry the model {model!r}: "
                "pip install 'moonshine-voice==0.1.0'.",
            )
        try:
            library = libmoonshine.Library(folder)
        except OSError as error:
            raise HushdError(
                "engine_missing",
                "Moonshine's library does not load here, it needs Linux with glibc 2.34 or macOS 15 on arm64 "
                f"({error}): pip install 'hushd[whisper]' instead.",
            ) from error
        report("loading the model")
        try:
            self._transcriber = libmoonshine.Transcriber(library, folder / "assets" / model, _TINY, _WHOLE)
            self._silero = libmoonshine.Transcriber(library, folder / "assets" / model, _TINY, _DETECT)
        except RuntimeError as error:
            raise HushdError(
                "model_missing", f"The model {model!r} does not load ({error}): reinstall moonshine-voice."
            ) from error

    def transcribe(self, audio: Iterable[Samples], language: str | None = None) -> Iterator[Segment]:
        # Imported here, since --describe imports this module and must not import numpy.
        from ..level import normalise, trim
        from ..pieces import LONGEST_ECONOMY_S, SHORTEST_ECONOMY_S, cut

        for piece in cut(audio, SHORTEST_ECONOMY_S, LONGEST_ECONOMY_S) if self.economy else cut(audio):
            # What fits into one short piece is done as always.
            self.degraded = self.degraded or (self.economy and piece.start > 0)
            offset, samples = trim(normalise(piece.samples), _MARGIN)
            if not self._spoken(samples):
                continue
            text = self._transcriber.text(_whole_hops(samples), RATE)
            if text:
                start = piece.start + offset / RATE
                yield Segment(start, start + len(samples) / RATE, text)

    def detector(self) -> SileroDetector:
        return SileroDetector(self._silero)

    def _spoken(self, samples: Samples) -> bool:
        """Whether anybody speaks in `samples`; the model makes up sentences for noise. Ends at the first syllable."""
        detector, spoken = self.detector(), 0
        try:
            for start in range(0, len(samples) - FRAME + 1, FRAME):
                spoken += detector.feed(samples[start : start + FRAME])
                if spoken >= _SPOKEN:
                    return True
            return False
        finally:
            detector.close()


def _whole_hops(samples: Samples) -> Samples:
    import numpy as np

    return np.pad(samples, (0, -len(samples) % _HOP))
