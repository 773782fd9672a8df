"""The errors of stores, as hushd's; none shows more of a URL than its path, since the rest may be a secret."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from hushd_protocol.errors import HushdError, reason

from .recording import shown

BUSY_MS = 5000  # milliseconds after which a store that does not answer is asked again
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
# A file system says these of one name, and would say them again.
_OF_NAME = (errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ)
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,15}://\S+", re.IGNORECASE)
_REFUSALS = (400, 401, 402, 403, 405, 406, 410, 451)
_T = TypeVar("_T")


@contextmanager
def faults(url: str, *, writing: bool = False) -> Iterator[None]:
    """Raises the errors of a store as `HushdError`; FileNotFoundError passes when reading.

    The codes: `unauthorised` where it knows no credentials or refuses them, `output_failed` where it takes nothing,
    `bad_request` where it has no such names, `server_busy` where it does not answer, or not now.
    """
    try:
        yield
    except HushdError:
        raise
    except Exception as error:
        if isinstance(error, FileNotFoundError) and not writing:
            raise
        raise _failure(url, error, writing) from None  # a library's traceback may show a request with its secrets


def _failure(url: str, error: Exception, writing: bool) -> HushdError:
    kind = type(error).__name__
    where = shown(url)
    if "Credential" in kind or "Authentication" in kind:
        return HushdError(
            "unauthorised", f"{where} asks for credentials, and none were found on this machine ({kind})."
        )
    if is_refusal(error):
        if writing:
            return HushdError("output_failed", f"{where} cannot be written: this machine may not ({_why(error)}).")
        return HushdError("unauthorised", f"{where} cannot be read: this machine may not ({_why(error)}).")
    if isinstance(error, FileNotFoundError):
        return HushdError("output_failed", f"{where} cannot be written: there is no such place ({_why(error)}).")
    if isinstance(error, OSError) and error.errno in _FULL:
        return HushdError("output_failed", f"{where} cannot be written ({_why(error)}).")
    if isinstance(error, OSError) and error.errno in _OF_NAME:
        return HushdError("bad_request", f"{where} cannot be {'written' if writing else 'read'} ({_why(error)}).")
    return HushdError(
        "server_busy", f"{where} does not answer ({_why(error)}): please try again later.", retry_after_ms=BUSY_MS
    )


def is_refusal(error: BaseException | None) -> bool:
    """Returns whether a store refused a request as such, so that it would do so again."""
    status = getattr(error, "status", None)  # HTTP's status
    return isinstance(error, PermissionError) or (isinstance(status, int) and status in _REFUSALS)


def _why(error: Exception) -> str:
    """Returns a library's reason without the URLs in it, which may have secrets."""
    why = getattr(error, "strerror", None) or reason(error)
    return _URL.sub(lambda url: shown(url[0]), str(why))


def retried(action: Callable[[], _T], attempts: int, wait: Callable[[float], object] = time.sleep) -> _T:
    """Returns what `action` returns, tried again while the store is busy, each time after twice as long.
    Raises the error of the last attempt, or any that is not `server_busy`."""
    for number in range(attempts - 1):
        try:
            return action()
        except HushdError as error:
            if error.code != "server_busy":
                raise
        wait(2.0**number)
    return action()
