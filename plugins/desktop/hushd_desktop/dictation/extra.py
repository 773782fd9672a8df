"""The packages of the extra `dictate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hushd_protocol.errors import HushdError


@contextmanager
def needs_extra(what: str) -> Iterator[None]:
    """Turns a missing package in the block into a sentence that says what to install."""
    try:
        yield
    except ImportError as error:
        from hushd_models.installation import extra_command

        raise HushdError("no_device", f"Dictation on {what} needs {error.name}: {extra_command('dictate')}.") from error
