"""The result of `pull`, `import` and `quantize`."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult(Record):
    """A model that is now installed.

    Attributes:
        model: its full name, ENGINE/NAME.
        size: its size in bytes.
        location: the folder that its files are relative to.
        changed: whether a pull with `update` brought new files; None otherwise.
    """

    model: str
    size: int
    location: str
    changed: bool | None = None
