"""Tests of real child processes: what they get, and that they and all they started can be ended."""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hushd_supervisor
import pytest
from hushd_supervisor.system import process
from hushd_supervisor.system.process import Child
from support.descriptors import open_descriptors, settled_descriptors
from support.peer import is_gone, wait_until

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
    assert not is_gone(grandchild)
    before = open_descriptors()
    child.kill()
    assert open_descriptors() <= before  # those by which it was sure of its victims are closed
    assert ended(child) == -signal.SIGKILL
    wait_until(lambda: is_gone(grandchild), "the grandchild's end")


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
    wait_until(lambda: is_gone(grandchild), "the grandchild's end")


def test_a_kill_reaches_a_child_in_another_group(start: Start, tmp_path: Path) -> None:
    """It has entered its parent's, which must not be killed with it."""
    child = start("import os, signal; os.setpgid(0, os.getpgid(os.getppid())); print(1, flush=True); signal.pause()")
    wait_until(lambda: said(tmp_path), "its group")
    child.kill()
    assert ended(child) == -signal.SIGKILL


def test_a_kill_after_the_exit_hits_nobody(start: Start) -> None:
    """The pid of a reaped child may be another's by now."""
    child = start("")
    ended(child)
    child.kill()
    assert child.poll() == 0


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
    } | process.DEFAULTS  # fmt: skip


@pytest.mark.parametrize(
    ("name", "cores", "own", "threads"),
    [
        ("tts/piper/joe", 4, {}, None), ("tts/piper/joe#2", 4, {}, "2"), ("tts/piper/joe#2", 1, {}, "1"),
        ("tts/piper/joe#2", 4, {"OMP_NUM_THREADS": "3"}, "3"), ("stt/onnx-asr/base#2", 4, {}, None),
    ],
)  # fmt: skip
def test_a_second_voice_leaves_threads_to_the_first(
    name: str, cores: int, own: dict[str, str], threads: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both speak at once, on the same cores; the user's own number comes first."""
    monkeypatch.setattr(process, "cores", lambda: cores)
    assert process.worker_environment(name, own).get("OMP_NUM_THREADS") == threads


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
    assert process.worker_command("tts/x/a/b", ["/bin/w", "-q"]) == ["/bin/w", "-q", "--engine", "x", "--model", "a/b"]
    assert process.describe_command("tts")[1:] == ["-P", "-m", "hushd_worker_tts", "--describe"]


def test_race_21_nothing_forks_beside_the_threads_of_libzmq() -> None:
    """No module of the supervisor forks Python code: children are other programs, started by Popen alone."""
    for module in Path(hushd_supervisor.__file__).parent.rglob("*.py"):
        assert not re.search(r"preexec_fn=|os\.fork|multiprocessing", module.read_text()), module


@pytest.mark.parametrize(
    ("device", "cards", "shown"),
    [
        ("auto", "", None), ("cpu", "0,1", "-1"), ("mps", "", "-1"), ("cuda", "2,3", None), ("cuda:1", "", "1"),
        ("cuda:1", "2, 3", "3"), ("cuda:2", "2,3", "-1"),
    ],
)  # fmt: skip
def test_a_worker_sees_the_card_of_the_configuration_and_no_other(device: str, cards: str, shown: str | None) -> None:
    """Cards are counted among those that the supervisor itself may see."""
    added = process.compute_environment(device, {"CUDA_VISIBLE_DEVICES": cards})
    assert added.get("CUDA_VISIBLE_DEVICES") == shown
    assert added.get("HUSHD_COMPUTE_DEVICE") == (None if device == "auto" else device)


@pytest.mark.parametrize(("device", "card", "cuda", "hip"), [
    ("cuda:1", "", "1", "1"),  # not seen: ROCm's libraries call their cards so
    ("rocm", "", "-1", None),
    ("vulkan", "", "-1", "-1"),
    ("auto", "cuda:0", "0", "-1"),
])  # fmt: skip
def test_a_worker_sees_one_makers_cards(device: str, card: str, cuda: str, hip: str | None) -> None:
    """The variables of CUDA and ROCm show the one that was chosen or named."""
    added = process.compute_environment(device, {}, card)
    assert (added["CUDA_VISIBLE_DEVICES"], added.get("HIP_VISIBLE_DEVICES")) == (cuda, hip)
    assert added["HUSHD_COMPUTE_DEVICE"] == device
