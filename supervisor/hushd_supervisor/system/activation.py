"""The clients' socket as a service manager hands it over: it listens in our place, and starts us when somebody comes.

systemd passes descriptors from 3 on and says so in LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES (sd_listen_fds(3)). On
macOS launchd is asked for them by the name of the socket in the agent's property list.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import MutableMapping
from pathlib import Path

from hushd_protocol.errors import HushdError

NAME = "client"  # FileDescriptorName= of the unit, key of `Sockets` in the property list
LABEL = "org.hushd"  # of the launchd agent
FIRST = 3


def inherited(path: Path, environ: MutableMapping[str, str] = os.environ) -> int | None:
    """The descriptor of the manager's socket that listens at `path`; None where no manager has started us with one.

    The manager's words are taken out of `environ`, so that no child of ours takes them for its own.

    Raises:
        HushdError: `bad_request` when what was handed over is not the clients' socket and nothing else.
    """
    words = {name: environ.pop(name) for name in list(environ) if name.startswith("LISTEN_")}
    descriptors: list[int] = []
    if words.get("LISTEN_PID") == str(os.getpid()):
        count = words.get("LISTEN_FDS", "")
        descriptors = list(range(FIRST, FIRST + int(count))) if count.isascii() and count.isdigit() else []
    elif sys.platform == "darwin" and environ.get("XPC_SERVICE_NAME") == LABEL:
        descriptors = _from_launchd()
    if not descriptors:
        return None
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    if len(descriptors) != 1:
        raise HushdError(
            "bad_request", f"The service manager passes {len(descriptors)} sockets and hushd takes one, at {path}."
        )
    _check(descriptors[0], path)
    return descriptors[0]


def _check(descriptor: int, path: Path) -> None:
    """File permissions are all that keeps others out, so nothing but the socket in our own folder will do."""
    try:
        passed = socket.socket(fileno=descriptor)
    except OSError as error:
        raise HushdError("bad_request", "What the service manager passes is no socket.") from error
    try:
        where = passed.getsockname() if passed.family == socket.AF_UNIX else "a network address"
        listens = passed.type == socket.SOCK_STREAM and passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    finally:
        passed.detach()
    if not listens or not isinstance(where, str) or os.path.realpath(where) != os.path.realpath(path):
        raise HushdError(
            "bad_request",
            f"The service manager's socket is {where!r:.120}, and clients look for a listening one at {path}: set "
            "ListenStream= to that, or HUSHD_RUNTIME_DIR.",
        )


def _from_launchd() -> list[int]:
    """What launchd holds for us. Untested: written from launch_activate_socket(3)."""
    import ctypes

    library = ctypes.CDLL(None)
    found, count = ctypes.POINTER(ctypes.c_int)(), ctypes.c_size_t(0)
    if library.launch_activate_socket(NAME.encode(), ctypes.byref(found), ctypes.byref(count)) != 0:
        return []  # started by hand, in the agent's environment
    descriptors = [found[number] for number in range(count.value)]
    library.free(found)
    return descriptors
