"""What clients say about everything but their own requests: the supervisor, its workers, the floor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from .message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Message):
    """client -> supervisor: `status`, `describe`, `unload`, `shutdown`; `names` are the workers meant.

    `stop`, `cancel`, `pause` and `resume` concern who speaks: `names` are numbers of turns, clients, or `self`.

    Answered by `result` or `error`. Never counts as use of a worker.
    """

    TYPE: ClassVar[str] = "control"

    id: bytes
    action: str
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Message):
    """client -> supervisor: wants `devices` (`speaker`, `microphone`), all of them at once or none.

    Answered by `turn` whenever it changes who has them, and ended like a request by one `result` or `error`.
    """

    TYPE: ClassVar[str] = "claim"

    id: bytes
    devices: list[str]
    priority: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Message):
    """supervisor -> client: where a claim stands: `waiting`, `granted` or `paused`.

    `waiting` and `paused` after `granted` mean: be silent within a second, and say `yield`. `number` is the claim's
    name for people; `position` the place among those who wait, 0 for next.
    """

    TYPE: ClassVar[str] = "turn"

    id: bytes
    state: str
    number: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield(Message):
    """client -> supervisor: the devices of this claim are silent. `keep`: it wants them again, in its old place."""

    TYPE: ClassVar[str] = "yield"

    id: bytes
    keep: bool = False
