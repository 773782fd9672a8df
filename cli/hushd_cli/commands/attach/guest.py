"""A program on the other machine, by its connection: its requests to this machine's supervisor, and its streams."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from hushd.audio.attached_devices import WORKER
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

from .rights import Rights
from .streams import LoudspeakerStream, MicrophoneStream, device_names

UNHANDLED = 1000  # messages that wait for the supervisor; then the guest is given up
CLAIMS = 100_000  # of one connection, of which each id is remembered; then the guest is given up
STREAMS = 32  # at once: those that wait for their claims too
STREAM_CONTROLS = ("hush", "volume")
Stream = LoudspeakerStream | MicrophoneStream


class Programs(Protocol):
    """All guests together: see `Crowd`."""

    @property
    def round_trip(self) -> float: ...

    def claimed(self, pid: int, device: str) -> bool: ...

    def granted(self, pid: int, device: str) -> bool: ...

    def look(self, pid: int) -> None: ...


class Guest:
    """Serves one connection, on a thread of its own, until `leave`.

    Args:
        send: sends the program a message; for any thread.
        crowd: all guests.
    """

    def __init__(self, hello: Hello, rights: Rights, send: Callable[[Message], None], crowd: Programs) -> None:
        self.pid = hello.pid
        self.send = send
        self.claims: dict[bytes, set[str]] = {}
        self.granted: set[bytes] = set()
        self._claimed: set[bytes] = set()  # also those that are over: a turn of one may still be on its way
        self._rights = rights
        self._crowd = crowd
        self._link = Link(f"{rights.host}:{hello.holder or hello.pid}", endpoint="")
        self._inbox: queue.Queue[Message | None] = queue.Queue(UNHANDLED)
        self._calls: dict[bytes, _Answers] = {}
        self._streams: dict[bytes, Stream] = {}
        threading.Thread(target=self._run, name="hushd-guest", daemon=True).start()

    def receive(self, message: Message) -> bool:
        """Takes a message of the program; returns False for one message too many.

        What concerns a stream is done at once, in its order: the supervisor, which may be starting, has no part in it.
        """
        if isinstance(message, Claim) and not self._rights.refusal(message):
            if message.id in self._claimed:
                self.send(Error.of(message.id, HushdError("bad_request", "A claim's id is used once.")))
                return True
            if len(self._claimed) >= CLAIMS:
                return False
            self._claimed.add(message.id)
            self.claims[message.id] = {*message.devices}  # at once: a stream may follow
        if isinstance(message, Chunk) and (stream := self._streams.get(message.id)):
            return stream.take(message)
        if _concerns_stream(message) or (not self._inbox.unfinished_tasks and self._is_quick(message)):
            self._attempt(message)
            return True
        try:
            self._inbox.put_nowait(message)
        except queue.Full:
            return False
        return True

    def leave(self) -> None:
        """Ends all that it has begun; its loudspeaker falls silent at once."""
        self.claims.clear()
        self.granted.clear()
        for stream in [*self._streams.values()]:
            stream.hush()
        threading.Thread(target=self._close, name="hushd-guest-end", daemon=True).start()

    def _close(self) -> None:
        self._inbox.put(None)
        self._link.close()

    def look(self) -> None:
        """Silences the streams that the floor does not allow any more."""
        for stream in [*self._streams.values()]:
            stream.look()

    # --- its thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (message := self._inbox.get()) is not None:
            self._attempt(message)
            self._inbox.task_done()

    def _is_quick(self, message: Message) -> bool:
        """Returns whether nothing has to be waited for: the supervisor is connected, and no device is looked for."""
        looks = isinstance(message, Control) and message.action == "devices"
        return not looks and self._link.current() is not None

    def _attempt(self, message: Message) -> None:
        try:
            self._handle(message)
        except HushdError as error:
            if error.code == "no_supervisor":  # a program there would take the floor for its own
                error = HushdError("no_device", error.message)
            if name := getattr(message, "id", b""):
                self.ended(name)
                self.send(Error.of(name, error))

    def _handle(self, message: Message) -> None:
        if isinstance(message, Request) and message.worker == WORKER:
            self._open(message)
        elif isinstance(message, Control) and message.action in STREAM_CONTROLS:
            self._tell(message)
        elif isinstance(message, Control) and message.action == "devices":
            self.send(Result(id=message.id, data={"devices": device_names(message.names)}))
        elif isinstance(message, Request | Control | Claim):
            if error := self._rights.refusal(message):
                raise error
            self._pass_on(message)
        elif isinstance(message, Yield | Cancel | Chunk | Credit):
            self._follow(message)

    def _pass_on(self, message: Request | Control | Claim) -> None:
        if isinstance(message, Claim):
            message = replace(message, pauses=True)  # whoever sits here sees and ends that they are recorded
        answers = self._calls[message.id] = _Answers(self, message.id)
        self._link.connect().carry(answers, message)

    def _follow(self, message: Yield | Cancel | Chunk | Credit) -> None:
        if isinstance(message, Credit | Cancel) and (stream := self._streams.get(message.id)):
            return stream.credit(message.chunks) if isinstance(message, Credit) else stream.hush()
        if message.id not in self._calls:
            return
        if isinstance(message, Yield):
            self._turned(message.id, False)
        if isinstance(message, Cancel):
            self.ended(message.id)
        if connection := self._link.current():
            connection.post(message)

    # --- devices -----------------------------------------------------------------------------------------------------

    def _open(self, request: Request) -> None:
        if len(self._streams) >= STREAMS:
            raise HushdError("server_busy", f"A program has at most {STREAMS} devices open there.")
        stream: Stream
        if request.op == "play":
            if not self._crowd.claimed(self.pid, "speaker"):
                raise HushdError(
                    "unauthorised",
                    "The person's machine plays what has claimed its floor: pass floor=client.floor('speaker').",
                )
            stream = LoudspeakerStream(self, request)
        elif request.op == "record":
            if not self._rights.microphone:
                raise HushdError("unauthorised", "The person's machine is attached with --no-microphone.")
            stream = MicrophoneStream(self, request)
        else:
            raise HushdError("unsupported", f"A device cannot {request.op[:20]!r}.")
        self._streams[request.id] = stream
        stream.start()

    def _tell(self, message: Control) -> None:
        stream = self._streams.get(_id(message))
        if isinstance(stream, LoudspeakerStream) and message.action == "volume":
            stream.volume(message.names[1:])
        elif stream:
            stream.hush()

    @property
    def round_trip(self) -> float:
        """Seconds to the other machine and back."""
        return self._crowd.round_trip

    def may_use(self, *devices: str) -> bool:
        """Returns whether its process has the floor of one of the devices."""
        return any(self._crowd.granted(self.pid, device) for device in devices)

    def holds(self, claim: bytes) -> bool:
        """Returns whether a claim is granted."""
        return claim in self.granted

    def claimed(self, claim: bytes) -> bool:
        """Returns whether a claim to the loudspeaker is under way."""
        return "speaker" in self.claims.get(claim, ())

    def closed(self, name: bytes, message: Message) -> None:
        """Notes that a stream has ended, and tells the program."""
        self._streams.pop(name, None)
        self.send(message)

    # --- the supervisor's answers, on the link's thread --------------------------------------------------------------

    def turned(self, turn: Turn) -> None:
        """Notes a state of a claim."""
        if turn.id in self.claims:
            self._turned(turn.id, turn.state == "granted")

    def _turned(self, name: bytes, granted: bool) -> None:
        (self.granted.add if granted else self.granted.discard)(name)
        self._crowd.look(self.pid)

    def ended(self, name: bytes) -> None:
        """Notes that a call or a claim is over."""
        self._calls.pop(name, None)
        if self.claims.pop(name, None) is not None:
            self._turned(name, False)


def _concerns_stream(message: Message) -> bool:
    return (isinstance(message, Request) and message.worker == WORKER) or (
        isinstance(message, Control) and message.action in STREAM_CONTROLS
    )


def _id(message: Control) -> bytes:
    try:
        return bytes.fromhex(message.names[0])
    except (IndexError, ValueError) as error:
        raise HushdError("bad_request", f"`{message.action}` names a stream.") from error


class _Answers:
    """The answers of the supervisor to one message, on their way to the program."""

    def __init__(self, guest: Guest, name: bytes) -> None:
        self._guest = guest
        self.id = name

    def receive(self, message: Message) -> bool:
        """See `hushd.transport.call.Answered`."""
        if isinstance(message, Turn):
            self._guest.send(message)  # first the reason, then the silence
            self._guest.turned(message)
            return False
        over = isinstance(message, Error | Result)
        if over:
            self._guest.ended(self.id)
        self._guest.send(message)
        return over

    def end(self, error: BaseException | None = None) -> None:
        """See `hushd.transport.call.Answered`."""
        self._guest.ended(self.id)
        lost = error if isinstance(error, HushdError) else HushdError("supervisor_lost", "The supervisor went away.")
        self._guest.send(Error.of(self.id, lost))
