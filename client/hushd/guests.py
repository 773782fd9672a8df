"""Guests, whose part of a client is imported where it is called, and may lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hushd_protocol.errors import HushdError


@contextmanager
def guest(extra: str) -> Iterator[None]:
    """Imports of a guest stand in it.

    Raises:
        HushdError: `engine_missing`, with the extra that brings the guest, where a module of it is not here.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        from hushd_models.installation import extra_command

        raise HushdError(
            "engine_missing", f"This hushd lacks {error.name}, a part that can be left out: {extra_command(extra)}."
        ) from error
