"""`decoder`, a table in the parameters of `transcribe`: the options of Whisper's decoder.

They are named as on openai-whisper's command line; engines of Whisper's models use them.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

from msgspec import Meta

from hushd_schema.operations import Field, Operation, Option, fields

WHISPER = "whisper"  # the section of a command's help
OFF = "off"  # disables a threshold; None at the command line
_Off: TypeAlias = Literal["off"]
_Marks: TypeAlias = Annotated[str, Meta(max_length=100)]


def _tokens(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.strip()]


def _field(
    about: str,
    *,
    parse: Callable[[str], Any] | None = None,
    must_be: str = "",
    none: Any = NotImplemented,
    flag: str = "",
) -> Field:
    option = Option((flag,) if flag else (), "", "X", WHISPER, None, parse, must_be, none)
    return Field(about, by_engine=True, option=option)


class _Decoder(TypedDict):
    """Options of the decoder."""

    best_of: Annotated[
        int, Meta(ge=1, le=100), _field("the number of texts to sample when the temperature is not 0", none=1)
    ]
    patience: Annotated[float, Meta(ge=0.01, le=100), _field("the patience of the beam search; 1 is usual")]
    length_penalty: Annotated[float, Meta(ge=0, le=1), _field("the preference for longer texts")]
    no_repeat_ngram_size: Annotated[
        int, Meta(ge=1, le=100), _field("with faster-whisper: no sequence of this many tokens repeats")
    ]
    suppress_tokens: Annotated[
        Sequence[int],
        _field(
            "tokens to leave out, separated by commas; -1: symbols",
            parse=_tokens,
            must_be="numbers with commas between them",
        ),
    ]
    temperature_increment: Annotated[
        Annotated[float, Meta(ge=0.01, le=1)] | _Off,
        _field(
            "added to the temperature while the text is doubtful; None: try once",
            none=OFF,
            flag="--temperature-increment-on-fallback",
        ),
    ]
    compression_ratio_threshold: Annotated[
        Annotated[float, Meta(ge=0, le=1000)] | _Off, _field("more repetitive text is doubtful; default: 2.4", none=OFF)
    ]
    logprob_threshold: Annotated[
        Annotated[float, Meta(ge=-1000, le=0)] | _Off, _field("less likely text is doubtful; default: -1", none=OFF)
    ]
    no_speech_threshold: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | _Off,
        _field("above this, doubtful text counts as silence; default: 0.6", none=OFF),
    ]
    prepend_punctuations: Annotated[_Marks, _field("marks that belong to the next word")]
    append_punctuations: Annotated[_Marks, _field("marks that belong to the previous word")]
    hallucination_silence_threshold: Annotated[
        float, Meta(ge=0, le=3600), _field("with word times: skip longer silence around doubtful words", none=None)
    ]
    threads: Annotated[
        int,
        Meta(ge=0, le=1024),
        _field("with whisper: cores to use; default: the configuration's, which alone counts for faster-whisper"),
    ]
    condition_on_previous_text: Annotated[bool, _field("give each piece the previous text; default: False")]
    carry_initial_prompt: Annotated[
        bool, _field("give every piece the initial prompt, not only the first; default: True")
    ]


DECODER = Operation("decoder", fields(_Decoder))
