"""Seeds in a loop: all of them run, and a failure says which one it was."""

from __future__ import annotations

import pytest

from .seeds import seeds


def test_a_failure_names_its_seed() -> None:
    """The third of five seeds fails: two have run before it, none after it, and its number is told."""
    ran = []

    @seeds(5)
    def check(seed: int, other: str) -> None:
        ran.append((seed, other))
        assert seed != 2

    with pytest.raises(AssertionError) as caught:
        check(other="a fixture")
    assert ran == [(0, "a fixture"), (1, "a fixture"), (2, "a fixture")]
    assert caught.value.__notes__ == ["seed 2 of check"]


@seeds(3)
def test_fixtures_are_given_as_ever(seed: int, tmp_path: object) -> None:
    """A test with seeds is collected once, and pytest fills in its fixtures."""
    assert seed in range(3)
    assert tmp_path
