"""Makes a script that fails small: fewer faults, acts and clients, as long as it fails in the same way."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from .script import Script, smaller

if TYPE_CHECKING:
    from .run import Runner

MOST = 400  # simulations
OTHER_SEEDS = 3  # with which a smaller script is tried, since another order of turns may be needed


def shrink(runner: Runner, script: Script) -> str:
    """Returns the smallest script that was found, as Python."""
    kind = _kind(runner.play(script).violations)
    left = MOST
    again = True
    while again and left > 0:
        again = False
        for smaller_script in smaller(script):
            for shift in range(OTHER_SEEDS):
                left -= 1
                candidate = replace(smaller_script, seed=smaller_script.seed + 1_000_000 * shift)
                if _kind(runner.play(candidate).violations) & kind:
                    script, again = candidate, True
                    break
            if again or left <= 0:
                break
    return str(script)


def _kind(violations: list[str]) -> set[str]:
    """The sense of violations, whoever they concern and when."""
    return {re.sub(r"\d[\d.]*|[0-9a-f]{8,}", "N", text.partition("\n")[0]) for text in violations}
