"""Serves the connections that the door hands over.

The contract with the two servers, which know nothing of each other or of the door:

- `hushd_gateway.http.create_app(client, settings, token)` returns the ASGI application. uvicorn's h11 protocol takes
  each HTTP connection, and reads the bytes that the door has read first.
- `hushd_gateway.wyoming.serve_connection(reader, writer, client, settings, listener)` is a coroutine that serves one
  connection until its end, and is cancelled when the program leaves. `reader` begins with the bytes that the door has
  read: usually the first event, or the first one after a `describe` that the door has answered. `listener` is the
  address that accepted it, such as `tcp://127.0.0.1:10300`, since each may have models of its own.

`client` is one `AsyncClient` for the whole process, `settings` the user's configuration
(`hushd_schema.settings.Settings`), and `token` the secret that every HTTP request must carry, empty for none.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from hushd_protocol.system.footprint import rss, trim
from hushd_protocol.system.handover import Handover, receive

from . import slots
from .slots import Slot

# Connections at once. Further ones take the place of resting ones, or wait in the channel, then in the door, which
# refuses them in time.
MAX_CONNECTIONS = 512
AGAIN_S = 1.0  # between two looks for a resting connection
SETTLE_S = 1.0  # from a connection's end until its memory is given back
AFTER_S = 6.0  # memory is given back again then: some connections end late
GROWN = 4 * 1024 * 1024  # bytes: while others are served, less growth than this is not worth the time
GRACE_S = 2.0  # for the last answers, once the supervisor has ended

Serve = Callable[[socket.socket, Handover], Awaitable[None]]


class Receiver:
    """Receives connections from the door and has each served.

    Args:
        channel: the gateway's end of the channel; see `hushd_protocol.system.handover`.
        servers: for each kind of connection, the coroutine that serves one until its end.
        idle: seconds without a connection after which `run` returns.
        leave: called at the end of the channel; closes the resting connections.
    """

    def __init__(
        self,
        channel: socket.socket,
        servers: Mapping[str, Serve],
        idle: float,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self._channel = channel
        self._servers = servers
        self._idle = idle
        self._leave = leave
        self._tasks: dict[asyncio.Task[None], Slot] = {}
        self._changed = asyncio.Event()  # a connection has come or ended, or the channel has ended
        self._ended = False
        self._settling: asyncio.TimerHandle | None = None
        self._least = rss()  # bytes of memory after the last return
        self._again = False

    async def run(self) -> None:
        """Serves until there was no connection for `idle` seconds, or the channel has ended.

        No connection is lost: one that arrives after the last look stays in the channel for the next gateway.
        """
        self._listen()
        while not self._ended:
            self._changed.clear()
            try:
                async with asyncio.timeout(None if self._tasks else self._idle):
                    await self._changed.wait()
            except TimeoutError:
                if not self._tasks:
                    self._pause()
                    return
        if self._tasks:
            self._leave()
            await asyncio.wait(self._tasks, timeout=GRACE_S)

    def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._channel, self._receive)

    def _listen_again(self) -> None:
        if not self._ended:
            self._listen()

    def _make_room(self) -> bool:
        """Returns whether there is room for another connection; closes a resting one for it if need be."""
        if len(self._tasks) < MAX_CONNECTIONS:
            return True
        idlest = slots.longest(self._tasks.values())
        for task in [task for task, slot in self._tasks.items() if slot is idlest]:
            task.cancel()
            del self._tasks[task]
        if idlest is None:
            asyncio.get_running_loop().call_later(AGAIN_S, self._listen_again)
        return idlest is not None

    def _pause(self) -> None:
        asyncio.get_running_loop().remove_reader(self._channel)

    def _receive(self) -> None:
        if not self._make_room():
            self._pause()
            return
        try:
            received = receive(self._channel)
        except BlockingIOError:
            return
        except OSError as error:  # no descriptors are left: connections that end give theirs back
            print(f"cannot take a connection ({error.strerror}): pausing", file=sys.stderr)
            self._pause()
            asyncio.get_running_loop().call_later(AGAIN_S, self._listen_again)
            return
        self._changed.set()
        if received is None:
            self._ended = True
            self._pause()
            return
        slot = Slot()
        task = asyncio.create_task(self._serve(*received, slot))
        self._tasks[task] = slot
        task.add_done_callback(self._served)

    async def _serve(self, connection: socket.socket, handover: Handover, slot: Slot) -> None:
        slots.current.set(slot)
        try:
            await self._servers[handover.kind](connection, handover)
        except OSError:
            pass  # the program at the other end has left
        except Exception as error:
            # Neither its text nor its arguments: they may contain speech.
            last = error.__traceback__
            while last and last.tb_next:
                last = last.tb_next
            line = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else "unknown"
            print(f"a {handover.kind} connection failed: {type(error).__name__} at {line}", file=sys.stderr)
        finally:
            connection.close()

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._changed.set()
        if self._settling is None:
            self._settling = task.get_loop().call_later(SETTLE_S, self._give_back)
        if len(self._tasks) == MAX_CONNECTIONS - 1 and not self._ended:
            self._listen()  # listening may have been paused

    def _give_back(self) -> None:
        """Gives the memory of ended connections back: always after the last one, else if it is much."""
        self._settling = None
        if self._tasks and rss() <= self._least + GROWN:
            return
        gc.collect()  # connections and their requests refer to each other
        trim()
        self._least = min(self._least, rss()) if self._tasks else rss()
        self._again = not self._again and rss() > self._least + GROWN
        if self._again:
            self._settling = asyncio.get_running_loop().call_later(AFTER_S, self._give_back)
