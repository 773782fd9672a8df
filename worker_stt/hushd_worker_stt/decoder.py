"""Handles options of Whisper's decoder, by their names on openai-whisper's command line.

Engines of Whisper's models get them as `Options.decoder`; `EngineInfo.options` names the ones that an engine uses. This
module applies the options about text from piece to piece, for every engine that takes a prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import Segment

_BETWEEN_PIECES = {"condition_on_previous_text", "carry_initial_prompt"}  # for recordings, with any engine's prompt
_MAX_PROMPT = 600  # characters of prompt and earlier text: less than the 223 tokens that Whisper reads


def unused(given: Mapping[str, Any], used: tuple[str, ...] | None, *, live: bool) -> list[str]:
    """Returns the options of `given` that an engine does not support, if it names the ones that it supports.

    Args:
        given: values by the names of `by_engine` fields of `transcribe` and of its `decoder`.
        used: `EngineInfo.options`.
    """
    if used is None:
        return []
    done = set(used) - _BETWEEN_PIECES
    if "prompt" in used and not live:
        done |= _BETWEEN_PIECES
    if given.get("temperature") is not None:
        done.add("temperature_increment")  # belongs to it
    return [name for name, value in given.items() if _asks(name, value) and name not in done]


def _asks(name: str, value: Any) -> bool:
    """Returns whether `value` differs from hushd's own value for every engine."""
    if name == "carry_initial_prompt":
        return value is False
    return value is not None and value is not False and value != "" and (name, value) != ("threads", 0)


class Context:
    """The text that the engine gets with each piece: the prompt and, if requested, the text before the piece.

    Args:
        prompt: the request's prompt, for each piece, unless `carry_initial_prompt` is false.
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
        """Returns the prompt for the next piece."""
        return f"{self._prompt} {self._said}".strip()

    def add(self, segments: Iterable[Segment]) -> None:
        """Adds the text of the last piece."""
        if not self._carried:
            self._prompt = ""
        if self._conditioned:
            spoken = " ".join([self._said, *(segment.text for segment in segments)])
            self._said = spoken[-max(1, _MAX_PROMPT - len(self._prompt)) :].strip()
