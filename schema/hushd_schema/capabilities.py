"""The part of a worker's `ready` that its engine says of itself."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities(Record):
    """The abilities of a worker that has loaded; an engine says of them what applies.

    Attributes:
        languages: tags of those that its model hears.
        streaming: whether there is text before an utterance has ended.
        word_times: whether it knows when each word was said.
        voices: the names of those that are installed.
        compute_device: `cpu`, `cuda`, `rocm`, `vulkan` or `mps`; empty where the engine has no say in it.
        why_there: the reason why it does not compute on the card that might be; empty for none.
    """

    engine: str = ""
    model: str = ""
    languages: tuple[str, ...] = ()
    streaming: bool = False
    word_times: bool = False
    voices: tuple[str, ...] = ()
    compute_device: str = ""
    why_there: str = ""
