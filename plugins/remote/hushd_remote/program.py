"""A program on the other machine: its requests to this machine's supervisor, and its streams."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from hushd.transport.link import Link
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import (
    Cancel,
    Chunk,
    Claim,
    Control,
    Credit,
    Error,
    Hello,
    Message,
    Request,
    Result,
    Turn,
    Yield,
)
from msgspec.structs import replace

from .devices import WORKER
from .permissions import Permissions
from .streams import LoudspeakerStream, MicrophoneStream, Owner, device_names

MAX_WAITING_MESSAGES = 1000  # waiting messages for the supervisor, beyond which the program is disconnected
MAX_STREAMS = 32  # streams at once
STREAM_CONTROLS = ("hush", "volume")
M = TypeVar("M", bound=Message)


@dataclass
class Claimed:
    """The devices of a claim, and whether they are granted."""

    devices: set[str]
    granted: bool = False


class AttachedProgram:
    """Serves one connection until `leave`; a thread of its own waits for the supervisor.

    Args:
        send: sends the program a message; for any thread.
        connections: yields a process's connections: it may claim by one and play by another.
        round_trip: seconds to the other machine and back.
    """

    def __init__(
        self,
        hello: Hello,
        permissions: Permissions,
        send: Callable[[Message], None],
        connections: Callable[[int], Iterable[AttachedProgram]],
        round_trip: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.send = send
        self.pid = hello.pid
        self._permissions = permissions
        self._connections = connections
        self._round_trip = round_trip
        self.claims: dict[bytes, Claimed] = {}
        self._calls: set[bytes] = set()
        self.streams: dict[bytes, LoudspeakerStream | MicrophoneStream] = {}
        self._link = Link(f"{permissions.host}:{hello.program or hello.holder or hello.pid}", endpoint="")
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._disconnected = False
        threading.Thread(target=self._run, name="hushd-attached-program", daemon=True).start()

    def receive(self, message: Message) -> bool:
        """Handles a message of the program; returns False if there are too many.

        Messages about a stream are handled at once and in order, without the supervisor, which may still be starting.
        """
        stream = self.streams.get(getattr(message, "id", b""))
        if isinstance(message, Chunk) and stream:
            return isinstance(stream, LoudspeakerStream) and stream.receive(message)
        if isinstance(message, Credit) and isinstance(stream, MicrophoneStream):
            stream.credit(message.chunks)
        elif isinstance(message, Cancel) and stream:
            stream.hush()
        elif isinstance(message, Request) and message.worker == WORKER:
            self._attempt(self._open, message)
        elif isinstance(message, Control) and message.action in STREAM_CONTROLS:
            self._attempt(self._tell, message)
        elif self._inbox.qsize() < MAX_WAITING_MESSAGES:
            self._inbox.put(message)
        else:
            return False
        return True

    def disconnect(self) -> None:
        """Ends everything that the program has begun; its sound stops at once."""
        self._disconnected = True
        self.claims.clear()
        for stream in [*self.streams.values()]:
            stream.hush()
        self._check_floor()
        self._inbox.put(None)

    def _attempt(self, handle: Callable[[M], None], message: M) -> None:
        try:
            handle(message)
        except HushdError as error:
            if error.code == "no_supervisor":  # a program there would assume that it has the floor
                error = HushdError("no_device", error.message)
            if name := getattr(message, "id", b""):
                self.ended(name)
                self.send(Error.of(name, error))

    # --- the supervisor ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (message := self._inbox.get()) is not None and not self._disconnected:
            self._attempt(self._pass_on, message)
        self._link.close()

    def _pass_on(self, message: Message) -> None:
        if isinstance(message, Control) and message.action == "devices":
            self.send(Result(id=message.id, data={"devices": device_names(message.names)}))
        elif isinstance(message, Request | Control | Claim):
            if error := self._permissions.refusal(message):
                raise error
            if isinstance(message, Claim):
                message = replace(message, pauses=True)  # the user here must see and can end the recording
                self.claims[message.id] = Claimed({*message.devices})
            self._calls.add(message.id)
            self._link.connect().carry(_Answers(self, message.id), message)
        elif isinstance(message, Yield | Cancel | Chunk | Credit) and message.id in self._calls:
            if isinstance(message, Yield):
                self.turned(message.id, granted=False)
            elif isinstance(message, Cancel):
                self.ended(message.id)
            if connection := self._link.current():
                connection.post(message)

    def turned(self, claim: bytes, *, granted: bool) -> None:
        """Notes whether a claim is granted; the streams of the process look at the floor."""
        if claimed := self.claims.get(claim):
            claimed.granted = granted
            self._check_floor()

    def ended(self, name: bytes) -> None:
        """Forgets a finished call or claim."""
        self._calls.discard(name)
        if self.claims.pop(name, None):
            self._check_floor()

    def _check_floor(self) -> None:
        for program in self._connections(self.pid):
            for stream in [*program.streams.values()]:
                stream.check_floor()

    # --- devices -----------------------------------------------------------------------------------------------------

    def _claimed(self, *devices: str) -> Iterator[Claimed]:
        """Yields the claims of the process to one of the devices."""
        for program in self._connections(self.pid):
            yield from (claim for claim in [*program.claims.values()] if claim.devices & {*devices})

    def _has(self, *devices: str) -> bool:
        return any(claim.granted for claim in self._claimed(*devices))

    def _open(self, request: Request) -> None:
        if len(self.streams) >= MAX_STREAMS:
            raise HushdError("server_busy", f"A program has at most {MAX_STREAMS} streams at once.")
        on_end = partial(self._close, request.id)
        if request.op == "play":
            if not any(self._claimed("speaker")):
                raise HushdError(
                    "unauthorised",
                    "The person's machine plays what has claimed its floor: pass floor=client.floor('speaker').",
                )
            owner = Owner(self.send, partial(self._has, "speaker"), on_end, self._round_trip)
            stream: LoudspeakerStream | MicrophoneStream = LoudspeakerStream(owner, request)
        elif request.op == "record":
            if not self._permissions.microphone:
                raise HushdError("unauthorised", "The person's machine is attached with --no-microphone.")
            stream = MicrophoneStream(Owner(self.send, partial(self._has, "microphone", "wake"), on_end), request)
        else:
            raise HushdError("unsupported", f"A device cannot {request.op[:20]!r}.")
        self.streams[request.id] = stream
        stream.start()

    def _close(self, name: bytes, end: Message) -> None:
        self.streams.pop(name, None)
        self.send(end)

    def _tell(self, message: Control) -> None:
        name, *words = message.names or [""]
        stream = self.streams.get(_id(name, f"`{message.action}` names a stream."))
        if isinstance(stream, LoudspeakerStream) and message.action == "volume":
            try:
                stream.volume(float(words[0]))
            except (IndexError, ValueError) as error:
                raise HushdError("bad_request", "A volume is a number.") from error
        elif stream:
            stream.hush()


def _id(digits: Any, fault: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except (TypeError, ValueError) as error:
        raise HushdError("bad_request", fault) from error


class _Answers:
    """The answers of the supervisor to one message, on their way to the program: an `Answered`."""

    def __init__(self, program: AttachedProgram, name: bytes) -> None:
        self._program = program
        self.id = name

    def receive(self, message: Message) -> bool:
        is_last = isinstance(message, Error | Result)
        granted = isinstance(message, Turn) and message.state == "granted"
        if is_last:
            self._program.ended(self.id)
        if granted:  # known before the program is told, which plays at once
            self._program.turned(self.id, granted=True)
        self._program.send(message)  # the reason, before the silence
        if isinstance(message, Turn) and not granted:
            self._program.turned(self.id, granted=False)
        return is_last

    def end(self, error: BaseException | None = None) -> None:
        self._program.ended(self.id)
        lost = error if isinstance(error, HushdError) else HushdError("supervisor_lost", "The supervisor went away.")
        self._program.send(Error.of(self.id, lost))
