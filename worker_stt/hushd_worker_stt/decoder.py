"""Options of Whisper's decoder, by the names that openai-whisper's command line has for them, and what comes of them.

Engines of Whisper's models get them as `Options.decoder`; `EngineInfo.options` names those that an engine uses. What
concerns the text between pieces is done here, for every engine that takes a prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import Segment

_BETWEEN_PIECES = {"condition_on_previous_text", "carry_initial_prompt"}  # of recordings, with any engine's prompt
_LONGEST = 600  # characters of prompt and earlier text: less than the 223 tokens that Whisper reads


def unused(given: Mapping[str, Any], used: tuple[str, ...] | None, *, live: bool) -> list[str]:
    """Those of `given` that ask for something an engine does not do, where it says what it does.

    Args:
        given: values by the names of fields that are `by_engine`, of `transcribe` and of its `decoder`.
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
    """Returns whether `value` is another than hushd's own for every engine."""
    if name == "carry_initial_prompt":
        return value is False
    return value is not None and value is not False and value != "" and (name, value) != ("threads", 0)


class Context:
    """The text that the engine gets with each piece: the prompt and, where that is wanted, the text before.

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
        """True if the next piece's prompt depends on this one."""
        return self._conditioned or bool(self._prompt and not self._carried)

    @property
    def prompt(self) -> str:
        """The prompt of the next piece."""
        return f"{self._prompt} {self._said}".strip()

    def add(self, segments: Iterable[Segment]) -> None:
        """Takes the text of the piece before."""
        if not self._carried:
            self._prompt = ""
        if self._conditioned:
            spoken = " ".join([self._said, *(segment.text for segment in segments)])
            self._said = spoken[-max(1, _LONGEST - len(self._prompt)) :].strip()
