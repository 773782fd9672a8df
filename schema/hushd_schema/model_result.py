"""The result of `pull`, `import` and `quantize`."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult(Record):
    """A model that is here now.

    Attributes:
        model: its full name, ENGINE/NAME.
        size: in bytes.
        location: the folder that its files are relative to.
        changed: of a pull with `update`, whether its files are new; else None.
    """

    model: str
    size: int
    location: str
    changed: bool | None = None
