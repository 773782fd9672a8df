"""Ctrl-C while a command or the supervisor starts: the process ends, and no traceback is written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hushd_cli import entry
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import EXIT_BUG

LOOK = "import signal; print(signal.getsignal(signal.SIGINT))"


def printed(code: str, ignored: bool = False) -> str:
    def begin() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, preexec_fn=begin)
    return done.stdout.strip()


def test_an_installed_command_takes_the_systems_action_first() -> None:
    """From its first line on, before anything of hushd is imported; what a background shell has ignored stays so."""
    assert printed(f"import hushd_command; {LOOK}") == str(signal.SIG_DFL)
    assert printed(f"import hushd_command; {LOOK}", ignored=True) == str(signal.SIG_IGN)
    loaded = "import sys; before = set(sys.modules); import hushd_command; print(set(sys.modules) - before)"
    assert printed(loaded) == "{'hushd_command'}"


def test_a_program_that_imports_hushd_keeps_its_own() -> None:
    """The library changes no signal."""
    assert "default_int_handler" in printed(f"import hushd; hushd.Client; {LOOK}")


@pytest.mark.parametrize("words", [["serve"], ["serve", "--http", "127.0.0.1:0"]])
def test_an_interrupt_while_the_supervisor_is_imported(runtime: Path, words: list[str]) -> None:
    """It waits, and ends the process as soon as that can be done quietly."""

    def begin() -> None:
        signal.pthread_sigmask(
            signal.SIG_BLOCK, {signal.SIGINT}
        )  # as `hushd serve` does before it becomes the supervisor
        os.kill(os.getpid(), signal.SIGINT)

    done = subprocess.run(
        [sys.executable, "-P", "-m", "hushd_supervisor", *words], capture_output=True, text=True, preexec_fn=begin
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("words", [["serve"], ["serve", "--http", "127.0.0.1:0"]])
def test_the_supervisor_is_started_with_the_interrupt_held_back(words: list[str]) -> None:
    """No moment is left between the command and the supervisor that it becomes."""
    code = (
        "import os, signal, sys; from hushd_cli import main\n"
        "os.execv = lambda *_: sys.exit(str(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())))\n"
        f"main.main('hushd', {words!r})"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "True"


def test_an_interrupt_while_an_extension_begins(runtime: Path) -> None:
    """It waits for the module to be there: raised in what pyzmq's imports, it ended the command by SIGSEGV."""
    code = """
import os, signal, sys
from hushd_cli import entry

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "zmq.error":
            os.kill(os.getpid(), signal.SIGINT)
            sys.stdout.write("interrupted ")

sys.meta_path.insert(0, Interrupting())
sys.argv[1:] = ["status"]
entry.hushd()
"""
    with open(runtime / "errors", "wb+") as errors:
        done = subprocess.run([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, stderr=errors)
        errors.seek(0)
        assert (done.returncode, done.stdout, errors.read()) == (130, b"interrupted ", b"")


WAITING = """
import random, signal, sys, threading, time
from hushd_cli import entry

sys.setswitchinterval(1e-5)
rng, condition = random.Random(1), threading.Condition()


def notify():
    while True:
        with condition:
            condition.notify_all()


def vary():
    while True:
        entry._LATER_S = random.choice((1e-6, 0.0005))  # the first comes within the handler itself
        time.sleep(1e-5)


for work in (notify, vary):
    threading.Thread(target=work, daemon=True).start()
signal.signal(signal.SIGVTALRM, entry._unwind)


def be_interrupted():  # a function: Python 3.13 leaves the jump back of a `while` out of the `try` around it
    signal.setitimer(signal.ITIMER_VIRTUAL, rng.uniform(1e-6, 3e-4))
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with condition:
            condition.wait(0.001)


for number in range(int(sys.argv[1])):
    try:
        be_interrupted()
        sys.exit(f"interrupt {number} was lost")
    except SystemExit as leaving:
        if leaving.code != 128 + signal.SIGVTALRM:
            raise
    if condition._is_owned():
        sys.exit(f"interrupt {number} left the lock held")
"""


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.night)])
def test_an_interrupt_leaves_no_lock_of_a_wait_held(count: int) -> None:
    """Wherever in a condition's own code a signal comes, the program unwinds by it, and others can take the lock: also
    where it is put off, and is there again before the handler has returned."""
    command = [sys.executable, "-P", "-c", WAITING, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert (done.returncode, done.stderr) == (0, "")


IMPORTING = """
import random, signal, sys, threading, time
from importlib import import_module
from hushd_cli import entry

entry._LATER_S = 1e-4
sys.setswitchinterval(1e-5)
sys.path.insert(0, sys.argv[1])
rng, names, rounds = random.Random(1), sys.argv[2:], 0


def import_all():
    for name in names:
        sys.modules.pop(name, None)
        try:
            import_module(name)
        except (ImportError, KeyError):  # the other thread has just dropped it
            pass


def import_on():
    global rounds
    while True:
        import_all()
        rounds += 1


threading.Thread(target=import_on, daemon=True).start()
signal.signal(signal.SIGVTALRM, entry._unwind)
sys.unraisablehook = entry._raise_again


def be_interrupted():
    signal.setitimer(signal.ITIMER_VIRTUAL, rng.uniform(1e-5, 5e-4))
    while True:
        import_all()


for _ in range(150):
    try:
        be_interrupted()
    except SystemExit as leaving:
        if leaving.code != 128 + signal.SIGVTALRM:
            raise
before, until = rounds, time.monotonic() + 60
while rounds == before and time.monotonic() < until:
    time.sleep(0.001)
entry.os._exit(rounds == before)
"""


def test_an_interrupt_leaves_no_import_of_another_thread_waiting(tmp_path: Path) -> None:
    """Wherever in an import a signal comes while another thread imports the same modules, the program unwinds by it,
    and the other thread imports on."""
    names = [f"module_{number}" for number in range(20)]
    for name, imported in zip(names, [*names[10:], *["json"] * 10], strict=True):
        (tmp_path / f"{name}.py").write_text(f"import {imported}\n")
    done = subprocess.run(
        [sys.executable, "-B", "-P", "-c", IMPORTING, str(tmp_path), *names],
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert (done.returncode, done.stderr) == (0, "")


NOTED = """
import os, signal, sys, threading
from hushd_cli import entry

entry._take_signals(entry._unwind)
entry._wake_for_signals()
waits = threading.Event()


def send():
    waits.wait()
    os.kill(os.getpid(), int(sys.argv[1]))  # this thread gets it, and Python notes it for the other


threading.Thread(target=send, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {int(sys.argv[1])})
lock = threading.Lock()
lock.acquire()
waits.set()
lock.acquire()
"""


@pytest.mark.parametrize(("number", "ends"), [(signal.SIGINT, {-signal.SIGINT, 130}), (signal.SIGTERM, {143})])
def test_a_signal_that_python_has_only_noted_ends_a_wait(number: int, ends: set[int]) -> None:
    """One that comes in the moment before a wait begins, or to another thread, interrupts that wait all the same.

    Python ends by sending itself the SIGINT that this thread has blocked; if another takes it too late, by 130.
    """
    done = subprocess.run([sys.executable, "-P", "-c", NOTED, str(int(number))], stderr=subprocess.DEVNULL, timeout=60)
    assert done.returncode in ends


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["interrupt", "termination"]
)
def test_an_interrupt_that_became_another_error_is_no_bug(tmp_path: Path, number: int, status: int) -> None:
    """Python 3.11 makes a RuntimeError of an interrupt in `__set_name__`, which the fields of the schema have."""
    (tmp_path / "named.py").write_text(
        "import os\n"
        "class Named:\n"
        "    def __set_name__(self, owner, name):\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "def main(prog, argv):\n"
        "    class Holder:\n"
        "        field = Named()\n"
    )
    code = "from hushd_cli import entry; entry._run('say', 'named')"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def test_a_bug_that_an_interrupt_did_not_cause_is_told_of(tmp_path: Path) -> None:
    """An error whose causes form a circle is still the bug that it is."""
    (tmp_path / "circle.py").write_text(
        "def main(prog, argv):\n    error = RuntimeError('round')\n    raise error from error\n"
    )
    code = "from hushd_cli import entry; entry._run('say', 'circle')"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr == "say: This is a bug in hushd (RuntimeError: round): HUSHD_DEBUG=1 shows where.\n"


COLLECTED = """
import os, sys, threading, types
from hushd_cli import entry


class Collected:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        sum(range(10))


def main(prog, argv):
    collected = Collected()
    del collected
    threading.Event().wait(60)
    return 0


sys.modules["command"] = types.SimpleNamespace(main=main)
entry._run("hushd", "command")
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_a_destructor_is_not_lost(number: int, status: int) -> None:
    """Python writes an exception there as a traceback and goes on: the command ends all the same, without a word."""
    done = subprocess.run([sys.executable, "-P", "-c", COLLECTED, str(int(number))], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


ENDED = """
import os, signal, sys, types
from hushd_cli import entry

take, taken = entry._take_signals, []


def interrupted(handler):
    taken.append(handler)
    if taken.count(entry._leave) == 2:
        os.kill(os.getpid(), signal.SIGINT)
    take(handler)


entry._take_signals = interrupted
sys.modules["command"] = types.SimpleNamespace(main=lambda prog, argv: 0)
entry._run("hushd", "command")
"""


def test_an_interrupt_just_behind_the_end_of_a_command() -> None:
    """It ends the process, in the moment before the signals have their last handler too."""
    done = subprocess.run([sys.executable, "-P", "-c", ENDED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")


def test_an_interrupt_while_threading_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module has no conditions yet, and so nobody holds the lock of one."""
    monkeypatch.setitem(sys.modules, "threading", ModuleType("threading"))
    with pytest.raises(KeyboardInterrupt):
        entry._unwind(signal.SIGINT, sys._getframe())


@pytest.mark.parametrize(
    ("errors", "status", "said"),
    [
        ([BrokenPipeError()], entry.EXIT_BROKEN_PIPE, ""),
        ([BrokenPipeError(), BrokenPipeError()], entry.EXIT_BROKEN_PIPE, ""),
        ([BrokenPipeError(), KeyboardInterrupt()], entry.EXIT_INTERRUPTED, ""),
        ([ValueError("one"), SystemExit(143)], 143, ""),
        ([BrokenPipeError(), HushdError("no_device", "There is no microphone.")], 8, "There is no microphone.\n"),
        ([BrokenPipeError(), ValueError("one")], EXIT_BUG, "This is a bug in hushd (ValueError: one)"),
        ([SystemExit("a library's words")], EXIT_BUG, "This is a bug in hushd (SystemExit: a library's words)"),
    ],
)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_group_of_errors_ends_a_command_as_its_members_do(
    errors: list[BaseException], status: int, said: str, depth: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """An interrupt counts most, a bug more than a broken pipe; no group is itself a bug."""
    error = errors[0] if len(errors) == 1 else BaseExceptionGroup("tasks", errors)
    for _ in range(depth):
        error = BaseExceptionGroup("tasks", [error])
    assert entry._status_of(error) == status
    written = capfd.readouterr().err
    assert said in written
    assert bool(said) == bool(written)
