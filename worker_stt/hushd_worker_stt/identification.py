"""The spoken language, identified by a second, small model, where the one that writes it down cannot tell.

no language asked for ─► the model tells ────────────────────────────► its language
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
from typing import TYPE_CHECKING

from hushd_models import languages, verification
from hushd_models.installation import engine_command
from hushd_protocol.errors import HushdError, reason
from hushd_schema.engines import NoModel
from hushd_schema.engines.stt.transcribe_cpp import SPEC

from .engine import RATE, DetectedLanguage
from .engines import gguf_models

if TYPE_CHECKING:
    from .engine import Samples
    from .engines.ecapa import Ecapa

SECONDS = 5.0  # of speech at most: for so many VoxLingua107's makers publish its accuracy, 85 % of 107 languages
LEAST_S = 0.5  # the fewest that the library takes
# Likelier than all other languages of the model together; the library's own tests ask as much of real speech.
LEAST_PROBABILITY = 0.5
# Of the model's languages among all: the library's tests see less than 0.01 where another one is spoken.
LEAST_SHARE = 0.1


class Identification:
    """Identifies which of a model's languages is spoken; loads what it needs when it is first asked, and keeps it.

    Args:
        tags: the model's languages.
    """

    def __init__(self, tags: Sequence[str]) -> None:
        self._tags = tags
        self._loaded: tuple[tuple[str, int, int], Ecapa | HushdError] | None = None

    @property
    def possible(self) -> bool:
        """True if a model that identifies languages is on this machine."""
        return gguf_models.identifying() is not None

    def identify(self, samples: Samples) -> DetectedLanguage | None:
        """The language spoken in `samples`, of which the first `SECONDS` are looked at; None where nothing can tell.

        Raises:
            HushdError: `model_missing` or `engine_missing`: the model that identifies languages cannot be used.
        """
        if len(samples) < LEAST_S * RATE or (ecapa := self._ecapa()) is None:
            return None
        import numpy as np

        known = {languages.code(tag) for tag in self._tags}
        labels = [label for label in ecapa.labels if languages.code(label) in known]
        if len(labels) < 2:
            return None
        first = np.nan_to_num(samples[: round(SECONDS * RATE)], nan=0.0, posinf=1.0, neginf=-1.0)
        try:
            label, probability, share = ecapa.likeliest(np.ascontiguousarray(first, np.float32), labels)
        except RuntimeError as error:
            raise _unusable(reason(error)) from error
        tag = languages.find(label, self._tags)
        if tag is None or probability <= LEAST_PROBABILITY or share < LEAST_SHARE:
            return None
        return DetectedLanguage(tag, probability)

    def _ecapa(self) -> Ecapa | None:
        """The model that is here now, loaded; None without one. A file that cannot be used is not tried again."""
        if (model := gguf_models.identifying()) is None:
            return None
        name, file = model
        try:
            info = file.stat()
        except OSError:
            return None  # it has just gone
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
    from .engines.ecapa import Ecapa

    verification.before_load(SPEC.name, name, lambda note: None)
    try:
        return Ecapa(file)
    except ImportError as error:
        raise HushdError(
            "engine_missing", f"The language was not identified ({reason(error)}): {engine_command(SPEC)}."
        ) from error
    except (NoModel, OSError, RuntimeError) as error:
        raise _unusable(reason(error), f": replace {file} by a whole copy") from error


def _unusable(why: str, advice: str = "") -> HushdError:
    return HushdError(
        "model_missing", f"The language was not identified, since its model cannot be used ({why}){advice}."
    )
