"""Checks whether a program, in any language, keeps the memory treaty, docs/TREATY.md of hushd.

usage: conformance.py COMMAND [ARGUMENT …]

It starts the command with a new XDG_RUNTIME_DIR. There the program should soon hold some idle memory of the machine
without a request, in several models if possible. It prints a line for each case; the exit status is 1 if one failed.
Linux.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent / "hushd_treaty"))
import memory_treaty as treaty

START_S = 60.0  # for the program to write its file, with memory that it could give
NOBODY, PR_SET_DUMPABLE, CLOSED = 65534, 4, 3
CASES: list[Callable[[Trial], object]] = []


class Failed(Exception):
    """The program breaks the treaty."""


class Trial:
    """The program, and a folder of the treaty for it alone."""

    def __init__(self, command: list[str]) -> None:
        self.runtime = Path(tempfile.mkdtemp(prefix="treaty-"))
        self.where = self.runtime / "memory-treaty"
        self._command, self._log = command, (self.runtime / "log").open("wb")
        self.start()

    def start(self) -> None:
        """Starts the program, and waits until it holds memory."""
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.runtime)}
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            env=environment,
            start_new_session=True,
        )
        for _ in wait(START_S):
            if any(idle(party) for party in treaty.parties(str(self.where))):
                return
            if self.process.poll() is not None:
                break
        log = (self.runtime / "log").read_text(errors="replace")[-1000:]
        raise Failed(f"no file says that it holds idle memory within {START_S:g} s\n{log}")

    @property
    def party(self) -> treaty.Party:
        """Returns the program, by its file."""
        parties = treaty.parties(str(self.where))
        need(len(parties) == 1, f"{len(parties)} holders are there instead of one")
        return parties[0]

    @property
    def path(self) -> Path:
        """Returns the path of the program's file."""
        return self.where / f"{self.party.name}-{self.party.pid}.json"

    def connect(self) -> socket.socket:
        """Returns a connection to the program."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.party.socket)  # waits if too many connect at once
        connection.settimeout(2 * treaty.ANSWER_S)
        return connection

    def answer(self, line: bytes) -> Any:
        """Returns the answer to a line; None if the connection ends without one."""
        with self.connect() as connection, connection.makefile("rb") as file:
            try:
                connection.sendall(line)
                received = file.readline(treaty.LINE + 1)
            except (BrokenPipeError, ConnectionResetError):
                return None
            except TimeoutError as error:
                raise Failed(f"no answer to {line[:60]!r}") from error
        need(len(received) <= treaty.LINE, "an answer is too long")
        return json.loads(received) if received else None

    def end(self) -> None:
        """Ends the program and removes the folder."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        self._log.close()
        shutil.rmtree(self.runtime, ignore_errors=True)


def case(test: Callable[[Trial], object]) -> Callable[[Trial], object]:
    """Adds a case; its docstring is the claim."""
    CASES.append(test)
    return test


def need(condition: object, otherwise: str) -> None:
    """Raises Failed unless a condition holds."""
    if not condition:
        raise Failed(otherwise)


def wait(seconds: float) -> Iterator[None]:
    """Yields again and again for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
        time.sleep(0.05)


def idle(party: treaty.Party) -> int:
    """Returns the bytes of the machine's memory that a holder could give."""
    return sum(held.ram for held in party.holds if held.idle_since is not None and not held.pinned)


# --- the file --------------------------------------------------------------------------------------------------------


@case
def shape(trial: Trial) -> None:
    """its file has all the fields, and a name made of them"""
    data = json.loads(trial.path.read_text())
    for key, kind in {"treaty": int, "name": str, "pid": int, "started": str, "socket": str, "holds": list}.items():
        need(type(data.get(key)) is kind, f"{key} is {data.get(key)!r}")
    need(os.path.isabs(data["socket"]), "socket is not an absolute path")
    for held in data["holds"]:
        need(held["idle_since"] is None or abs(time.time() - held["idle_since"]) < 3600, "idle_since is not Unix time")
        need(all(re.fullmatch(r"[0-9a-f]{4,8}:\w\w:\w\w\.\w", card) for card in held.get("cards", {})), "a card's name")


@case
def private(trial: Trial) -> None:
    """its folder has mode 0700, and its file 0600"""
    folder, file = trial.where.stat().st_mode & 0o777, trial.path.stat().st_mode & 0o777
    need((folder, file) == (0o700, 0o600), f"they have {folder:o} and {file:o}")


@case
def two(trial: Trial) -> None:
    """of two askers at once, neither gets memory that the other gets"""
    held, given = idle(trial.party), []
    askers = [threading.Thread(target=lambda: given.append(trial.party.ask(held, for_s=30).bytes)) for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    need(len(given) == 2 and 0 < sum(given) <= held, f"{given} of {held} bytes were given")


@case
def gone(trial: Trial) -> None:
    """memory that it gave is removed from its file within 15 seconds"""
    for _ in wait(15):
        if idle(trial.party) == 0:
            return
    raise Failed(f"{idle(trial.party)} bytes are still listed as idle")


@case
def again(trial: Trial) -> None:
    """without any memory left it gives nothing, and says why"""
    given = trial.party.ask(1 << 40)
    need(given.bytes == 0 and given.why and not given.claim, f"it answers {given}")


@case
def back(trial: Trial) -> None:
    """a claim can be given back once, and by any connection"""
    restart(trial)
    given = trial.party.ask(1)
    need(given.bytes > 0 and given.claim, f"it answers {given}")
    need(trial.party.give_back(given.claim) is True, "the claim is unknown")
    need(trial.party.give_back(given.claim) is False, "the claim can be given back twice")
    need(trial.party.give_back("no such claim") is False, "an invented claim is accepted")


@case
def some(trial: Trial) -> None:
    """for a request of one byte it gives at most one model"""
    restart(trial)
    largest = max(held.ram for held in trial.party.holds)
    given = trial.party.ask(1)
    need(0 < given.bytes <= largest, f"it gives {given.bytes} bytes, but the largest model has {largest}")


@case
def unknown_card(trial: Trial) -> None:
    """of an unknown card it gives nothing"""
    given = trial.party.ask(1, card="ffff:ff:1f.7")
    need(given.bytes == 0, f"it gives {given.bytes} bytes")


@case
def atomic(trial: Trial) -> None:
    """its file can be read at any time, and is always complete"""
    done, broken = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            try:
                json.loads(trial_path.read_text())
            except (OSError, ValueError) as error:
                broken.append(repr(error))

    restart(trial)
    trial_path, party = trial.path, trial.party
    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        party.give_back(party.ask(1).claim)
    done.set()
    reader.join()
    need(not broken, f"{len(broken)} times: {broken[:1]}")


# --- the socket ------------------------------------------------------------------------------------------------------


@case
def several(trial: Trial) -> None:
    """it answers several requests of a connection, in order"""
    with trial.connect() as connection, connection.makefile("rb") as file:
        connection.sendall(b'{"back": "a"}\n{"give": 0}\n{"back": "b"}\n')
        answers = [json.loads(file.readline()) for _ in range(3)]
    need(["given" in answer for answer in answers] == [False, True, False], f"they are {answers}")


@case
def unknown_keys(trial: Trial) -> None:
    """unknown keys are ignored"""
    answer = trial.answer(b'{"give": 0, "colour": "blue"}\n')
    need(answer and "given" in answer, f"it answers {answer}")


@case
def garbage(trial: Trial) -> None:
    """a line that is not a request is answered with an error, or by the connection's end"""
    wrong = ["true", "-1", "1e999", "NaN", '"12"', "[]", "null", "9" * 400]
    lines = ["", "x", "[]", "{}", "null", "7", '{"take": 1}', '{"back": 3}', '{"give": 1, "for_s": "long"}', "[" * 4000]
    for line in (*lines, *(f'{{"give": {value}}}' for value in wrong)):
        answer = trial.answer(line.encode() + b"\n")
        need(answer is None or [*answer] == ["error"], f"{line[:40]!r} is answered {answer}")
    need(trial.answer(b"\xff\xfe\x00\n") in (None, trial.answer(b"x\n")), "bytes that are not text")


@case
def long_line(trial: Trial) -> None:
    """it does not read an endless line forever"""
    answer = trial.answer(b'{"give": ' + b"1" * 10_000_000)
    need(answer is None or "error" in answer, f"it is answered {answer}")


@case
def half(trial: Trial) -> None:
    """half a request, or silence, does not make other askers wait"""
    with trial.connect() as silent, trial.connect() as slow:
        slow.sendall(b'{"give"')
        served(trial)
        slow.sendall(b": 0}\n")
        need("given" in json.loads(slow.recv(treaty.LINE)), "the second half is not read")
        silent.close()


@case
def deaf(trial: Trial) -> None:
    """an asker that never reads does not make others wait"""
    with trial.connect() as asker:
        asker.settimeout(0.2)
        try:
            for _ in range(10_000):
                asker.sendall(b'{"back": "a"}\n' * 100)
        except OSError:
            pass
        served(trial)


@case
def crowd(trial: Trial) -> None:
    """a hundred connections do not make other askers wait long"""
    crowd = []
    try:
        for _ in range(100):
            crowd.append(trial.connect())
        served(trial)
    finally:
        for connection in crowd:
            connection.close()
    served(trial)


@case
def stranger(trial: Trial) -> None:
    """another user gets no answer, even with access to the socket"""
    if os.geteuid():
        raise NotImplementedError("needs root, to be another user")
    os.chmod(trial.party.socket, 0o777)
    door = os.open(trial.party.socket, os.O_PATH)  # gives access to the socket even in a closed folder
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # otherwise its own /proc is root's
        os._exit(_is_told(f"/proc/self/fd/{door}"))
    told = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(door)
    need(told != CLOSED, "the case could not be tried")
    need(told == 0, "it gets an answer")


def _is_told(address: str) -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(address)
        except OSError:
            return CLOSED
        try:
            connection.sendall(b'{"give": 0}\n')
            return b"given" in connection.recv(treaty.LINE)
        except OSError:
            return 0


# --- the end ---------------------------------------------------------------------------------------------------------


@case
def killed(trial: Trial) -> None:
    """after a SIGKILL its file is stale, and after a restart it answers again"""
    path = trial.path
    os.killpg(trial.process.pid, signal.SIGKILL)
    trial.process.communicate()
    need(path.exists() and not treaty.parties(str(trial.where)), "the file is gone, or does not count as stale")
    trial.start()
    served(trial)


@case
def ends(trial: Trial) -> None:
    """at SIGTERM it removes its file and its socket"""
    path, address = trial.path, trial.party.socket
    trial.process.terminate()
    trial.process.communicate(timeout=30)
    need(not path.exists() and not os.path.exists(address), "they still exist")


def served(trial: Trial) -> None:
    """Fails unless the program answers in time."""
    began = time.monotonic()
    trial.party.ask(0)
    need(time.monotonic() - began <= treaty.ANSWER_S, "another asker waits too long")


def restart(trial: Trial) -> None:
    """Restarts the program, so that it holds memory again."""
    trial.process.terminate()
    trial.process.communicate(timeout=30)
    trial.start()


def main(command: list[str]) -> int:
    """Runs all cases; returns the exit status."""
    if not command:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    failures = 0
    try:
        trial = Trial(command)
    except Failed as error:
        print(f"FAILED  it holds something: {error}")
        return 1
    for test in CASES:
        claim = (test.__doc__ or "").strip()
        try:
            test(trial)
            print(f"ok      {claim}", flush=True)
        except NotImplementedError as reason:
            print(f"skipped {claim}: {reason}", flush=True)
        except Exception as error:  # any error is a failure of this case, and the next ones are tried
            failures += 1
            print(f"FAILED  {claim}: {error or repr(error)}", flush=True)
    trial.end()
    print(f"{len(CASES) - failures} of {len(CASES)} cases")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
