"""Errors of hushd that a test expects, by their code and their words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hushd_protocol.errors import HushdError


@contextmanager
def hushd_error(
    code: str, match: str | None = None, *, said: str | None = None, has: str = ""
) -> Iterator[pytest.ExceptionInfo[HushdError]]:
    """Expects that the block ends with an error of this code, whose sentence of one line matches `match`, is `said`, or
    `has` these words."""
    with pytest.raises(HushdError, match=match) as caught:
        yield caught
    assert caught.value.code == code
    assert said in (None, caught.value.message)
    assert has in caught.value.message
    assert "\n" not in caught.value.message
