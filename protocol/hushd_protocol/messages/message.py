"""What every message is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What all messages share. `TYPE` is the value of the header's `type` key."""

    TYPE: ClassVar[str] = ""

    payload: bytes = b""
