"""The process that serves the calls of all sessions of `hushd mcp` at standard input and output.

Each connection is one relay's session, which first says how it began. It has a server of its own with its own tasks,
name, tickets and limits, so that sessions never mix. A session without a call for a minute is asked to close; soon
after the last one the process ends. All sessions have the same values of the variables that count: relays with others
use another socket (`command.place`).

A host's lines that are not messages are answered: the SDK ignores them, and the host would wait forever.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import math
import os
import resource
import signal
import socket
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Self

from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, JSONRPCResponse

from hushd_mcp.calls import Calls
from hushd_mcp.server import Server, take_signals
from hushd_mcp.work import TaskRegistry

_UNREADABLE = -32700  # JSON-RPC's parse error
SENTENCE = "This is not a message of JSON-RPC 2.0: send one object, in one line of JSON, without lone surrogates."


class _Stream:
    """A stream of the SDK's; a subclass defines only its differences."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stream.__aexit__(*error)


class Answered(_Stream):
    """The SDK's stream of received messages; answers unreadable ones.

    Args:
        read: yields messages, and exceptions for lines that are not messages.
        write: sends messages.
        line: returns the line that was read last, to which an exception belongs.
    """

    def __init__(self, read: Any, write: Any, line: Callable[[], str]) -> None:
        super().__init__(read)
        self._write = write
        self._line = line

    def __aiter__(self) -> Answered:
        return self

    async def __anext__(self) -> SessionMessage:
        while isinstance(item := await anext(self._stream), Exception):
            error = ErrorData(code=_UNREADABLE, message=SENTENCE)
            await self._write.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=_id(self._line()), error=error)))
        message: SessionMessage = item
        return message


def _id(line: str) -> str | int | None:
    """Returns the request id in an unreadable line, if it has one."""
    try:
        name = json.loads(line)["id"]
        str(name).encode()  # lone surrogates cannot be sent back
        return name if type(name) in (str, int) else None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


MAX_MESSAGE_BYTES = 1 << 23  # bytes of one message; a session that sends more ends
SESSION_IDLE_S = 60.0  # seconds without a call, after which a session closes and the process ends
SIGN_OF_LIFE_INTERVAL_S = 5.0  # seconds between two signs of life
IDLE_EXIT_S = 10.0  # seconds after the last session, for a host that starts a process for each call


class Sessions:
    """Serves all sessions."""

    def __init__(self, place: str, rest_s: float) -> None:
        self._socket_path = place
        self._socket = os.stat(place).st_ino
        with open(f"{place}.lock", "w") as lock:  # relays lock it while they look for the process
            lock.write(str(os.getpid()))
        self._rest_s = rest_s
        self._tasks: dict[TaskRegistry, asyncio.StreamWriter] = {}
        self._called, self._parted_at = time.monotonic(), math.inf
        self._parted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None  # set once it runs

    async def run(self, listener: socket.socket) -> None:
        """Serves until there was no call for a while, and no session is left."""
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_MESSAGE_BYTES)
        while self._tasks or (left := self._leaves_at() - time.monotonic()) > 0:
            self._parted.clear()
            try:
                async with asyncio.timeout(None if self._tasks else left):
                    await self._parted.wait()
            except TimeoutError:
                pass
        self._withdraw()
        await asyncio.sleep(0)  # accepts a connection that came just before
        while self._tasks:
            self._parted.clear()
            await self._parted.wait()
        server.close()

    def close(self) -> None:
        """Ends all tasks, on a thread; sessions get their last results and call no more."""
        self._withdraw()
        if self._loop:
            self._loop.call_soon_threadsafe(self._part)
        for tasks in list(self._tasks):
            tasks.close()

    def _part(self) -> None:
        for writer in self._tasks.values():
            writer.write(b"#leave\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks = TaskRegistry()
        self._tasks[tasks] = writer
        try:
            writer.write(b"#ready\n")
            if (line := await reader.readline()).startswith(b"#session "):
                await self._attend(Calls.of(tasks, json.loads(line[9:])), reader, writer)
        except Exception:
            traceback.print_exc()
        finally:
            await asyncio.to_thread(tasks.close)
            writer.close()
            del self._tasks[tasks]
            self._parted_at = time.monotonic()
            self._parted.set()

    def _leaves_at(self) -> float:
        """The time at which the process ends if no session comes."""
        return min(self._called + self._rest_s, self._parted_at + IDLE_EXIT_S)

    async def _attend(self, calls: Calls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watching = asyncio.create_task(self._watch(calls, writer))
        try:
            lines = _Input(reader, writer)
            async with stdio_server(lines, _Output(writer)) as (read, write):  # type: ignore[arg-type]
                answered = Answered(read, write, lambda: lines.last)
                await Server(calls).attend(answered, Unrepeated(calls.answered, write))
        finally:
            watching.cancel()
            self._called = max(self._called, calls.called)

    async def _watch(self, calls: Calls, writer: asyncio.StreamWriter) -> None:
        """Shows the session that the process works; asks it to close when it has rested for `rest_s`."""
        while True:
            left = calls.resting_since() + self._rest_s - time.monotonic()
            rests = left <= 0
            writer.write(b"#rest " + json.dumps(calls.remembered()).encode() + b"\n" if rests else b"#beat\n")
            await asyncio.sleep(min(SIGN_OF_LIFE_INTERVAL_S, self._rest_s if rests else left))

    def _withdraw(self) -> None:
        """Removes the socket, unless another process owns it by now: the next relay starts one."""
        try:
            with open(f"{self._socket_path}.lock", "a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if os.stat(self._socket_path).st_ino == self._socket:
                    os.unlink(self._socket_path)
        except OSError:  # the folder was removed
            pass


class Unrepeated(_Stream):
    """The stream of sent messages, without a second answer to an answered `initialize`.
    `answered`: the id of that request, or None."""

    def __init__(self, answered: object, write: Any) -> None:
        super().__init__(write)
        self._answered = answered

    async def send(self, item: SessionMessage) -> None:
        message = item.message
        answers = message.id if isinstance(message, JSONRPCResponse | JSONRPCError) else None
        if answers is not None and answers == self._answered:
            self._answered = None
        else:
            await self._stream.send(item)


class _Input:
    """A relay's lines, as the file that the SDK reads. Of a session that does not read its answers none is read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.last = ""

    def __aiter__(self) -> _Input:
        return self

    async def __anext__(self) -> str:
        try:
            await self._writer.drain()
            line = await self._reader.readline()
        except (OSError, ValueError):  # the relay has gone, or sends too long a line
            line = b""
        if not line:
            raise StopAsyncIteration
        self.last = line.decode(errors="replace")
        return self.last


class _Output:
    """Lines for a relay, as the file that the SDK writes. Only reading shows that a relay has gone."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def write(self, text: str) -> None:
        if not self._writer.is_closing():
            self._writer.write(text.encode())

    async def flush(self) -> None:
        try:
            await self._writer.drain()
        except OSError:
            pass


def main(argv: Sequence[str]) -> int:
    """Serves sessions on the listening descriptor `argv[0]`, whose path is `argv[1]`."""
    listener = socket.socket(fileno=int(argv[0]))
    listener.setblocking(False)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each call has some ten files open
    sessions = Sessions(argv[1], float(argv[2]) if argv[2:] else SESSION_IDLE_S)
    take_signals(sessions.close, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    asyncio.run(sessions.run(listener))
    return 0
