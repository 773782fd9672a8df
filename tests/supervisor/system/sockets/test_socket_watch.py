"""The watch over the supervisor's own sockets."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from hushd_supervisor.core.events import Shutdown
from hushd_supervisor.system.sockets.lock import ListeningSocket, SocketWatch


class Socket:
    """Stands for a socket that listens; it may be replaced."""

    def __init__(self, lasting: bool) -> None:
        self.path, self.lasting, self.ours, self.looks = Path("client.sock"), lasting, True, 0

    def is_ours(self) -> bool:
        self.looks += 1
        return self.ours


@pytest.mark.parametrize("lasting", [False, True])
def test_the_supervisor_leaves_once_its_socket_is_replaced(lasting: bool) -> None:
    """It looks at once and then every so often, says so once, and is renewed where the clients' socket lasts."""
    clients, workers = Socket(lasting), Socket(not lasting)
    said: list[str] = []
    sockets = cast("list[ListeningSocket]", [clients, workers])
    watch = SocketWatch(sockets, lambda level, text: said.append(text), apart=10.0)
    assert list(watch.on_time(5.0)) == []
    assert (clients.looks, workers.looks) == (1, 1)
    workers.ours = clients.ours = False
    assert list(watch.on_time(14.9)) == []
    assert workers.looks == 1
    assert list(watch.on_time(15.0)) == [Shutdown(renew=lasting)]
    assert said == ["client.sock is no longer this supervisor's: leaving"]


def test_a_supervisor_that_ends_looks_no_more() -> None:
    """Its sockets are removed by itself then."""
    socket = Socket(lasting=False)
    watch = SocketWatch(cast("list[ListeningSocket]", [socket]), lambda level, text: None)
    watch.prepare_end(stop=True)
    socket.ours = False
    assert list(watch.on_time(1e9)) == []
