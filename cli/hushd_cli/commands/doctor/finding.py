"""The result of a check: its state, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from hushd_protocol.errors import HushdError


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check.

    Attributes:
        state: `ok`; `note`, which may be intended; `warning`, for something that works less well; or `broken`.
        text: the observation, in a phrase.
        remedy: what to do about it; empty if nothing needs to be done.
        area: the part of hushd or of the machine; the table of checks sets it.
    """

    state: str
    text: str
    remedy: str = ""
    area: str = ""


Check = Callable[[], Iterator[Finding]]
ok, note, warning, broken = (partial(Finding, state) for state in ("ok", "note", "warning", "broken"))


def of_error(error: HushdError, remedy: str = "", state: str = "broken") -> Finding:
    """Returns an error as a finding; the remedy is the text after its last colon outside parentheses, else `remedy`."""
    sentence = error.message.rstrip(".")
    for place in range(len(sentence), 0, -1):
        before, after = sentence[:place], sentence[place:]
        if after.startswith(": ") and before.count("(") == before.count(")"):
            return Finding(state, before, after[2:])
    return Finding(state, sentence, remedy)
