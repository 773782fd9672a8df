"""Warnings that a result may be wrong, for transcripts and speech alike."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningData(Record):
    """A `code` for programs, such as `unlikely_text`, and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Record):
    """A result that may have warnings."""

    warnings: tuple[WarningData, ...] = ()
