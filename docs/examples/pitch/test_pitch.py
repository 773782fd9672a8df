"""The engine keeps the contract of those that hear."""

import pytest
from hushd_worker_stt.conformance import CASES, Trial


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial("pitch", "tiny")


@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_contract(case: str, trial: Trial) -> None:
    CASES[case](trial)
