"""A loudspeaker at the other end of a link is told what its user does while it plays."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from hushd_protocol.messages import Control, Message, Request, Result
from hushd_remote.devices import RemoteLoudspeaker
from support.peer import BOUND_S


class Connection:
    """Has one stream, and keeps the messages about it."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.sent: list[Message] = []

    def carry(self, stream: Any, request: Request) -> None:
        self.stream, self.request = stream, request
        self.opened.set()

    def post(self, message: Message) -> None:
        self.sent.append(message)


def test_volume_and_hush_reach_what_plays() -> None:
    """A stream begins at the volume of then, and each change is told at once; without a stream nobody is."""
    connection = Connection()
    link: Any = SimpleNamespace(connect=lambda: connection)
    loudspeaker = RemoteLoudspeaker(link, None, 8000, 1, 1.0)
    loudspeaker.volume = 0.5
    playing = threading.Thread(target=loudspeaker.play_out)
    playing.start()
    assert connection.opened.wait(BOUND_S)
    loudspeaker.volume = 0.25
    loudspeaker.hush()
    connection.stream.receive(Result(id=connection.stream.id, data={"heard": 0.0}))
    playing.join(BOUND_S)
    loudspeaker.volume = 1.0
    name = connection.stream.id.hex()
    told = dict.fromkeys((sent.action, *sent.names) for sent in connection.sent if isinstance(sent, Control))
    assert connection.request.params["volume"] == 0.5
    assert [*told] == [("volume", name, "0.25"), ("hush", name)]  # perhaps twice: before and behind its beginning
