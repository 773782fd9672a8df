"""Socket activation: a service manager listens on the clients' socket, and starts us for the first connection.

systemd passes descriptors from 3 on and announces them in LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES
(sd_listen_fds(3)). On macOS launchd hands them out by the name of the socket in the agent's property list.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError

NAME = "client"  # FileDescriptorName= of the unit, key of `Sockets` in the property list
DOOR_PREFIXES = ("http", "wyoming")  # prefixes of the names of the door's sockets
LABEL = "org.hushd"  # name of the launchd agent
FIRST_DESCRIPTOR = 3


def inherited(
    path: Path, environ: MutableMapping[str, str] = os.environ, library: Any = None
) -> tuple[int | None, list[tuple[str, int]]]:
    """Returns the descriptor of the service manager's socket at `path`, and the door's sockets with their names.

    The descriptor is None if no manager started us. Removes the manager's variables from `environ`, so that our
    children do not take them for their own. `library` stands for the system's, by which launchd is asked. Raises
    `bad_request` unless exactly one socket for clients was handed over.
    """
    words = {name: environ.pop(name) for name in list(environ) if name.startswith("LISTEN_")}
    passed: list[tuple[str, int]] = []
    if words.get("LISTEN_PID") == str(os.getpid()):
        count = words.get("LISTEN_FDS", "")
        names = words.get("LISTEN_FDNAMES", "").split(":")
        total = int(count) if count.isascii() and count.isdigit() else 0
        passed = [(names[number] if number < len(names) else "", FIRST_DESCRIPTOR + number) for number in range(total)]
    elif sys.platform == "darwin" and environ.get("XPC_SERVICE_NAME") == LABEL:
        passed = [(NAME, descriptor) for descriptor in _from_launchd(library or ctypes.CDLL(None))]
    if not passed:
        return None, []
    for _, descriptor in passed:
        os.set_inheritable(descriptor, False)
    for_door = [(name, descriptor) for name, descriptor in passed if name.startswith(DOOR_PREFIXES)]
    for_clients = [descriptor for name, descriptor in passed if not name.startswith(DOOR_PREFIXES)]
    if len(for_clients) != 1:
        raise HushdError(
            "bad_request",
            f"The service manager passes {len(for_clients)} sockets for clients and hushd takes one, at {path}; "
            "sockets for HTTP and Wyoming are named http and wyoming.",
        )
    _check(for_clients[0], path)
    return for_clients[0], for_door


def _check(descriptor: int, path: Path) -> None:
    """Accepts only the socket in our own folder: file permissions are all that keeps other users out."""
    try:
        passed = socket.socket(fileno=descriptor)
    except OSError as error:
        raise HushdError(
            "bad_request", "The service manager passes something that is not a socket: check its unit."
        ) from error
    try:
        address = passed.getsockname() if passed.family == socket.AF_UNIX else "a network address"
        listens = passed.type == socket.SOCK_STREAM and passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    finally:
        passed.detach()
    if not listens or not isinstance(address, str) or os.path.realpath(address) != os.path.realpath(path):
        raise HushdError(
            "bad_request",
            f"The service manager's socket is {address!r:.120}, but clients look for a listening socket at {path}: set "
            "ListenStream= to that path, or HUSHD_RUNTIME_DIR.",
        )


def _from_launchd(library: Any) -> list[int]:
    """Returns the sockets that launchd holds for us. Never run on macOS: written from launch_activate_socket(3)."""
    array, count = ctypes.POINTER(ctypes.c_int)(), ctypes.c_size_t(0)
    if library.launch_activate_socket(NAME.encode(), ctypes.byref(array), ctypes.byref(count)) != 0:
        return []  # started by hand, in the agent's environment
    descriptors = [array[number] for number in range(count.value)]
    library.free(array)
    return descriptors
