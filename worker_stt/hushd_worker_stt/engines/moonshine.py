"""Moonshine: a small English model inside its wheel, fast on a CPU."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from hushd_models.installation import extra_command, package_command
from hushd_protocol.errors import HushdError
from hushd_schema import engines
from hushd_worker.errors import load_error

from hushd_worker_stt import habits
from hushd_worker_stt.engine import RATE, Engine, EngineInfo, LevelRange, Options, PieceLength, Segment

from . import libmoonshine

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

SPEC = engines.get("moonshine")
_TINY = 0  # MOONSHINE_MODEL_ARCH_TINY
_HOP = 1600  # samples that the transcriber takes at a time; it drops a shorter remainder
# The whole piece is one line, since the library's own segmentation drops quiet speech (36 % of the words of ten clips
# were wrong with it, 12 % without). A hop of 512 copies the piece so far 31 times a second, 1600 only 10 times.
_WHOLE = {
    "vad_threshold": "0",
    "vad_max_segment_duration": "120",
    "vad_hop_size": str(_HOP),
    "vad_look_behind_sample_count": str(_HOP),
    "identify_speakers": "false",
    "return_audio_data": "false",
}


class Moonshine(Engine):
    """The engine `moonshine`. It has no word times, since the wheel contains no alignment model."""

    INFO = EngineInfo.of(SPEC, streaming=True, options=())
    # On ten minutes of read speech 3 to 10 s lost words at the edges; 8 to 15 s made 2.9 % errors at a peak of 293 MB,
    # 10 to 20 s made 3.1 % at 377 MB, since an encoder's memory grows with the square of the piece.
    PIECE = PieceLength(8.0, 15.0)
    # 268 instead of 330 MB at the peak, and 4 to 5 instead of 2 % errors in a paragraph read aloud.
    PIECE_ECONOMY = PieceLength(5.0, 10.0)
    # At 0.35, without clipping, 14.3 instead of 16.0 % of the words of five clips are wrong, over twelve beginnings and
    # levels, but with loud rumble 20.6 and 21.5 instead of 18.7 and 15.0 %: docs/BENCHMARKS.md.
    LEVEL = LevelRange(0.7, 0.7)
    HABITS = habits.MOONSHINE

    @classmethod
    def installed(cls, model: str) -> bool:
        folder = libmoonshine.package()
        return folder is not None and (folder / "assets" / model / "encoder_model.ort").is_file()

    @staticmethod
    def preload() -> None:
        """Loads the library, for a template."""
        if folder := libmoonshine.package():
            libmoonshine.Library(folder)

    def load(self, model: str, report: Callable[[str], None]) -> None:
        folder = libmoonshine.package()
        if folder is None:
            raise HushdError("engine_missing", f"The engine 'moonshine' is not installed: {self.INFO.install}.")
        if not self.installed(model):
            raise HushdError(
                "model_missing",
                f"The installed moonshine-voice does not contain the model {model!r}: "
                f"{package_command('moonshine-voice==0.1.0')}.",
            )
        try:
            library = libmoonshine.Library(folder)
        except OSError as error:
            raise HushdError(
                "engine_missing",
                "Moonshine's library does not load here, it needs Linux with glibc 2.34 or macOS 15 on arm64 "
                f"({error}): {extra_command('whisper')} instead.",
            ) from error
        report("loading the model")
        try:
            self._transcriber = libmoonshine.Transcriber(library, folder / "assets" / model, _TINY, _WHOLE)
        except RuntimeError as error:
            raise load_error(
                f"moonshine/{model}", error, install=self.INFO.install, again="reinstall moonshine-voice"
            ) from error

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        if text := self._transcriber.text(_whole_hops(samples), RATE):
            # The model sometimes repeats commas.
            yield Segment(0.0, len(samples) / RATE, re.sub(",+", ",", text))


def _whole_hops(samples: Samples) -> Samples:
    import numpy as np

    return np.pad(samples, (0, -len(samples) % _HOP))
