"""A service manager: it listens for hushd, and starts a supervisor for whoever comes."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Any

from hushd_protocol.system.paths import find

world: Any = None  # the door's part of the simulation
AGAIN_S = 0.5  # from a supervisor's end to the next one's start


def main(arguments: list[str]) -> None:
    """Listens until the simulation ends."""
    client = find().client_socket
    client.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sockets = {"client": _listening(str(client))}
    sockets |= {kind: _listening(where) for kind, where in world.places.items()}
    poll = select.poll()
    for each in sockets.values():
        poll.register(each, select.POLLIN)
    while True:
        poll.poll()
        world.activate({name: each.fileno() for name, each in sockets.items()})
        time.sleep(AGAIN_S)


def _listening(where: Any) -> socket.socket:
    end = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
    try:
        end.bind(where)
    except OSError:  # of a supervisor that was there first: systemd, too, takes its place
        world.restarting()  # it leaves
        os.unlink(where)
        end.bind(where)
    end.listen(128)
    return end
