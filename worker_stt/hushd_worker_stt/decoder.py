"""Options of Whisper's decoder, by the names that openai-whisper's command line has for them, and what comes of them.

Engines of Whisper's models get them as `Options.decoder`; `EngineInfo.options` names those that an engine uses. What
concerns the text between pieces is done here, for every engine that takes a prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hushd_models.params import Kind, flag, is_number, number, text, whole

if TYPE_CHECKING:
    from .engine import Segment

OFF = "off"  # a threshold that is not to be used; the command line's None
_BETWEEN_PIECES = {"condition_on_previous_text", "carry_initial_prompt"}  # of recordings, with any engine's prompt
_LONGEST = 600  # characters of prompt and earlier text: less than the 223 tokens that Whisper reads


def _or_off(low: float, high: float) -> Kind:
    return Kind(
        f"a number from {low:g} to {high:g}, or {OFF!r}",
        lambda value: value == OFF or (is_number(value) and low <= value <= high),
    )


KINDS = {
    "best_of": whole(1, 100),
    "patience": number(0.01, 100),
    "length_penalty": number(0, 1),
    "suppress_tokens": Kind(
        "a list of whole numbers", lambda value: isinstance(value, list) and all(type(one) is int for one in value)
    ),
    "temperature_increment": _or_off(0.01, 1),
    "compression_ratio_threshold": _or_off(0, 1000),
    "logprob_threshold": _or_off(-1000, 0),
    "no_speech_threshold": _or_off(0, 1),
    "condition_on_previous_text": flag(),
    "carry_initial_prompt": flag(),
    "prepend_punctuations": text(100),
    "append_punctuations": text(100),
    "hallucination_silence_threshold": number(0, 3600),
    "threads": whole(0, 1024),
}
ALL = ("prompt", "hotwords", "beam_size", "temperature", *KINDS)  # that an engine may or may not use


def unused(given: Mapping[str, Any], used: tuple[str, ...] | None, *, live: bool) -> list[str]:
    """Those of `given` that ask for something an engine does not do, where it says what it does.

    Args:
        given: values by names of `ALL`.
        used: `EngineInfo.options`.
    """
    if used is None:
        return []
    done = set(used) - _BETWEEN_PIECES
    if "prompt" in used and not live:
        done |= _BETWEEN_PIECES
    if given.get("temperature") is not None:
        done.add("temperature_increment")  # goes along with it
    return [name for name, value in given.items() if _asks(name, value) and name not in done]


def _asks(name: str, value: Any) -> bool:
    """Whether `value` is another than hushd's own for every engine."""
    if name == "carry_initial_prompt":
        return value is False
    return value is not None and value is not False and value != "" and (name, value) != ("threads", 0)


class Context:
    """The text that the engine gets with each piece: the prompt and, where that is wanted, what was said before.

    Args:
        prompt: the request's; it goes along with each piece, unless `carry_initial_prompt` is false.
        decoder: the request's options, by their names.
    """

    def __init__(self, prompt: str, decoder: Mapping[str, Any]) -> None:
        self._prompt = prompt
        self._carried = decoder.get("carry_initial_prompt", True)
        self._conditioned = decoder.get("condition_on_previous_text", False)
        self._said = ""

    @property
    def changes(self) -> bool:
        """Whether the next piece's prompt depends on this one."""
        return self._conditioned or bool(self._prompt and not self._carried)

    @property
    def prompt(self) -> str:
        """The prompt of the next piece."""
        return f"{self._prompt} {self._said}".strip()

    def add(self, segments: Iterable[Segment]) -> None:
        """Takes what was said in the piece before."""
        if not self._carried:
            self._prompt = ""
        if self._conditioned:
            said = " ".join([self._said, *(segment.text for segment in segments)])
            self._said = said[-max(1, _LONGEST - len(self._prompt)) :].strip()
