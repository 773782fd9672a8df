"""The result of a check."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One result of a check.

    Attributes:
        state: `ok`; `note`, which may be intended; `warning`, for something that works less well; or `broken`.
        text: the observation, in a phrase.
        remedy: what to do about it; empty if nothing needs to be done.
    """

    state: str
    text: str
    remedy: str = ""
