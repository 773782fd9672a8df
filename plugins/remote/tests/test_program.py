"""A program of another machine: the streams that it may begin, and those that end with its floor or with itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hushd_protocol.messages import Cancel, Chunk, Control, Credit, Error, Hello, Message, Request, Result, Turn
from hushd_remote import program as module
from hushd_remote.permissions import Permissions
from hushd_remote.program import MAX_STREAMS, AttachedProgram, Claimed, _Answers
from hushd_remote.streams import LoudspeakerStream, MicrophoneStream

pytestmark = pytest.mark.usefixtures("runtime")
CLAIM = b"c" * 16


class Stream:
    """A stream that notes all it is told."""

    def __init__(self, owner: Any, request: Request) -> None:
        self.owner, self.told = owner, list[object]()

    def start(self) -> None:
        self.told.append("start")

    def receive(self, chunk: Chunk) -> bool:
        self.told.append(chunk.payload)
        return chunk.payload != b"too much"

    def check_floor(self) -> None:
        self.told.append(self.owner.permitted())

    def hush(self) -> None:
        self.told.append("hush")

    def volume(self, level: float) -> None:
        self.told.append(level)

    def credit(self, chunks: int) -> None:
        self.told.append(f"{chunks} chunks")


class Speaking(Stream, LoudspeakerStream):
    """One of the loudspeaker's."""


class Hearing(Stream, MicrophoneStream):
    """One of the microphone's."""


class Machine:
    """The connections of the processes there, and what each was sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, microphone: bool = True) -> None:
        monkeypatch.setattr(module, "LoudspeakerStream", Speaking)
        monkeypatch.setattr(module, "MicrophoneStream", Hearing)
        self._permissions = Permissions("desk", microphone=microphone)
        self.programs: list[AttachedProgram] = []
        self.sent: dict[AttachedProgram, list[Message]] = {}

    def connect(self, pid: int = 7) -> AttachedProgram:
        sent: list[Message] = []
        hello = Hello(protocol=1, version="1", holder="cli", pid=pid)
        made = AttachedProgram(hello, self._permissions, sent.append, self._of)
        self.programs.append(made)
        self.sent[made] = sent
        return made

    def _of(self, pid: int) -> Iterable[AttachedProgram]:
        return [each for each in self.programs if each.pid == pid]

    def told(self, program: AttachedProgram) -> str:
        """The last error that a program was sent."""
        error = self.sent[program][-1]
        assert isinstance(error, Error)
        return f"{error.code}: {error.message}"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterable[Machine]:
    made = Machine(monkeypatch)
    yield made
    for each in made.programs:
        each.disconnect()


def opened(program: AttachedProgram, name: bytes, op: str = "play") -> Stream:
    assert program.receive(Request(id=name, worker="devices", op=op, params={}, input="none"))
    stream = program.streams[name]
    assert isinstance(stream, Stream)
    return stream


def test_a_process_plays_by_one_connection_and_claims_by_another(machine: Machine) -> None:
    """Its sound has the floor while the claim is granted, and falls silent as it ends, or as that connection does."""
    claims, plays, other = machine.connect(), machine.connect(), machine.connect(pid=8)
    for program in (plays, other):
        program.receive(Request(id=b"1" * 16, worker="devices", op="play", params={}, input="none"))
        assert "unauthorised: The person's machine plays what has claimed its floor" in machine.told(program)
    claims.claims[CLAIM] = Claimed({"speaker"})
    stream = opened(plays, b"1" * 16)
    claims.turned(CLAIM, granted=True)
    claims.turned(CLAIM, granted=False)
    claims.turned(CLAIM, granted=True)
    claims.ended(CLAIM)
    assert stream.told == ["start", True, False, True, False]
    claims.claims[CLAIM] = Claimed({"speaker"}, granted=True)
    claims.disconnect()
    assert stream.told[-1] is False
    assert len(stream.told) == 6
    assert not other.streams


def test_a_granted_turn_is_noted_before_the_program_hears_of_it(machine: Machine) -> None:
    """It plays at once; of an end it hears the reason before the silence."""
    program = machine.connect()
    program.claims[CLAIM] = Claimed({"speaker"})
    stream, sent = opened(program, b"1" * 16), machine.sent[program]
    answers = _Answers(program, CLAIM)
    answers.receive(Turn(id=CLAIM, state="waiting"))
    answers.receive(Turn(id=CLAIM, state="granted"))
    assert stream.told == ["start", False, True]
    answers.receive(Result(id=CLAIM))
    assert stream.told[-1] is False
    assert [type(each) for each in sent] == [Turn, Turn, Result]
    assert CLAIM not in program.claims


def test_all_that_a_program_has_begun_ends_with_it(machine: Machine) -> None:
    """Its own sound is silent, whoever else has the floor."""
    program, other = machine.connect(), machine.connect()
    other.claims[CLAIM] = Claimed({"speaker"}, granted=True)
    mine, theirs = opened(program, b"1" * 16), opened(other, b"2" * 16)
    program.disconnect()
    assert "hush" in mine.told
    assert "hush" not in theirs.told


def test_what_concerns_a_stream_reaches_it_alone(machine: Machine) -> None:
    """Sound, its end, its volume and how much may be sent; more sound than was allowed is an error of the program."""
    program = machine.connect()
    program.claims[CLAIM] = Claimed({"speaker", "microphone"}, granted=True)
    speaks, hears = opened(program, b"1" * 16), opened(program, b"2" * 16, "record")
    assert program.receive(Chunk(id=b"1" * 16, seq=0, payload=b"sound"))
    assert not program.receive(Chunk(id=b"1" * 16, seq=1, payload=b"too much"))
    assert not program.receive(Chunk(id=b"2" * 16, seq=0, payload=b"sound")), "a microphone takes none"
    assert program.receive(Credit(id=b"2" * 16, chunks=3))
    assert program.receive(Control(id=b"9" * 16, action="volume", names=[(b"1" * 16).hex(), "0.5"]))
    assert program.receive(Cancel(id=b"2" * 16))
    assert program.receive(Control(id=b"9" * 16, action="hush", names=[(b"1" * 16).hex()]))
    assert speaks.told == ["start", b"sound", b"too much", 0.5, "hush"]
    assert hears.told == ["start", "3 chunks", "hush"]


@pytest.mark.parametrize(("action", "names", "sentence"), [
    ("volume", [(b"1" * 16).hex(), "loud"], "A volume is a number."), ("volume", [(b"1" * 16).hex()], "is a number."),
    ("hush", ["no digits"], "`hush` names a stream."), ("volume", [7], "`volume` names a stream."),
])  # fmt: skip
def test_a_control_that_says_nothing_is_an_error(
    action: str, names: list[Any], sentence: str, machine: Machine
) -> None:
    """The stream goes on as it was; a stream that has ended is none."""
    program = machine.connect()
    program.claims[CLAIM] = Claimed({"speaker"}, granted=True)
    stream = opened(program, b"1" * 16)
    program.receive(Control(id=b"9" * 16, action=action, names=names))
    assert sentence in machine.told(program)
    program.receive(Control(id=b"9" * 16, action=action, names=[(b"3" * 16).hex()]))
    assert stream.told == ["start"]


def test_streams_of_a_program_are_bounded(machine: Machine) -> None:
    """One that has ended leaves its place, and the program has its last word."""
    program = machine.connect()
    program.claims[CLAIM] = Claimed({"speaker"}, granted=True)
    for number in range(MAX_STREAMS):
        opened(program, b"%016d" % number)
    one_more = Request(id=b"x" * 16, worker="devices", op="play", params={}, input="none")
    program.receive(one_more)
    assert machine.told(program) == f"server_busy: A program has at most {MAX_STREAMS} streams at once."
    end = Result(id=b"%016d" % 3)
    program._close(end.id, end)
    assert machine.sent[program][-1] is end
    program.receive(one_more)
    assert len(program.streams) == MAX_STREAMS


def test_who_may_not_hear_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """By any connection, and whatever it has claimed."""
    machine = Machine(monkeypatch, microphone=False)
    program = machine.connect()
    program.claims[CLAIM] = Claimed({"microphone"}, granted=True)
    program.receive(Request(id=b"1" * 16, worker="devices", op="record", params={}, input="none"))
    assert machine.told(program) == "unauthorised: The person's machine is attached with --no-microphone."
    assert not program.streams
    program.disconnect()
