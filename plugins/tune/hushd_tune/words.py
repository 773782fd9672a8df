"""The words that a model heard wrongly: jiwer aligns them, after whisper-normalizer has made both texts alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hushd_models import languages
from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from jiwer import AlignmentChunk

_SPACELESS = {"ja", "km", "lo", "my", "th", "yue", "zh"}  # written without spaces: their letters count as words


Normalise = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Compared:
    """A sentence and its transcript.

    Attributes:
        words: of the sentence.
        errors: words that were replaced, left out or added.
        marked: the sentence with its errors, as `git diff --word-diff` shows them; empty without any.
    """

    words: int
    errors: int
    marked: str


def normaliser(language: str) -> Normalise:
    """Returns a function that brings texts of a language into the form in which they are compared. Raises
    `engine_missing` if the extra is not installed."""
    try:
        import jiwer  # noqa: F401  # needed later, and said at once

        with warnings.catch_warnings(action="ignore"):  # the package warns about an escape in a docstring of its own
            from whisper_normalizer.basic import BasicTextNormalizer
            from whisper_normalizer.english import EnglishTextNormalizer
    except ImportError as error:
        raise HushdError("engine_missing", f"Counting wrong words takes an extra: {extra_command('tune')}.") from error
    code = languages.code(language)
    spaceless = code in _SPACELESS
    normalise: Normalise = (
        EnglishTextNormalizer() if code == "en" else BasicTextNormalizer(split_letters=spaceless, preserve_marks=True)
    )
    return normalise


def compare(sentence: str, heard: str, normalise: Normalise) -> Compared:
    from jiwer import process_words

    output = process_words(normalise(sentence), normalise(heard))
    errors = output.substitutions + output.deletions + output.insertions
    (reference,), (hypothesis,), (chunks,) = output.references, output.hypotheses, output.alignments
    return Compared(len(reference), errors, _marked(reference, hypothesis, chunks) if errors else "")


def _marked(reference: Sequence[str], hypothesis: Sequence[str], chunks: Sequence[AlignmentChunk]) -> str:
    parts = []
    for chunk in chunks:
        spoken = " ".join(reference[chunk.ref_start_idx : chunk.ref_end_idx])
        heard = " ".join(hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx])
        if chunk.type == "equal":
            parts.append(spoken)
        else:
            parts.append((f"[-{spoken}-]" if spoken else "") + (f"{{+{heard}+}}" if heard else ""))
    return " ".join(parts)
