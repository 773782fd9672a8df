"""Socket activation: a service manager listens on the clients' socket, and starts us for the first connection.

systemd passes descriptors from 3 on and announces them in LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES
(sd_listen_fds(3)). On macOS launchd hands them out by the name of the socket in the agent's property list.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import MutableMapping
from pathlib import Path

from hushd_protocol.errors import HushdError

NAME = "client"  # FileDescriptorName= of the unit, key of `Sockets` in the property list
OTHERS = ("http", "wyoming")  # what the names of the door's sockets begin with
LABEL = "org.hushd"  # of the launchd agent
FIRST = 3


def inherited(path: Path, environ: MutableMapping[str, str] = os.environ) -> tuple[int | None, list[tuple[str, int]]]:
    """Returns the descriptor of the manager's socket at `path`, and those of the door by name.

    The first is None where no manager has started us. Removes the manager's variables from `environ`, so that no child
    of ours takes them for its own.

    Raises:
        HushdError: `bad_request` unless the clients' socket was handed over, and nothing else but the door's.
    """
    words = {name: environ.pop(name) for name in list(environ) if name.startswith("LISTEN_")}
    passed: list[tuple[str, int]] = []
    if words.get("LISTEN_PID") == str(os.getpid()):
        count = words.get("LISTEN_FDS", "")
        names = words.get("LISTEN_FDNAMES", "").split(":")
        total = int(count) if count.isascii() and count.isdigit() else 0
        passed = [(names[number] if number < len(names) else "", FIRST + number) for number in range(total)]
    elif sys.platform == "darwin" and environ.get("XPC_SERVICE_NAME") == LABEL:
        passed = [(NAME, descriptor) for descriptor in _from_launchd()]
    if not passed:
        return None, []
    for _, descriptor in passed:
        os.set_inheritable(descriptor, False)
    others = [(name, descriptor) for name, descriptor in passed if name.startswith(OTHERS)]
    ours = [descriptor for name, descriptor in passed if not name.startswith(OTHERS)]
    if len(ours) != 1:
        raise HushdError(
            "bad_request",
            f"The service manager passes {len(ours)} sockets for clients and hushd takes one, at {path}; those of the "
            "door are named http or wyoming.",
        )
    _check(ours[0], path)
    return ours[0], others


def _check(descriptor: int, path: Path) -> None:
    """Accepts only the socket in our own folder, since nothing but file permissions keeps others out."""
    try:
        passed = socket.socket(fileno=descriptor)
    except OSError as error:
        raise HushdError(
            "bad_request", "The service manager passes something that is not a socket: check its unit."
        ) from error
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
    """The sockets that launchd holds for us. Untested: written from launch_activate_socket(3)."""
    import ctypes

    library = ctypes.CDLL(None)
    array, count = ctypes.POINTER(ctypes.c_int)(), ctypes.c_size_t(0)
    if library.launch_activate_socket(NAME.encode(), ctypes.byref(array), ctypes.byref(count)) != 0:
        return []  # started by hand, in the agent's environment
    descriptors = [array[number] for number in range(count.value)]
    library.free(array)
    return descriptors
