"""The base of all messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message; `TYPE` is the value of the header's `type` key."""

    TYPE: ClassVar[str] = ""

    payload: bytes = b""
