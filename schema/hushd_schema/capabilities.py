"""The capabilities of an engine, as a worker's `ready` reports them."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities(Record):
    """The abilities of a loaded worker; an engine reports those that apply.

    Attributes:
        languages: the tags of the languages that its model recognises.
        streaming: whether there is text before an utterance has ended.
        word_times: whether it can time each word.
        voices: the names of the installed voices.
        compute_device: `cpu`, `cuda`, `rocm`, `vulkan` or `mps`; empty if the engine cannot tell.
        suspends: whether its process on a card can be suspended by the driver, and goes on afterwards as before.
        why_there: the reason why it does not compute on a graphics card; empty for none.
    """

    engine: str = ""
    model: str = ""
    languages: tuple[str, ...] = ()
    streaming: bool = False
    word_times: bool = False
    voices: tuple[str, ...] = ()
    compute_device: str = ""
    why_there: str = ""
    suspends: bool = False
