"""Identifies the spoken language by a second, small model, if the transcribing model cannot.

no language requested ─► the model tells ────────────────────────────► its language
                         │ it cannot, and knows several
                         ▼
                         a model that identifies languages is here ─► sure enough ─► the language
                         │ none: no cost                              │ not
                         ▼                                            ▼
                         the model's default, and no language in the result
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushd_models import languages
from hushd_models.installation import engine_command
from hushd_protocol.errors import HushdError, reason
from hushd_schema.engines import NoModel
from hushd_worker_stt.engine import RATE, DetectedLanguage, Samples

from . import inventory
from .ecapa import Ecapa
from .inventory import SPEC

# Seconds of speech at most: VoxLingua107's makers publish an accuracy of 85 % for them, with 107 languages.
MAX_IDENTIFIED_S = 5.0
MIN_IDENTIFIED_S = 0.5  # the library's minimum
# More likely than all other languages of the model together; the library's own tests require that of real speech.
MIN_PROBABILITY = 0.5
# The model's languages among all: the library's tests find less than 0.01 if another language is spoken.
MIN_LANGUAGE_SHARE = 0.1


class Identification:
    """Identifies which of a model's languages is spoken; loads its own model at the first use, and keeps it.
    `tags`: the languages of the transcribing model."""

    def __init__(self, tags: Sequence[str]) -> None:
        self._tags = tags
        self._loaded: tuple[tuple[str, int, int], Ecapa | HushdError] | None = None

    @property
    def possible(self) -> bool:
        """True if a model that identifies languages is on this machine."""
        return inventory.identifying() is not None

    def identify(self, samples: Samples) -> DetectedLanguage | None:
        """Returns the language spoken in `samples`, by their first `MAX_IDENTIFIED_S`; None if it cannot be identified.
        Raises `model_missing` or `engine_missing` if the identifying model cannot be used."""
        if len(samples) < MIN_IDENTIFIED_S * RATE or (ecapa := self._ecapa()) is None:
            return None
        import numpy as np

        known = {languages.code(tag) for tag in self._tags}
        labels = [label for label in ecapa.labels if languages.code(label) in known]
        if len(labels) < 2:
            return None
        first = np.nan_to_num(samples[: round(MAX_IDENTIFIED_S * RATE)], nan=0.0, posinf=1.0, neginf=-1.0)
        try:
            label, probability, share = ecapa.likeliest(np.ascontiguousarray(first, np.float32), labels)
        except RuntimeError as error:
            raise _unusable(reason(error)) from error
        tag = languages.find(label, self._tags)
        if tag is None or probability <= MIN_PROBABILITY or share < MIN_LANGUAGE_SHARE:
            return None
        return DetectedLanguage(tag, probability)

    def _ecapa(self) -> Ecapa | None:
        """Returns the installed model, loaded; None if there is none. A file that cannot be used is not tried again."""
        if (model := inventory.identifying()) is None:
            return None
        name, file = model
        try:
            info = file.stat()
        except OSError:
            return None  # the file has just been removed
        state = (str(file), info.st_mtime_ns, info.st_size)
        if self._loaded is None or self._loaded[0] != state:
            try:
                self._loaded = state, _load(name, file)
            except HushdError as error:
                self._loaded = state, error
        loaded = self._loaded[1]
        if isinstance(loaded, HushdError):
            raise HushdError(loaded.code, loaded.message)
        return loaded


def _load(name: str, file: Path) -> Ecapa:
    try:
        return Ecapa(file)
    except ImportError as error:
        raise HushdError(
            "engine_missing", f"The language was not identified ({reason(error)}): {engine_command(SPEC)}."
        ) from error
    except (NoModel, OSError, RuntimeError) as error:
        raise _unusable(reason(error), f": replace {file} by a complete copy") from error


def _unusable(why: str, advice: str = "") -> HushdError:
    return HushdError(
        "model_missing", f"The language was not identified, since its model cannot be used ({why}){advice}."
    )
