"""Tests of taking over a service manager's socket."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from hushd_supervisor.system import activation

# Puts descriptors from 3 on as `sys.argv[1]` says, asks `inherited`, and prints what came of it.
SCRIPT = """
import os, socket, sys
from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from hushd_supervisor.system import activation
kind, path = sys.argv[1], str(find().client_socket)
made = []
def unix(path, listening=True, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind); s.bind(path); listening and s.listen(); return s.detach()
if kind == "two": made = [unix(path), unix(path + "2")]
elif kind == "elsewhere": made = [unix(path + "2")]
elif kind == "abstract": made = [unix("\\0hushd-test-" + str(os.getpid()))]
elif kind == "deaf": made = [unix(path, False)]
elif kind == "datagram": made = [unix(path, False, socket.SOCK_DGRAM)]
elif kind == "network":
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); made = [s.detach()]
elif kind == "door":
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); made = [s.detach(), unix(path), unix(path + "w")]
elif kind == "file": made = [os.open("/dev/null", os.O_RDONLY)]
for number, fd in enumerate(made):
    fd == 3 + number or os.dup2(fd, 3 + number)
names = "http:client:wyoming-2" if kind == "door" else "client"
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(made)), "LISTEN_FDNAMES": names}
try:
    fd, others = activation.inherited(find().client_socket)
    others and print(others)
    print(fd, fd and os.get_inheritable(fd), [name for name in os.environ if "LISTEN" in name])
except HushdError as error:
    print(error.code, error, [name for name in os.environ if "LISTEN" in name])
"""


def taken(kind: str) -> str:
    done = subprocess.run([sys.executable, "-c", SCRIPT, kind], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.usefixtures("runtime")
def test_the_managers_sockets_are_taken_by_their_names_and_not_passed_on() -> None:
    """The clients', and those of the door: in any order, a name may have an ending of its own. They are closed in
    children, and no variable is left that a child could take for its own."""
    assert taken("door").splitlines() == ["[('http', 3), ('wyoming-2', 5)]", "4 False []"]


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize("kind", ["two", "elsewhere", "abstract", "deaf", "datagram", "network", "file"])
def test_nothing_else_is_taken(kind: str) -> None:
    """Sockets at another place, of another kind, or more than one: an error that says what to set, no guess."""
    said = taken(kind)
    assert said.startswith("bad_request The service manager")
    assert said.endswith("[]")


class Launchd:
    """Stands for macOS's library: launchd holds these sockets, or without any has not started us."""

    def __init__(self, *descriptors: int) -> None:
        self._descriptors = (ctypes.c_int * len(descriptors))(*descriptors)
        self.asked: list[bytes] = []
        self.freed = 0

    def launch_activate_socket(self, name: bytes, array: Any, count: Any) -> int:
        self.asked.append(name)
        if not self._descriptors:
            return errno.ESRCH
        ctypes.pointer(array._obj)[0] = ctypes.cast(self._descriptors, ctypes.POINTER(ctypes.c_int))
        count._obj.value = len(self._descriptors)
        return 0

    def free(self, array: Any) -> None:
        assert array[0] == self._descriptors[0]
        self.freed += 1


def test_launchd_is_asked_by_the_sockets_name(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    """Only in the agent's own environment on macOS; what it holds must pass the same check."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(find().client_socket))
        listening.listen()
        path, held = find().client_socket, Launchd(listening.fileno())
        assert activation.inherited(path, {}, held) == (None, [])
        assert activation.inherited(path, {"XPC_SERVICE_NAME": "other"}, held) == (None, [])
        agent = {"XPC_SERVICE_NAME": activation.LABEL}
        assert activation.inherited(path, agent, held) == (listening.fileno(), [])
        assert (held.asked, held.freed) == ([b"client"], 1)
        assert activation.inherited(path, agent, Launchd()) == (None, [])
        with open(os.devnull) as other:  # not ours: it must not be inherited any more
            for wrong, why in (
                (Launchd(other.fileno()), "not a socket"),
                (Launchd(listening.fileno(), 0), "2 sockets"),
            ):
                with pytest.raises(HushdError, match=why):
                    activation.inherited(path, agent, wrong)
