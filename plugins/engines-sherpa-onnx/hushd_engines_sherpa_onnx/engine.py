"""sherpa-onnx: Supertonic and Pocket TTS by ONNX Runtime; Apache-2.0.

Only this module depends on the package's API; one minor release is pinned, 2.0. Its library ends the process for many
invalid files or arguments, so models are checked before. The engine downloads nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hushd_models import advice
from hushd_models.installation import engine_command
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import footprint
from hushd_schema.engines import NoModel
from hushd_worker.errors import importing, load_error
from hushd_worker.quick_start import read_ahead
from hushd_worker_tts.engine import AudioChunk, Engine, Model, Samples, Voice

from . import inventory
from .folders import Described, Speaker, described
from .inventory import SPEC, voice_name

INSTALL = engine_command(SPEC)
_CANCEL_LOOK_INTERVAL_S = 0.1  # seconds between two checks for a cancel
_POCKET_RATE = 24_000  # Hz of the recordings whose voices Pocket TTS speaks with
_CLASSES = {"pocket": "OfflineTtsPocketModelConfig", "supertonic": "OfflineTtsSupertonicModelConfig"}


class SherpaOnnx(Engine):
    """The engine. It can only use less memory with another model; a worker speaks with the voices of one model."""

    SPEC = SPEC

    def __init__(self, model: str) -> None:
        self._model = model
        self._recordings: dict[str, Samples] = {}

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        here = inventory.here()
        names = sorted(here.keys() | SPEC.models.keys())
        return tuple(inventory.model(name, here.get(name), cls.available()) for name in names)

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        return tuple(inventory.voices()) if cls.available() else ()

    def load(self, report: Callable[[str], None]) -> None:
        report(f"{SPEC.name} and its model {self._model}")
        folder = inventory.find(self._model)
        if folder is not None:
            self._folder = folder
            try:
                self._described = described(folder)
            except (NoModel, OSError) as error:
                raise self._load_error(error) from error
            read_ahead(folder / name for name in self._described.files.values())
        with importing(f"The engine {SPEC.name} does not load", INSTALL):
            import sherpa_onnx

            from . import generation  # noqa: PLC0415 - imports numpy
        if folder is None:
            raise advice.missing(f"{SPEC.name}/{self._model}")
        try:
            config = _config(sherpa_onnx, folder, self._described)
            if not config.validate():
                raise NoModel("the library refuses it: `hushd logs` shows why")
            self._generation, self._package, self._tts = generation, sherpa_onnx, sherpa_onnx.OfflineTts(config)
        except Exception as error:
            raise self._load_error(error) from error

    def _load_error(self, error: Exception) -> HushdError:
        name, again = f"{SPEC.name}/{self._model}", f"replace {self._folder} by a complete copy"
        return load_error(name, error, install=INSTALL, again=again)

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        if voice.model != self._model:
            raise HushdError(
                "bad_request", f"The voice {voice.name} needs {SPEC.name}'s model {voice.model}, not {self._model}."
            )
        if not any(c.isalnum() for c in text):
            return
        speaker = self._speaker(voice)
        config = self._package.GenerationConfig()
        config.sid, config.speed, config.silence_scale = speaker.number, speed, 1.0
        if self._described.family == "supertonic":
            config.extra = {"lang": speaker.language}
        if speaker.recording:
            config.reference_audio = self._recording(self._folder / speaker.recording)
            config.reference_sample_rate = _POCKET_RATE
        yield from self._made(text.replace("\0", " "), config)

    def _speaker(self, voice: Voice) -> Speaker:
        return next(each for name, each in self._described.voices() if voice_name(self._model, name) == voice.name)

    def _made(self, text: str, config: Any) -> Iterator[AudioChunk]:
        """Yields pieces as the library makes them; meanwhile this thread checks whether the client has gone."""
        generation = self._generation.Generation(self._tts, text, config)
        try:
            while not generation.over:
                piece = generation.piece(_CANCEL_LOOK_INTERVAL_S)
                if piece is not None and len(piece):
                    yield AudioChunk(piece, self._tts.sample_rate)
                self.check()
        finally:
            generation.stop()

    def _recording(self, path: Path) -> Samples:
        """Returns the beginning of a voice's recording, at the model's rate."""
        try:
            key = f"{path} {path.stat().st_mtime_ns}"
            if key not in self._recordings:
                self._recordings[key] = self._generation.beginning(path, _POCKET_RATE)
        except self._generation.UNREADABLE as error:
            raise HushdError(
                "model_missing", f"The recording {path} of a voice cannot be read ({reason(error)}): replace it."
            ) from error
        return self._recordings[key]


def _config(package: Any, folder: Path, description: Described) -> Any:
    """Returns the package's description of the model."""
    files = {role: str(folder / name) for role, name in description.files.items()}
    threads = os.environ.get("OMP_NUM_THREADS", "")
    model = package.OfflineTtsModelConfig(
        **{description.family: getattr(package, _CLASSES[description.family])(**files)},
        num_threads=int(threads) if threads.isdecimal() and int(threads) else max(1, footprint.cores()),
        provider="cpu",
    )
    return package.OfflineTtsConfig(model=model, max_num_sentences=1)
