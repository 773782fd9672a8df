"""`detect`: a worker detects words in live audio. It answers each word once it is detected, then the result.

Times are seconds of the audio sent.
"""

from typing import Annotated, TypeAlias, TypedDict

from hushd_protocol.values import Finite
from hushd_schema.description import MAX_WAKE_WORDS
from hushd_schema.kinds import Rule
from hushd_schema.operations import Field, Operation, fields
from hushd_schema.record import Record
from msgspec import Meta

MAX_WORD = 80  # characters


Words: TypeAlias = Annotated[
    tuple[str, ...],
    Meta(min_length=1, max_length=MAX_WAKE_WORDS),
    Rule(
        f"a list of 1 to {MAX_WAKE_WORDS} words or phrases of at most {MAX_WORD} characters",
        lambda words: all(0 < len(word.strip()) <= MAX_WORD for word in words),
    ),
]
Threshold: TypeAlias = Annotated[float, Meta(ge=0.01, le=0.999)]


class _Detect(TypedDict):
    """Parameters of `detect`."""

    words: Annotated[Words, Field("the words or phrases, such as `okay nabu`; left out: the model's first one")]
    threshold: Annotated[
        Threshold,
        Field(
            "how sure the model must be, 0.01 to 0.999: a higher one misses more words and mistakes fewer; left out: "
            "as each model's makers chose"
        ),
    ]
    rate: Annotated[int, Meta(ge=4_000, le=384_000), Field("of the samples: Hz, 16000", 16_000)]
    channels: Annotated[int, Meta(ge=1, le=16), Field("of the samples: 1", 1)]


DETECT = Operation("detect", fields(_Detect))


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
