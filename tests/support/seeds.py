"""Many seeds in one test: `@seeds(200)`. A test for each would cost more in bookkeeping than most of them take."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Any

SHARE = int(os.environ.get("HUSHD_FUZZ_SEEDS", "500")) / 1000  # of a day's: less for --quick, far more at night


def seeds(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Runs a test with each `seed` below `count`; what fails names its seed."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def every_seed(**fixtures: Any) -> None:
            for seed in range(count):
                try:
                    test(seed=seed, **fixtures)
                except BaseException as error:
                    error.add_note(f"seed {seed} of {test.__name__}")
                    raise

        signature = inspect.signature(test)
        others = [parameter for name, parameter in signature.parameters.items() if name != "seed"]
        every_seed.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return every_seed

    return decorate
