"""Tests of asking a child process a question."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import zmq
from hushd_supervisor.system.children import Children
from hushd_supervisor.system.process import Child
from hushd_supervisor.system.question import MAX_ANSWER_BYTES, Answer, Questions
from support.peer import BOUND_S

LIMIT_S = 10.0
Make = Callable[..., Questions]


@pytest.fixture
def poller() -> zmq.Poller:
    return zmq.Poller()


@pytest.fixture
def make(tmp_path: Path, poller: zmq.Poller) -> Iterator[Make]:
    """A catalogue whose children run `program`."""
    made: list[Questions] = []

    def catalogue(*program: str) -> Questions:
        def command(role: str) -> Sequence[str]:
            return [*program, "--describe"]

        made.append(Questions(Children(poller, Child), tmp_path, command, LIMIT_S))
        return made[-1]

    yield catalogue
    for one in made:
        one.close()
        while one.deadline() is not None:
            list(one.answers(dict(poller.poll(BOUND_S * 1000)), 0.0))


def answers(catalogue: Questions, poller: zmq.Poller, now: float = 0.0) -> list[Answer]:
    """Returns the events that come when the next child has ended."""
    return list(catalogue.answers(dict(poller.poll(BOUND_S * 1000)), now))


def until(catalogue: Questions, end: float) -> list[Answer]:
    """Has the loop be punctual until `end`, while nothing happens."""
    described: list[Answer] = []
    while (due := catalogue.deadline()) is not None and due <= end:
        described += catalogue.answers({}, due)
    return [*described, *catalogue.answers({}, end)]


def test_a_catalogue_is_what_the_child_prints(make: Make, poller: zmq.Poller) -> None:
    """Its JSON comes as an event; asked twice at once, it is one child and one answer; afterwards it is asked anew."""
    catalogue = make(sys.executable, "-c", """print('{"engines": []}')""")
    for now in (0.0, 1.0):
        assert catalogue.ask("stt", now) is None
        assert catalogue.ask("stt", now) is None
        assert catalogue.deadline() == now + LIMIT_S
        (described,) = answers(catalogue, poller)
        assert described == Answer("stt", {"engines": []})
        assert catalogue.deadline() is None


def test_a_child_that_fails_is_told_with_its_last_line(make: Make, poller: zmq.Poller) -> None:
    """The error names the command, its status and its last line."""
    catalogue = make(sys.executable, "-c", "import sys; print('first', file=sys.stderr); sys.exit('no such engine')")
    catalogue.ask("tts", 0.0)
    (described,) = answers(catalogue, poller)
    assert described.data == {}
    assert "status 1 (no such engine)" in described.error


@pytest.mark.parametrize(("kills", "sign"), [(1, "KILL"), (2, "TERM"), (3, "KILL"), (1, "SEGV")])
def test_a_child_that_others_kill_is_asked_again(
    make: Make, poller: zmq.Poller, tmp_path: Path, kills: int, sign: str
) -> None:
    """Two children that are killed are followed by another, whose answer comes; a third one, or one that crashes, is an
    error."""
    program = f"echo >>{tmp_path}/asked; [ $(wc -l <{tmp_path}/asked) -gt {kills} ] || kill -{sign} $$; echo '{{}}'"
    catalogue = make("sh", "-c", program)
    catalogue.ask("stt", 0.0)
    described: list[Answer] = []
    while catalogue.deadline() is not None:
        described += answers(catalogue, poller)
    (answer,) = described
    assert (answer.error == "") == (kills < 3 and sign != "SEGV")


@pytest.mark.parametrize("output", ["'not json'", "[1]", "''", f"'{{\"a\": \"' + 'x' * {MAX_ANSWER_BYTES} + '\"}}'"])
def test_an_answer_that_is_no_catalogue_is_an_error(make: Make, poller: zmq.Poller, output: str) -> None:
    """No JSON, another type, nothing, too much."""
    catalogue = make(sys.executable, "-c", f"print({output})")
    catalogue.ask("stt", 0.0)
    (described,) = answers(catalogue, poller)
    assert described.error == "its answer is not a JSON object."


def test_a_program_that_is_not_there_is_told_at_once(make: Make) -> None:
    """No event comes later."""
    catalogue = make("/no/such/program")
    described = catalogue.ask("stt", 0.0)
    assert described is not None
    assert "could not be started" in described.error
    assert catalogue.deadline() is None


def test_a_child_that_takes_too_long_is_killed(make: Make, poller: zmq.Poller) -> None:
    """A child is ended and answered for after 10 s; a next one starts once its end was seen."""
    catalogue = make(sys.executable, "-c", "import time; time.sleep(60)")
    catalogue.ask("stt", 100.0)
    assert until(catalogue, 100.0 + LIMIT_S - 0.1) == []
    (described,) = until(catalogue, 100.0 + LIMIT_S)
    assert described == Answer("stt", error="there was no answer in 10 s.")
    again = catalogue.ask("stt", 100.0 + LIMIT_S)
    assert again == Answer("stt", error="the previous process cannot be killed.")
    assert catalogue.deadline() is None
    ready = dict(poller.poll(10_000))
    assert list(catalogue.answers(ready, 100.0 + LIMIT_S)) == []
    assert catalogue.ask("stt", 100.0 + LIMIT_S) is None
