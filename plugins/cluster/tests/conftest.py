"""Ray, for the tests that need it."""

from __future__ import annotations

import warnings
from importlib import import_module

import pytest


@pytest.fixture(scope="session")
def ray() -> None:
    """Imports Ray, which takes most of a second and warns of itself, where it is used and not in every process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("hushd_cluster.serving")
        import_module("hushd_cluster.spread")
