"""The need of the models worker is its size without work."""

from __future__ import annotations

from hushd_supervisor.core.memory.budget import Budget
from hushd_supervisor.core.settings import Settings


def test_a_conversion_says_nothing_of_the_next_pull() -> None:
    """Whatever its jobs have taken, a start of it is admitted by the little that it has by itself; of other workers
    the most that was ever seen is remembered."""
    budget = Budget(Settings())
    budget.record("models/store/local", 6_000_000_000)
    budget.record("stt/moonshine/tiny-en", 300_000_000)
    assert budget.needs == {"stt/moonshine/tiny-en": 300_000_000}
    assert budget.need("models/store/local") == 60_000_000
