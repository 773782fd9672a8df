"""Planted faults, and a plugin of pytest that plays the tests it has collected to each of them, in a fork.

A fault changes the body of a function, so that the fork needs no import: the functions of the module get the code of
the changed source. Where a fault changes anything else, such as a table, scripts/mutants has to plant it in a copy of
the package. Each fork ends with the first test that fails; those that are named after the
module, or lie beside it, come first.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
from transplant import Elsewhere, NotPlayed, transplant

CPU_S = 10.0  # of the processor's time for a test, whatever the load of the machine; the longest takes 1
ENDLESS = "(it computes without end)"
LONG = "test_floor"  # plays a world of its own


class Fault(NamedTuple):
    """A line of the core, and the wrong one that is planted in its place."""

    module: str
    right: str
    wrong: str

    @property
    def file(self) -> str:
        return f"core/{self.module}.py"

    def planted(self, source: str) -> str:
        if self.right not in source:
            raise NotPlayed(f"{self.file} has no {self.right!r} any more")
        return source.replace(self.right, self.wrong, 1)

    def distance(self, test: Path) -> tuple[bool, bool, bool]:
        """Puts tests in order, those first that are most likely to catch it."""
        folder, _, name = f"core/{self.module}".rpartition("/")
        return name not in test.stem, test.stem == LONG, test.parent.name != folder.rpartition("/")[2]


def plant(fault: Fault) -> None:
    """Gives the functions of the fault's module the code that they have with it.

    Raises:
        NotPlayed: it has no place.
        Elsewhere: more than bodies of functions would change.
    """
    module = import_module(f"hushd_supervisor.core.{fault.module.replace('/', '.')}")
    path = str(module.__file__)
    source = Path(path).read_text()
    right, wrong = (compile(text, path, "exec", dont_inherit=True) for text in (source, fault.planted(source)))
    transplant(module, right, wrong)


class _Ended(Exception):
    """The first test has failed."""


class _Failures:
    """Raises with the first failure."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            raise _Ended(_short(report.nodeid))


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Plays all tests without a fault, and then to each; prints a verdict a line: the fault's number and the test.

    The test is empty where all passed, and null where the fault is none that can be planted in a fork.
    """
    task = json.loads(os.environ["MUTANTS"])
    faults = list(enumerate(Fault(*fault) for fault in task["faults"]))
    if test := _verdict(*_fork(session, None)):
        raise session.Failed(f"{test} fails without any fault planted")
    playing: dict[int, tuple[int, int]] = {}  # process: number of the fault, descriptor of its verdict
    while faults or playing:
        while faults and len(playing) < task["jobs"]:
            number, fault = faults.pop(0)
            pid, reading = _fork(session, fault)
            playing[pid] = number, reading
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        assert ended
        pid = ended.si_pid
        number, reading = playing.pop(pid)
        print(f"verdict {json.dumps([number, _verdict(pid, reading)])}", flush=True)
    return True


def _fork(session: pytest.Session, fault: Fault | None) -> tuple[int, int]:
    """Returns the process that plays the tests, and the descriptor on which it says how that went."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _play(session, fault, lambda kind, text="": os.write(writing, json.dumps([kind, text]).encode()))
    os.close(writing)
    return pid, reading


def _verdict(pid: int, reading: int) -> str | None:
    """Returns the name of the test that failed, empty if none did, None where the fault could not be planted.

    Raises:
        NotPlayed: the process ended otherwise.
    """
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    kind, text = json.loads(data or b'["error", "a fork ended without a word"]')
    if kind == "error":
        raise NotPlayed(text)
    return None if kind == "elsewhere" else str(text)


def _give_up(test: str, tell: Callable[..., object], *_: object) -> None:
    tell("test", f"{_short(test)} {ENDLESS}")
    os._exit(0)


def _short(test: str) -> str:
    return test.removeprefix("tests/supervisor/core/")


def _play(session: pytest.Session, fault: Fault | None, tell: Callable[..., object]) -> None:
    """Plays the tests in this process, tells the verdict, and ends it."""
    try:
        items = session.items
        if fault:
            plant(fault)
            items = sorted(items, key=lambda item: fault.distance(item.path))
        session.config.pluginmanager.register(_Failures())
        for item, after in zip(items, [*items[1:], None], strict=True):
            signal.signal(signal.SIGPROF, partial(_give_up, item.nodeid, tell))
            signal.setitimer(signal.ITIMER_PROF, CPU_S)
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        tell("test")
    except _Ended as failed:
        tell("test", str(failed))
    except Elsewhere:
        tell("elsewhere")
    except BaseException as error:
        tell("error", f"{fault}: {type(error).__name__}: {error}")
    finally:
        os._exit(0)
