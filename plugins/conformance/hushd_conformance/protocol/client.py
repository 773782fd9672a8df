"""The cases for a client, a program that takes `synthesize TEXT`, `transcribe FILE` and `status`."""

from __future__ import annotations

import msgpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAGIC, MAX_CREDIT, PROTOCOL
from hushd_protocol.messages import (
    Accepted,
    Chunk,
    Control,
    Credit,
    Hello,
    Partial,
    Ping,
    Pong,
    Progress,
    Request,
    Result,
)

from hushd_conformance.case import Case, Fault

from .scripted import CLIENT_QUIET_S, Trial

TEXT = "Ever tried. Ever failed."
PIECES = [bytes([number]) * 400 for number in range(40)]  # samples, different in each piece
RECORDING = bytes(range(256)) * 1024  # four chunks, at least
WORDS = "Fail better."
SEGMENT = {"kind": "segment", "id": 0, "start": 0.0, "end": 1.0, "text": WORDS}
SPOKEN = {"duration": 1.0, "rate": 16000, "voice": "", "speed": 1.0, "sentences": 1}
WRITTEN = {"language": "en", "duration": 1.0, "segments": 1}


def hello(trial: Trial) -> None:
    """Checks the first message, and messages before its answer."""
    trial.start("status")
    first = trial.take()
    if not isinstance(first, Hello):
        raise Fault(f"it began with {first.TYPE if first else 'nothing'}")
    if early := trial.take(CLIENT_QUIET_S):
        raise Fault(f"it sent a {early.TYPE} before that")
    trial.welcome(first)
    control = trial.expect(Control)
    if control.action != "status":
        raise Fault(f"it sent the control {control.action}")
    trial.send(Result(id=control.id, data={"supervisor": {}, "workers": [], "memory": {}}))
    trial.succeeds()


def version(trial: Trial) -> None:
    """Plays a supervisor of another version."""
    trial.start("status")
    while isinstance(trial.take(), Hello):
        error = HushdError("version_mismatch", "This is another version.", detail={"protocol": PROTOCOL + 1})
        trial.refuse(Hello(protocol=PROTOCOL, version=""), error)
    trial.fails("version_mismatch")


def credit(trial: Trial) -> None:
    """Sends output for which the client must grant credit."""
    request = spoken(trial)
    send_pieces(trial, request, PIECES)
    trial.send(Result(id=request.id, data=SPOKEN))
    if trial.succeeds() != b"".join(PIECES):
        raise Fault("its output differs from the chunks")


def strangers(trial: Trial) -> None:
    """Sends keys and types of a later version, answers without a request, and progress."""
    request = spoken(trial)
    trial.send(Accepted(id=request.id, state="starting", note="loading"), Progress(id=request.id, done=0.5))
    trial.send_frames(MAGIC, msgpack.packb({"type": "weather", "id": request.id, "sky": "blue"}), b"")
    trial.send(Chunk(id=bytes(16), seq=0, payload=b"for nobody"), Result(id=bytes(16)))
    later = {"type": "chunk", "id": request.id, "seq": 0, "rate": 16000, "channels": 1, "hue": [1, {"a": None}]}
    trial.send_frames(MAGIC, msgpack.packb(later), PIECES[0])
    trial.send(Result(id=request.id, data={**SPOKEN, "shade": 0.5}))
    if trial.succeeds() != PIECES[0]:
        raise Fault("its output differs from the chunk")


def ping(trial: Trial) -> None:
    """Sends pings, which the client must answer."""
    request = spoken(trial)
    trial.send(Ping())
    trial.expect(Pong)
    send_pieces(trial, request, PIECES[:1])
    trial.send(Result(id=request.id, data=SPOKEN))
    trial.succeeds()


def gap(trial: Trial) -> None:
    """Sends an answer with a missing piece."""
    request = spoken(trial)
    first, _, third = (chunk(request, number) for number in range(3))
    trial.send(first, third, Result(id=request.id, data=SPOKEN))
    trial.fails("protocol_error")


def refusal(trial: Trial) -> None:
    """Sends an error of the table."""
    trial.refuse(spoken(trial), HushdError("overloaded", "The queue is full: please try again."))
    trial.fails("overloaded", "The queue is full: please try again.")


def lost(trial: Trial) -> None:
    """Ends the connection in the middle of an answer."""
    request = spoken(trial)
    send_pieces(trial, request, PIECES[:4])
    trial.send(Ping())
    trial.expect(Pong)  # when it comes, the chunks have arrived
    trial.die()
    trial.fails("supervisor_lost")


def path(trial: Trial) -> None:
    """Reports that the worker cannot open the file."""
    file = trial.folder / "recording.wav"
    file.write_bytes(RECORDING)
    request = trial.request("transcribe", str(file))
    if request.input == "path":
        info = file.stat()
        told = (request.path, request.device, request.inode, request.size)
        if told != (str(file), info.st_dev, info.st_ino, info.st_size):
            raise Fault(f"path, device, inode and size are {told}")
        trial.refuse(request, HushdError("path_unreachable", "The worker cannot open the file."))
        request = trial.expect(Request)
    if request.input != "stream":
        raise Fault(f"the input of its request is {request.input}")
    trial.quiet()  # no chunk may come without credit
    received = receive_input(trial, request)
    if received != RECORDING:
        raise Fault(f"{len(received)} of {len(RECORDING)} bytes came, or different ones")
    trial.send(Partial(id=request.id, seq=0, data=SEGMENT), Result(id=request.id, data=WRITTEN))
    if WORDS not in trial.succeeds().decode():
        raise Fault("its output does not have the segment's text")


def again(trial: Trial) -> None:
    """Crashes the worker of a streamed input, also of its repetition."""
    file = trial.folder / "recording.wav"
    file.write_bytes(RECORDING)
    request = trial.request("transcribe", str(file))
    if request.input == "path":
        trial.refuse(request, HushdError("path_unreachable", "The worker cannot open the file."))
        request = trial.expect(Request)
    receive_input(trial, request)
    trial.refuse(request, HushdError("worker_crashed", "The worker has died."))
    if repeated := trial.next_request():
        if (repeated.id, repeated.attempt) != (request.id, 1):
            raise Fault(f"it asked again with {'its' if repeated.id == request.id else 'another'} id and the attempt "
                        f"{repeated.attempt}")  # fmt: skip
        received = receive_input(trial, repeated)
        if received != RECORDING:
            raise Fault(f"{len(received)} of {len(RECORDING)} bytes came again, or different ones")
        trial.refuse(repeated, HushdError("worker_crashed", "The worker has died."))
        if trial.next_request():
            raise Fault("it asked a third time")
    trial.fails("worker_crashed", "The worker has died.")


CASES = (
    Case("hello", "The first message is hello, and no other is sent before the welcome.", hello),
    Case("version", "A client whose version is refused ends with version_mismatch.", version),
    Case("credit", "A client grants credit for the chunks that it receives, 256 at most.", credit),
    Case("strangers", "Unknown keys and types, and answers to others, are ignored.", strangers),
    Case("ping", "A client with a request answers each ping.", ping),
    Case("gap", "A client that finds a gap in seq ends the request with protocol_error.", gap),
    Case("refusal", "An error ends the request with its code and its sentence.", refusal),
    Case("lost", "A client whose connection ends in the middle reports supervisor_lost.", lost),
    Case("path", "A file is named with its identity, or streamed as credit allows, in order, up to its end.", path),
    Case(
        "again", "A request is repeated after worker_crashed with its id, attempt 1 and the whole input, once.", again
    ),
)


def spoken(trial: Trial) -> Request:
    """Returns the program's complete request for speech."""
    request = trial.request("synthesize", TEXT)
    text = receive_input(trial, request) if request.input == "stream" else request.payload
    if text.decode(errors="replace").strip() != TEXT:
        raise Fault(f"its text is {text!r}")
    if request.credit < 1:
        raise Fault("its request grants no credit")
    return request


def chunk(request: Request, number: int) -> Chunk:
    """Returns a piece of output, the first one with its format."""
    rate, channels = (16000, 1) if number == 0 else (0, 0)
    return Chunk(id=request.id, seq=number, payload=PIECES[number], rate=rate, channels=channels)


def send_pieces(trial: Trial, request: Request, pieces: list[bytes]) -> None:
    """Sends output as credit allows."""
    left = request.credit
    for number in range(len(pieces)):
        while left == 0:
            grant = trial.expect(Credit)
            if grant.id != request.id or grant.chunks < 1:
                raise Fault("one of its credits grants nothing")
            left += min(grant.chunks, MAX_CREDIT)
        trial.send(chunk(request, number))
        left -= 1


def receive_input(trial: Trial, request: Request) -> bytes:
    """Grants credit chunk by chunk; returns the received bytes, up to the last chunk."""
    received = b""
    for number in range(10_000):
        trial.send(Credit(id=request.id, chunks=1))
        piece = trial.expect(Chunk)
        if (piece.id, piece.seq) != (request.id, number):
            raise Fault(f"its chunk {number} has the seq {piece.seq}")
        received += piece.payload
        if piece.last:
            return received
    raise Fault("its input has no end")
