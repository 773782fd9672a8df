"""The result of a check: its state, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass

STATES = ("ok", "note", "warning", "broken")


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check.

    Attributes:
        area: the part of hushd or of the machine.
        state: `ok`; `note`, which may be intended; `warning`, for something that works less well; or `broken`.
        text: the observation, in a phrase.
        remedy: what to do about it; empty if nothing needs to be done.
    """

    area: str
    state: str
    text: str
    remedy: str = ""

    @classmethod
    def of_error(cls, area: str, error: HushdError, remedy: str = "") -> Finding:
        """Returns an error as a finding; the remedy is the text after its last colon outside parentheses, else
        `remedy`."""
        sentence = error.message.rstrip(".")
        for place in range(len(sentence), 0, -1):
            before, after = sentence[:place], sentence[place:]
            if after.startswith(": ") and before.count("(") == before.count(")"):
                return cls(area, "broken", before, after[2:])
        return cls(area, "broken", sentence, remedy)


Check = Callable[[], Iterator[Finding]]
