"""Tests of real child processes: what they get, and that they and all they started can be ended."""

from __future__ import annotations

import errno
import os
import re
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hushd_supervisor
import psutil
import pytest
from hushd_protocol.system.footprint import lists_children
from hushd_supervisor.system import process
from hushd_supervisor.system.process import Child, Forked
from support.descriptors import open_descriptors, settled_descriptors
from support.peer import wait_until

Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts Python programs as children, their output in `tmp_path`/out."""
    children: list[Child] = []

    def run(program: str, launch: Callable[..., Child] = Child, environment: dict[str, str] | None = None) -> Child:
        with open(tmp_path / "out", "wb") as output:
            descriptors = {"stdout": output.fileno(), "stderr": output.fileno()}
            children.append(launch([sys.executable, "-c", program], environment or {}, **descriptors))
        return children[-1]

    yield run
    for child in children:
        child.kill()
        ended(child)
        child.close()


def ended(child: Child) -> int:
    """The child's status, once it has exited."""
    if child.exit_fd is not None:
        assert select.select([child.exit_fd], [], [], 10)[0]
    return wait_until(lambda: (child.poll(),) if child.poll() is not None else None, "an exit")[0]


def said(tmp_path: Path) -> str:
    return (tmp_path / "out").read_text()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_child_leads_its_group_in_the_root_folder_with_nothing_to_read(start: Start, tmp_path: Path) -> None:
    """Its group is its own, its stdin is empty, and it keeps no folder busy."""
    program = "import os, sys; print(os.getpid() == os.getpgrp(), os.getcwd(), repr(sys.stdin.read()))"
    assert ended(start(program)) == 0
    assert said(tmp_path) == "True / ''\n"


def test_an_exit_makes_the_descriptor_readable_and_gives_the_status(start: Start) -> None:
    """Statuses are those of Popen: the code, or minus the signal."""
    running = start("import time; time.sleep(60)")
    assert running.poll() is None
    assert select.select([running.exit_fd], [], [], 0)[0] == []
    os.kill(running.pid, signal.SIGSEGV)
    assert ended(running) == -signal.SIGSEGV
    assert ended(start("import sys; sys.exit(7)")) == 7
    assert running.poll() == -signal.SIGSEGV


def test_a_program_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    """No process, no descriptor left."""
    before = settled_descriptors()
    with open(tmp_path / "out", "wb") as output, pytest.raises(FileNotFoundError):
        Child(["/no/such/program"], {}, stdout=output.fileno(), stderr=output.fileno())
    assert open_descriptors() <= before


@pytest.mark.parametrize("session", [False, True])
def test_race_10_a_kill_reaches_children_in_their_own_session(start: Start, tmp_path: Path, session: bool) -> None:
    """A grandchild dies with the child, in its group or out of it by setsid."""
    program = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session={session})\n"
        "print(p.pid, flush=True); p.wait()"
    )
    child = start(program)
    grandchild = int(wait_until(lambda: said(tmp_path).strip(), "a grandchild"))
    assert alive(grandchild)
    before = open_descriptors()
    child.kill()
    assert open_descriptors() <= before  # those by which it was sure of its victims are closed
    assert ended(child) == -signal.SIGKILL
    wait_until(lambda: not alive(grandchild), "the grandchild's end")


@pytest.mark.skipif(not lists_children(), reason="this kernel does not list the children of a process")
def test_a_kill_looks_at_no_other_process(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grandchild in a session of its own is found without a look at all of /proc, which takes milliseconds."""
    program = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print(p.pid, flush=True); p.wait()"
    )
    child = start(program)
    grandchild = int(wait_until(lambda: said(tmp_path).strip(), "a grandchild"))
    listed: list[str] = []
    list_folder = os.listdir
    with monkeypatch.context() as patched:
        patched.setattr(os, "listdir", lambda path: listed.append(path) or list_folder(path))
        patched.setitem(sys.modules, "psutil", None)
        child.kill()
    assert listed == [f"/proc/{pid}/task" for pid in (child.pid, grandchild)] * 2  # and again, once they are pinned
    wait_until(lambda: not alive(grandchild), "the grandchild's end")


def test_what_a_child_leaves_of_its_group_is_killed_when_it_is_reaped(start: Start, tmp_path: Path) -> None:
    """A grandchild does not outlive a child that left by itself."""
    program = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(p.pid, flush=True)"
    )
    child = start(program)
    assert ended(child) == 0
    grandchild = int(said(tmp_path))
    wait_until(lambda: not alive(grandchild), "the grandchild's end")


def test_a_kill_after_the_exit_hits_nobody(start: Start) -> None:
    """The pid of a reaped child may be another's by now."""
    child = start("")
    ended(child)
    child.kill()
    assert child.poll() == 0


def test_what_was_reaped_is_forgotten(start: Start) -> None:
    """Its number may be that of an orphan by then, which is to be reaped."""
    child = start("import sys; sys.stdin.read()")
    ended(child)
    assert child.pid not in process._unreaped


def test_the_descendants_of_one_that_has_gone_are_none(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the kernel does not list the children of a process."""
    child = start("")
    ended(child)
    monkeypatch.setattr(process, "lists_children", lambda: False)
    assert process._descendants(child.pid) == []


@pytest.mark.skipif(sys.platform != "linux", reason="templates fork on Linux alone")
def test_a_fork_for_which_no_descriptor_is_left_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could tell its end: it is killed and reaped, and the start has failed."""
    reading, writing = os.pipe()
    with subprocess.Popen(SLEEPS, stdin=subprocess.PIPE, process_group=0) as forked, monkeypatch.context() as patched:

        def refuse(_: int) -> int:
            raise OSError(errno.EMFILE, "no descriptor is left")

        patched.setattr(os, "pidfd_open", refuse)
        with pytest.raises(OSError, match="no descriptor"):
            Forked(forked.pid, reading)
        with pytest.raises(ChildProcessError):
            os.waitpid(forked.pid, os.WNOHANG)
    os.close(reading)
    os.close(writing)


LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
SLEEPS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def successor(pid: int) -> subprocess.Popen[bytes]:
    """A program of somebody else's that has got this number."""
    for _ in range(100):
        LAST_PID.write_text(str(pid - 1))
        program = subprocess.Popen(SLEEPS, stdin=subprocess.PIPE, start_new_session=True)
        if program.pid == pid:
            return program
        with program:
            program.kill()
    pytest.skip("other programs start too often to choose a number")


@pytest.mark.skipif(not os.access(LAST_PID, os.W_OK) or os.geteuid() != 0, reason="numbers are chosen by root on Linux")
@pytest.mark.parametrize("pidfd", [True, False])
def test_a_program_that_got_the_number_of_a_child_lives(
    start: Start, monkeypatch: pytest.MonkeyPatch, pidfd: bool
) -> None:
    """The child has ended: neither its kill nor another look at it reaches who has its number now."""
    if not pidfd:
        monkeypatch.setattr(process.sys, "platform", "darwin")
    child = start("")
    ended(child)
    with successor(child.pid) as other:
        child.kill()
        assert child.poll() == 0
        monkeypatch.undo()
        assert other.stdin
        other.stdin.close()
        assert other.wait(60) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="pidfds are Linux's")
def test_a_descendant_whose_number_was_given_away_meanwhile_is_passed_over(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the kill it ended, and a stranger has its number: only who still is ours is killed."""
    program = (
        "import subprocess\n"
        f"p = subprocess.Popen({SLEEPS!r}, stdin=subprocess.PIPE)\n"
        "print(p.pid, flush=True); p.wait()"
    )
    child = start(program)
    ours = int(wait_until(lambda: said(tmp_path), "its child"))
    with subprocess.Popen(SLEEPS, stdin=subprocess.PIPE) as stranger:
        looks = [[ours, stranger.pid], [ours]]
        monkeypatch.setattr(process, "_descendants", lambda _: looks.pop(0))
        child.kill()
        assert looks == []
        wait_until(lambda: not alive(ours), "the end of what is ours")
        assert stranger.stdin
        stranger.stdin.close()
        assert stranger.wait(60) == 0


def test_a_child_gets_the_old_limit_of_open_files(start: Start, tmp_path: Path) -> None:
    """The supervisor's own soft limit goes up to the hard one; a child has the earlier one."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = min(512, before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        files = process.Limits()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        # On Linux the limit is set right after the start.
        child = start(
            f"import resource, time\nwhile resource.getrlimit(resource.RLIMIT_NOFILE)[0] != {soft}: time.sleep(0.001)",
            files.launch,
        )
        assert ended(child) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_a_start_takes_no_open_files_from_this_process(
    start: Start, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    """Linux sets a child's limit from outside, and ours stays high; elsewhere ours is high again afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, most = min(512, before[1]), (before[1], before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    meanwhile: list[tuple[int, int]] = []

    class Watched(Child):
        def __init__(self, *arguments: Any, **descriptors: Any) -> None:
            meanwhile.append(resource.getrlimit(resource.RLIMIT_NOFILE))
            super().__init__(*arguments, **descriptors)

    monkeypatch.setattr(process, "Child", Watched)
    try:
        files = process.Limits()
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(process.sys, "platform", system)
            assert ended(start("", files.launch)) == 0
        assert meanwhile == [most if system == "linux" else (soft, before[1])]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_child_whose_limit_cannot_be_set_is_started(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have exited already, or be another user's by then."""

    def refuses(*_: object) -> None:
        raise PermissionError

    files = process.Limits()
    monkeypatch.setattr(resource, "prlimit", refuses)
    assert ended(start("", files.launch)) == 0


def test_no_child_leaves_a_core_dump(start: Start, tmp_path: Path) -> None:
    """Its soft limit is 0 from its first instruction on, whatever the program that started us allows itself."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        child = start("import resource; print(resource.getrlimit(resource.RLIMIT_CORE))", process.Limits().launch)
        assert ended(child) == 0
        assert said(tmp_path) == f"(0, {before[1]})\n"
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def test_race_22_a_service_managers_words_do_not_reach_a_child() -> None:
    """The environment is a stated one: the allowed names, then what configuration and supervisor add."""
    inherited = {
        "PATH": "/bin", "HOME": "/root", "HF_HOME": "/hf", "OMP_NUM_THREADS": "2", "https_proxy": "p", "LC_ALL": "C",
        "LISTEN_FDS": "1", "LISTEN_PID": "7", "LISTEN_FDNAMES": "x", "NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "1",
        "SECRET_TOKEN": "s", "LS_COLORS": "c",
    }  # fmt: skip
    assert process.environment(inherited, {"A": "1", "HOME": "/h"}, {"A": "2"}) == {
        "PATH": "/bin", "HOME": "/h", "HF_HOME": "/hf", "OMP_NUM_THREADS": "2", "https_proxy": "p", "LC_ALL": "C",
        "A": "2",
    } | process.QUIET  # fmt: skip


def test_libraries_are_told_to_report_to_nobody_unless_the_user_says_otherwise() -> None:
    """onnxruntime sends its maker an account of every process that says nothing; a variable of the user's decides."""
    assert process.environment({})["ORT_DISABLE_TELEMETRY"] == "1"
    assert process.environment({"ORT_DISABLE_TELEMETRY": "0"})["ORT_DISABLE_TELEMETRY"] == "0"


def test_no_descriptor_reaches_a_child_that_was_not_meant_for_it(start: Start, tmp_path: Path) -> None:
    """Even an inheritable one: a worker that held a client's pipe would keep that client waiting."""
    read, write = os.pipe()
    os.set_inheritable(write, True)
    child = start("import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:4])")
    assert ended(child) == 0
    # 3 is the listing itself.
    assert said(tmp_path) == "[0, 1, 2, 3]\n"
    os.close(read)
    os.close(write)


def test_commands_name_the_workers_package_or_the_users_program() -> None:
    """Role, engine and model become the module and its arguments; a model may have a slash."""
    assert process.worker_command("stt/moonshine/tiny-en")[1:] == [
        "-P", "-m", "hushd_worker_stt", "--engine", "moonshine", "--model", "tiny-en",
    ]  # fmt: skip
    assert process.template_command("tts/x", ["/bin/w", "-q"])[:-1] == ["/bin/w", "-q", "--engine", "x", "--standby"]
    assert process.worker_command("tts/x/a/b", ["/bin/w", "-q"]) == ["/bin/w", "-q", "--engine", "x", "--model", "a/b"]
    assert process.describe_command("tts")[1:] == ["-P", "-m", "hushd_worker_tts", "--describe"]


def test_race_21_nothing_forks_beside_the_threads_of_libzmq() -> None:
    """No module of the supervisor forks Python code: children are other programs, started by Popen alone."""
    for module in Path(hushd_supervisor.__file__).parent.rglob("*.py"):
        assert not re.search(r"preexec_fn=|os\.fork|multiprocessing", module.read_text()), module


@pytest.mark.parametrize(
    ("device", "cards", "shown"),
    [
        ("auto", "", None),
        ("cpu", "0,1", "-1"),
        ("mps", "", "-1"),
        ("cuda", "2,3", None),
        ("cuda:1", "", "1"),
        ("cuda:1", "2, 3", "3"),
        ("cuda:2", "2,3", "-1"),
    ],
)
def test_a_worker_sees_the_card_of_the_configuration_and_no_other(device: str, cards: str, shown: str | None) -> None:
    """Cards are counted among those that the supervisor itself may see."""
    added = process.compute_environment(device, {"CUDA_VISIBLE_DEVICES": cards})
    assert added.get("CUDA_VISIBLE_DEVICES") == shown
    assert added.get("HUSHD_COMPUTE_DEVICE") == (None if device == "auto" else device)


@pytest.mark.parametrize(
    ("device", "card", "cuda", "hip"),
    [
        ("cuda:1", "", "1", "1"),  # not seen: ROCm's libraries call their cards so
        ("rocm", "", "-1", None),
        ("vulkan", "", "-1", "-1"),
        ("auto", "cuda:0", "0", "-1"),
    ],
)
def test_a_worker_sees_one_makers_cards(device: str, card: str, cuda: str, hip: str | None) -> None:
    """The variables of CUDA and ROCm show the one that was chosen or named."""
    added = process.compute_environment(device, {}, card)
    assert (added["CUDA_VISIBLE_DEVICES"], added.get("HIP_VISIBLE_DEVICES")) == (cuda, hip)
    assert added["HUSHD_COMPUTE_DEVICE"] == device
