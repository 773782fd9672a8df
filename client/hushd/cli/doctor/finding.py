"""One thing that was looked at: how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

STATES = ("ok", "note", "warning", "broken")


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check.

    Attributes:
        area: the part of hushd or of the machine.
        state: `ok`; `note`, which may be as the user wants it; `warning`, with which something works less well; or
            `broken`.
        text: what was found, one phrase.
        remedy: what to do about it; empty where nothing needs to be done.
    """

    area: str
    state: str
    text: str
    remedy: str = ""


Check = Callable[[], Iterator[Finding]]
