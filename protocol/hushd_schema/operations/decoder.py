"""`decoder`, a table in the parameters of `transcribe`: the options of Whisper's decoder.

They are named as on openai-whisper's command line; engines of Whisper's models use them.
"""

from typing import Any

from hushd_schema.kinds import Kind, above_zero, flag, is_number, number, text, whole
from hushd_schema.operations import Field, Operation, Option

WHISPER = "whisper"  # the section of a command's help
OFF = "off"  # disables a threshold; None at the command line


def _tokens(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.strip()]


def _or_off(low: float, high: float) -> Kind:
    return Kind(
        f"a number from {low:g} to {high:g}, or {OFF!r}",
        lambda value: value == OFF or (is_number(value) and low <= value <= high),
    )


def _option(
    kind: Kind,
    about: str,
    *,
    at_command: Kind | None = None,
    must_be: str = "",
    none: Any = NotImplemented,
    flag: str = "",
) -> Field:
    option = Option((flag,) if flag else (), "", "X", WHISPER, at_command, must_be, none)
    return Field(kind, about, by_engine=True, option=option)


DECODER = Operation(
    "decoder",
    {
        "best_of": _option(whole(1, 100), "the number of texts to sample when the temperature is not 0", none=1),
        "patience": _option(number(0.01, 100), "the patience of the beam search; 1 is usual", at_command=above_zero()),
        "length_penalty": _option(number(0, 1), "the preference for longer texts"),
        "no_repeat_ngram_size": _option(
            whole(1, 100),
            "with faster-whisper: no sequence of this many tokens repeats",
        ),
        "suppress_tokens": _option(
            Kind(
                "a list of whole numbers",
                lambda value: isinstance(value, list) and all(type(each) is int for each in value),
                parse=_tokens,
            ),
            "tokens to leave out, separated by commas; -1: symbols",
            must_be="numbers with commas between them",
        ),
        "temperature_increment": _option(
            _or_off(0.01, 1),
            "added to the temperature while the text is doubtful; None: try once",
            at_command=number(0.01, 1),
            none=OFF,
            flag="--temperature-increment-on-fallback",
        ),
        "compression_ratio_threshold": _option(
            _or_off(0, 1000),
            "more repetitive text is doubtful; default: 2.4",
            at_command=number(0, 1000),
            none=OFF,
        ),
        "logprob_threshold": _option(
            _or_off(-1000, 0),
            "less likely text is doubtful; default: -1",
            at_command=number(-1000, 0),
            none=OFF,
        ),
        "no_speech_threshold": _option(
            _or_off(0, 1),
            "above this, doubtful text counts as silence; default: 0.6",
            at_command=number(0, 1),
            none=OFF,
        ),
        "prepend_punctuations": _option(text(100), "marks that belong to the next word"),
        "append_punctuations": _option(text(100), "marks that belong to the previous word"),
        "hallucination_silence_threshold": _option(
            number(0, 3600),
            "with word times: skip longer silence around doubtful words",
            none=None,
        ),
        "threads": _option(
            whole(0, 1024),
            "with whisper: cores to use; default: the configuration's, which alone counts for faster-whisper",
        ),
        "condition_on_previous_text": _option(flag(), "give each piece the previous text; default: False"),
        "carry_initial_prompt": _option(
            flag(),
            "give every piece the initial prompt, not only the first; default: True",
        ),
    },
)
