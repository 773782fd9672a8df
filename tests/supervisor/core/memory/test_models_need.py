"""The need of the models worker is its size without work."""

from __future__ import annotations

from hushd_schema.settings import Settings
from hushd_supervisor.core.memory.needs import Needs


def test_a_conversion_says_nothing_of_the_next_pull() -> None:
    """Whatever its jobs have taken, a start of it is admitted by the little that it has by itself; of other workers
    the most that was ever seen is remembered."""
    needs = Needs(Settings())
    needs.record("models/store/local", 6_000_000_000)
    needs.record("stt/moonshine/tiny-en", 300_000_000)
    assert needs.table == {"stt/moonshine/tiny-en": 300_000_000}
    assert needs.memory("models/store/local") == 60_000_000
