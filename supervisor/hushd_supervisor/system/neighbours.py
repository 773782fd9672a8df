"""Asks neighbours by a short-lived process of the package hushd_neighbours: here nothing speaks HTTP.

The process gets the neighbours and then the questions on its standard input, a JSON object a line, and answers so, too.
It ends with its input, which we close once all is answered; one that has not answered in time is killed. Nothing that
it writes is believed before it is checked, and a turn reads little of it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path

import zmq
from hushd_protocol import JsonObject
from hushd_protocol.system import atomic_file, best_effort
from hushd_schema.settings import Settings
from hushd_schema.settings.neighbours import PACKAGE

from hushd_supervisor.core.actions import Action, AskNeighbour, RememberAsleep
from hushd_supervisor.core.events import FromNeighbour
from hushd_supervisor.core.neighbours.holds import Hold, Key

from . import children
from .process import Launch
from .source import Outcome, Perform, Source

MAX_LINE = 1 << 20  # bytes
MAX_OUTPUT = 4 << 20  # bytes of one process
PIECE = 1 << 16  # bytes that a turn reads,
LINES = 16  # and lines that it takes
HOLDS = 256  # models of one neighbour
LARGEST = 1 << 60  # bytes
NAME = 200  # characters
ASLEEP = "asleep.json"  # in the state folder
_NO_PROCESS = "The process that asks neighbours"
_UNDERSTOOD = {"give": "gave", "wake": "woken"}  # the answers that say that it is done


class _Talk:
    """A process, the questions that it has not answered, and its output so far."""

    def __init__(self, child: children.Running, questions: int, answers: int) -> None:
        self.child = child
        self.questions, self.answers = questions, answers
        self.open: dict[tuple[str, Key], float] = {}  # the questions, each with its time limit
        self.unheard: set[str] = set()  # the neighbours that have not answered the look
        self.unread = bytearray()
        self.read = 0

    def ask(self, line: JsonObject) -> None:
        """Writes a line. Raises OSError where the process is gone, or reads none."""
        text = json.dumps(line).encode() + b"\n"
        if os.write(self.questions, text) < len(text):
            raise BlockingIOError

    def has_line(self) -> bool:
        return b"\n" in self.unread

    def close(self) -> None:
        """Closes our ends, once it has exited."""
        for descriptor in (self.questions, self.answers):
            if descriptor >= 0:
                os.close(descriptor)
        self.child.close()


class Neighbours(Source):
    """The process that asks neighbours, one at a time, and the record of models that sleep.

    Args:
        settings: name the neighbours.
        state: the folder of the record.
        logs: the folder of the process's log.
        command: starts it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        poller: zmq.Poller,
        launch: Launch,
        state: Path,
        logs: Path,
        command: Callable[[], list[str]] = lambda: [sys.executable, "-P", "-m", PACKAGE],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._poller = poller
        self._launch = launch
        self._record = state / ASLEEP
        self._log = logs / "neighbours.log"
        self._command = command
        self._clock = clock
        self._unrecorded: tuple[Key, ...] = ()  # models that would sleep without a record
        self._talk: _Talk | None = None
        self._ending: list[_Talk] = []

    def actions(self) -> Mapping[type[Action], Perform]:
        return {AskNeighbour: self._ask, RememberAsleep: self._remember}

    # --- the record ----------------------------------------------------------------------------------------------

    def asleep(self) -> list[Key]:
        """The models that the last supervisor has left asleep."""
        try:
            rows = json.loads(self._record.read_bytes()[:MAX_LINE])
        except (OSError, ValueError, RecursionError):
            return []
        pairs = rows if isinstance(rows, list) else []
        return [(row[0], row[1]) for row in pairs if isinstance(row, list) and [*map(type, row)] == [str, str]]

    def _remember(self, action: RememberAsleep) -> Iterable[Outcome]:
        self._unrecorded = action.asleep
        with best_effort.writing(self._record):
            if action.asleep:
                atomic_file.replace(self._record, json.dumps(action.asleep) + "\n", mode=0o600)
            else:
                self._record.unlink(missing_ok=True)
            self._unrecorded = ()
        return ()

    # --- questions -----------------------------------------------------------------------------------------------

    def _ask(self, action: AskNeighbour) -> Iterable[Outcome]:
        """Asks, by a new process where none is under way; returns the error where that fails."""
        question = action.question, (action.neighbour, action.model)
        if action.question == "give" and question[1] in self._unrecorded:  # nobody might ever wake it
            return (
                FromNeighbour("give", *question[1], error=f"It is not asked, since {self._record} is not written."),
            )
        try:
            talk = self._talk or self._start(max(0.0, action.until - self._clock()))
            talk.open[question] = action.until
            if action.question == "look":
                talk.unheard = set(self.settings.neighbours)
            talk.ask(_line(action))
        except (OSError, ValueError) as error:
            if self._talk:
                self._talk.open.pop(question, None)
            why = f"{_NO_PROCESS} could not be asked ({error})."
            return (FromNeighbour(action.question, action.neighbour, action.model, error=why),)
        return ()

    def _start(self, limit_s: float) -> _Talk:
        """Starts the process, and tells it who the neighbours are."""
        ours = [*os.pipe(), *os.pipe()]
        theirs_in, questions, answers, theirs_out = ours
        try:
            child = children.start(self._launch, self._command(), self._log, answer=theirs_out, question=theirs_in)
        except BaseException:
            os.close(questions)
            os.close(answers)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        for descriptor in (questions, answers):
            os.set_blocking(descriptor, False)
        self._talk = talk = _Talk(child, questions, answers)
        self._poller.register(answers, zmq.POLLIN)
        known = self.settings.neighbours.items()
        rows = [{"name": n, "kind": s.kind, "url": s.url, "idle_s": s.idle, "token": s.token} for n, s in known]
        talk.ask({"neighbours": rows, "deadline_s": round(limit_s, 3)})
        return talk

    # --- answers -------------------------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        if self._talk is None:
            return self._clock() + 0.1 if self._ending and self._ending[0].child.process.exit_fd is None else None
        if self._talk.has_line():
            return 0.0
        return min(self._talk.open.values(), default=0.0)

    def events(self, ready: Container[object], now: float) -> Iterator[FromNeighbour]:
        """Reads a little of the process's output; ends it once all is answered, or its time is up."""
        self._reap(ready)
        talk = self._talk
        if talk is None:
            return
        fault = self._read(talk) if talk.answers in ready and not talk.has_line() else ""
        for _ in range(LINES):
            line, newline, _ = talk.unread.partition(b"\n")
            if not newline:
                break
            del talk.unread[: len(line) + 1]
            yield from self._take(talk, bytes(line))
        if not talk.has_line() and (fault or min(talk.open.values(), default=now) <= now):
            yield from self._end(talk, fault or ("has not answered in time" if talk.open else ""))

    def _read(self, talk: _Talk) -> str:
        """Reads a piece; returns the fault in it, empty for none."""
        try:
            piece = os.read(talk.answers, PIECE)
        except BlockingIOError:
            return ""
        except OSError:
            piece = b""
        talk.unread += piece
        talk.read += len(piece)
        if not piece:
            return "ended without an answer" if talk.open else ""
        if talk.read > MAX_OUTPUT or len(talk.unread) > MAX_LINE:
            talk.unread.clear()
            return "has written too much"
        return ""

    def _take(self, talk: _Talk, line: bytes) -> Iterator[FromNeighbour]:
        """Yields the answer in a line, if it is one to a question that was asked."""
        answer = _object(line)
        neighbour, model = answer.get("neighbour", ""), answer.get("model", "")
        if answer.get("looked") is True and talk.open.pop(("look", ("", "")), None) is not None:
            yield FromNeighbour("look")
        elif not isinstance(neighbour, str) or not isinstance(model, str):
            return
        elif not model and neighbour in talk.unheard:
            talk.unheard.discard(neighbour)
            error = _sentence(answer) if "holds" not in answer else ""
            yield FromNeighbour("look", neighbour, holds=holds(neighbour, answer.get("holds")), error=error)
        else:
            for question, word in _UNDERSTOOD.items():
                if (question, (neighbour, model)) in talk.open:
                    del talk.open[question, (neighbour, model)]
                    error = "" if answer.get(word) is True else _sentence(answer)
                    sleeps = isinstance(answer.get("wake"), dict) and not error
                    yield FromNeighbour(question, neighbour, model, sleeps=sleeps, error=error)
                    return

    def _end(self, talk: _Talk, fault: str) -> Iterator[FromNeighbour]:
        """Ends the process: gently, unless something is wrong; then its open questions are answered with that."""
        self._talk = None
        self._poller.unregister(talk.answers)
        if fault:
            talk.child.process.kill()
        os.close(talk.questions)
        talk.questions = -1
        self._ending.append(talk)
        if talk.child.process.exit_fd is not None:
            self._poller.register(talk.child.process.exit_fd, zmq.POLLIN)
        for question, (neighbour, model) in talk.open:
            yield FromNeighbour(question, neighbour, model, error=f"{_NO_PROCESS} {fault}.")

    def _reap(self, ready: Container[object]) -> None:
        """Reaps the processes that have exited."""
        for talk in self._ending[:]:
            descriptor = talk.child.process.exit_fd
            if (descriptor is None or descriptor in ready) and talk.child.process.poll() is not None:
                if descriptor is not None:
                    self._poller.unregister(descriptor)
                self._ending.remove(talk)
                talk.close()

    def close(self) -> None:
        for talk in (*self._ending, *((self._talk,) if self._talk else ())):
            talk.child.process.kill()


def _line(action: AskNeighbour) -> JsonObject:
    if action.question == "look":
        return {"do": "look"}
    line = {"do": action.question, "neighbour": action.neighbour, "model": action.model}
    return line | ({"ram": action.ram, "cards": dict(action.cards)} if action.question == "give" else {})


def _object(line: bytes) -> JsonObject:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _sentence(answer: JsonObject) -> str:
    sentence = answer.get("failed")
    if isinstance(sentence, str) and sentence and sentence.isprintable():
        return sentence[:NAME]
    return "Its answer makes no sense."


def holds(neighbour: str, rows: object) -> tuple[Hold, ...]:
    """The models in a neighbour's answer, as far as they make sense."""
    known = rows[:HOLDS] if isinstance(rows, list) else []
    return tuple(hold for row in known if (hold := _hold(neighbour, row)) is not None)


def _hold(neighbour: str, row: object) -> Hold | None:
    if not isinstance(row, dict):
        return None
    model, cards = row.get("model"), row.get("cards", {})
    if not isinstance(model, str) or not 0 < len(model) <= NAME or not model.isprintable():
        return None
    if not isinstance(cards, dict) or len(cards) > 64 or not all(map(_is_size, (row.get("ram", 0), *cards.values()))):
        return None
    if not (_is_time(row.get("idle_s")) and _is_time(row.get("reload_s"))):
        return None
    in_use = row.get("in_use")
    return Hold(
        neighbour,
        model,
        row.get("ram", 0),
        cards,
        row.get("idle_s"),
        in_use if isinstance(in_use, bool) else None,
        row.get("pinned", False) is not False,
        row.get("reload_s"),
    )


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < LARGEST


def _is_time(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12)
