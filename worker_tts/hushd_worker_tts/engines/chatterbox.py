"""chatterbox: models by Resemble AI that speak with the voice of a ten-second recording; MIT.

Its package pins torch 2.6 and numpy 1 (on Python before 3.13), so it usually has a separate environment, which hushd
starts by `[worker."tts/chatterbox"] command = …` (docs/MODELS.md). Its weights are a folder in hushd's models folder,
and so are the recordings. The engine downloads nothing. Its speech carries its makers' inaudible watermark.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from hushd_models import advice, catalogue, preferences, weights
from hushd_models.installation import engine_command, engine_installed, package_command
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system.paths import find
from hushd_schema import engines
from hushd_worker import compute_device
from hushd_worker.errors import importing, loading
from hushd_worker.quick_start import read_ahead
from hushd_worker.torch_loading import Unfilled, import_torch, mapped_weights

from hushd_worker_tts.engine import AudioChunk, Engine, Model, Voice, greeting

SPEC = engines.get("chatterbox")
INSTALL = engine_command(SPEC)
# The usual pace of reading aloud, which it cannot change; not measured, since its weights were not available.
WPM = 170
_WORD_BORDERS = "spacy_ontonotes.zip"  # spacy-pkuseg's file
_RECORDINGS = (".wav", ".flac", ".mp3", ".ogg")


_CLASSES = {  # the package's module and class for a model
    "english": ("chatterbox.tts", "ChatterboxTTS"),
    "multilingual": ("chatterbox.mtl_tts", "ChatterboxMultilingualTTS"),
    "turbo": ("chatterbox.tts_turbo", "ChatterboxTurboTTS"),
}
_KNOWN = {known.name: known for known in catalogue.of("chatterbox")}
_MANY = _KNOWN["multilingual"].languages


class Chatterbox(Engine):
    """The engine.

    Sentences take seconds without a graphics card, and cannot be interrupted: the worker of a cancelled job is ended
    after two seconds.
    """

    SPEC = SPEC

    def __init__(self, model: str) -> None:
        self._model = model
        self._tts: Any = None
        self._speakers: dict[str, Any] = {}  # the conditionals from each recording

    @classmethod
    def available(cls) -> bool:
        """Returns whether the package is here, or the configuration names the environment of its worker."""
        return super().available() or SPEC.name in preferences.engines_elsewhere(find().config)

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return Model.well_known(SPEC, lambda name: cls.available() and _find(name) is not None)

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        if not cls.available():
            return ()
        ready = {model.name for model in cls.models() if model.installed}

        def voice(name: str, language: str, speaker: str) -> Voice:
            model = "english" if language == "en" else "multilingual"
            return Voice(name, language, "", model, model in ready, greeting(language, speaker), WPM)

        tags = dict.fromkeys(("en", *_MANY))
        own = (voice("chatterbox" if tag == "en" else f"chatterbox-{tag}", tag, "Chatterbox") for tag in tags)
        recorded = (voice(name, tag, name.capitalize()) for name, (_, tag) in _recordings().items())
        return (*own, *recorded)

    def load(self, report: Callable[[str], None]) -> None:
        (module, kind), folder = _CLASSES[self._model], _find(self._model)
        if engine_installed(SPEC) and folder is None:
            raise advice.missing(f"chatterbox/{self._model}")
        read_ahead(folder.iterdir() if folder else ())
        with importing("The engine chatterbox does not load", INSTALL, AttributeError):
            torch = import_torch()
            package = getattr(importlib.import_module(module), kind)
            _check_watermarker()
            if self._model == "multilingual" and folder is not None:
                _keep_from_the_net(folder)
        self.compute_device = compute_device.of_torch(torch, prefers_mps=True)
        report(f"chatterbox's model {self._model} on {self.compute_device}")
        name = f"chatterbox/{self._model}"
        with loading(name, install=INSTALL, again=f"replace it by `hushd models pull {name}`"):
            self._tts = _made(torch, package, folder, compute_device.torch_name(self.compute_device))
        self._folder, self._speakers[""] = folder, self._tts.conds

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        import numpy as np

        if not any(c.isalnum() for c in text):
            return  # the package would speak a sentence about the empty text
        language = voice.language.partition("-")[0]
        if language not in _KNOWN[self._model].languages:
            raise HushdError(
                "bad_request", f"The voice {voice.name} needs chatterbox's model {voice.model}, not {self._model}."
            )
        self._tts.conds = self._speaker(voice)
        options = {"language_id": language} if self._model == "multilingual" else {}
        samples = self._tts.generate(text, **options).squeeze(0).cpu().numpy()
        if len(samples):
            yield AudioChunk(np.ascontiguousarray(samples, np.float32), int(self._tts.sr))

    def _speaker(self, voice: Voice) -> Any:
        recording = _recordings().get(voice.name)
        if recording is None:
            if self._speakers[""] is None:
                raise HushdError(
                    "model_missing",
                    f"Chatterbox's own voice (conds.pt) is not in {self._folder}: put it there, or name one "
                    f"of your recordings in {_voices_folder()}.",
                )
            return self._speakers[""]
        path, _ = recording
        key = f"{path} {path.stat().st_mtime_ns}"
        if key not in self._speakers:
            try:
                self._tts.prepare_conditionals(str(path))
            except Exception as error:
                raise HushdError(
                    "input_unreadable",
                    f"Chatterbox cannot use {path} as a voice ({reason(error)}): "
                    "it needs ten seconds of one person speaking.",
                ) from error
            self._speakers[key] = self._tts.conds
        return self._speakers[key]


def _made(torch: Any, package: Any, folder: Path | None, device: str) -> Any:
    """Returns the package's model, with weights that are pages of its files until they are copied to a card."""
    with suppress(Unfilled), mapped_weights(torch):
        return package.from_local(folder, device)
    return package.from_local(folder, device)


def _check_watermarker() -> None:
    """Checks the package perth, which hides failures of its own imports, so that every model would fail to load. Raises
    `engine_missing`."""
    if getattr(importlib.import_module("perth"), "PerthImplicitWatermarker", None) is None:
        how = package_command("setuptools<81")
        raise HushdError(
            "engine_missing",
            f"The engine chatterbox does not load, since its package perth lacks pkg_resources: {how}.",
        )


def _keep_from_the_net(folder: Path) -> None:
    """Makes the multilingual tokenizer read its table for Chinese from the model's folder instead of the hub.

    It also keeps the package from fetching a model for the borders of Chinese words from GitHub, since without a
    network the whole load would fail: the package works without borders if the finder of borders is not installed.
    """
    tokenizer = importlib.import_module("chatterbox.models.tokenizers.tokenizer")

    def beside(repo_id: str, filename: str, **others: object) -> str:
        if not (file := folder / filename).is_file():
            raise FileNotFoundError(file)  # the package logs it, and goes on without Chinese
        return str(file)

    tokenizer.hf_hub_download = beside  # type: ignore[attr-defined]
    home = Path(os.environ.get("PKUSEG_HOME", "~/.pkuseg")).expanduser()
    if not (home / _WORD_BORDERS).is_file():
        tokenizer.ChineseCangjieConverter._init_segmenter = lambda converter: None


# --- its files -------------------------------------------------------------------------------------------------------


def _voices_folder() -> Path:
    return weights.folder("chatterbox") / "voices"


def _find(model: str) -> Path | None:
    """Returns the folder of the complete model."""
    known = _KNOWN[model]
    places = (weights.folder("chatterbox") / model, *(place for place, _ in weights.kept(known.model)))
    return next((place for place in places if known.choose(weights.files_in(place))), None)


def _recordings() -> dict[str, tuple[Path, str]]:
    """Returns the user's recordings by name, with their languages: `anna.wav` speaks English, `anne.fr.wav` French."""
    sources: dict[str, tuple[Path, str]] = {}
    for path in sorted(_voices_folder().glob("*")):
        if path.suffix.lower() in _RECORDINGS and path.is_file():
            name, _, tag = path.stem.partition(".")
            sources.setdefault(name, (path, tag if tag in _MANY else "en"))
    return sources
