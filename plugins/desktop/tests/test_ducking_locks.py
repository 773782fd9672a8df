"""Helpers that share a sound server: one leads, and the last restores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path

import pytest
from hushd_desktop.ducking.helper import Locks
from support.peer import BOUND_S


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_the_last_helper_restores_and_no_other(order: tuple[int, ...], tmp_path: Path) -> None:
    """In whatever order they leave, whoever leads: none waits for another, and one leads as long as there is one."""
    helpers = [Locks(tmp_path) for _ in order]
    assert [helper.try_to_lead() for helper in helpers] == [True, False, False]
    restores = []
    with ThreadPoolExecutor(1) as threads:
        for number in order:
            restores.append(threads.submit(helpers[number].release).result(BOUND_S))
            helpers[number].close()
            others = [helper for each, helper in enumerate(helpers) if each in order[len(restores) :]]
            assert any(helper.try_to_lead() for helper in others) or not others
    assert restores == [False, False, True]


def test_of_those_that_leave_at_once_one_restores(tmp_path: Path) -> None:
    """Else each would leave it to another, and the volumes would stay low."""
    helpers = [Locks(tmp_path) for _ in range(20)]
    with ThreadPoolExecutor(len(helpers)) as threads:
        assert sum(threads.map(Locks.release, helpers)) == 1
    for helper in helpers:
        helper.close()
