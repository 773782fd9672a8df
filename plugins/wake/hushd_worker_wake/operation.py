"""`detect`: a worker detects words in live audio. It answers each word once it is detected, then the result.

Times are seconds of the audio sent.
"""

from __future__ import annotations

from hushd_protocol.values import Finite
from hushd_schema.description import MAX_WAKE_WORDS
from hushd_schema.kinds import Kind, number, whole
from hushd_schema.operations import Field, Operation
from hushd_schema.record import Record

MAX_WORD = 80  # characters


def _is_words(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_WAKE_WORDS
        and all(isinstance(word, str) and 0 < len(word.strip()) <= MAX_WORD for word in value)
    )


WORDS = Kind(
    f"a list of 1 to {MAX_WAKE_WORDS} words or phrases of at most {MAX_WORD} characters",
    _is_words,
    tuple,
    form={"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_WAKE_WORDS},
)
THRESHOLD = number(0.01, 0.999)
DETECT = Operation(
    "detect",
    {
        "words": Field(WORDS, "the words or phrases, such as `okay nabu`; left out: the model's first one"),
        "threshold": Field(
            THRESHOLD,
            "how sure the model must be, 0.01 to 0.999: a higher one misses more words and mistakes fewer; left out: "
            "as each model's makers chose",
        ),
        "rate": Field(whole(4_000, 384_000), "of the samples: Hz, 16000", 16_000),
        "channels": Field(whole(1, 16), "of the samples: 1", 1),
    },
)


class Detection(Record, frozen=True, kw_only=True):
    """A detected word; times are seconds of the audio.

    Attributes:
        word: as in the request.
        name: the model's own name for it, such as `okay_nabu`.
        at: when the worker was sure of it.
        end: where to continue listening: the beginning of the pause after the word or, without a pause, of the word
            itself.
        probability: the model's; None if it reports none.
    """

    kind: str
    word: str
    name: str
    at: Finite
    end: Finite
    probability: Finite | None = None


class DetectionResult(Record, frozen=True, kw_only=True):
    """The result of `detect`: the seconds of audio, and the number of words."""

    duration: Finite
    detections: int
