"""The base of all messages."""

from __future__ import annotations

from typing import ClassVar

from hushd_protocol.light_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message; `TYPE` is the value of the header's `type` key."""

    TYPE: ClassVar[str] = ""

    payload: bytes = b""
