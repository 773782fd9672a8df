"""A process that was forked where it might have been started is one like any other."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from support import warm
from support.peer import BOUND_S

TELLS = """
import json, os, signal, sys, threading
print(json.dumps({
    "words": sys.argv, "folder": os.getcwd(), "variable": os.environ.get("HUSHD_TEST"), "path": sys.path[0],
    "descriptors": sorted(os.listdir("/proc/self/fd"))[:-1], "parent": os.getppid(),
    "leads": os.getsid(0) == os.getpid(),
    "name": __name__, "read": sys.stdin.read(), "terminal": os.isatty(1), "encoding": sys.stdout.encoding,
    "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
    "threads": threading.active_count(), "limits": open("/proc/self/limits").read(),
}))
print("warned", file=sys.stderr)
"""


def told(start: Any, words: list[str], **options: Any) -> tuple[dict[str, Any], str, int]:
    """All that a process says of itself."""
    done = start(words, input="text", capture_output=True, text=True, timeout=BOUND_S, **options)
    return json.loads(done.stdout), done.stderr, done.returncode


@pytest.mark.parametrize("flags", [["-P"], []])
@pytest.mark.parametrize("session", [False, True])
def test_it_is_the_same_to_itself(flags: list[str], session: bool, tmp_path: Path) -> None:
    """Words, folder, environment, path, streams, descriptors, parent, session, signals, limits and exit status."""
    kept = os.dup(0)
    words = [sys.executable, *flags, "-c", f"{TELLS}\nsys.exit(7)", "-a", "ü"]
    environment = os.environ | {"HUSHD_TEST": "1", "PYTHONPATH": str(tmp_path)}
    options = {"cwd": tmp_path, "env": environment, "pass_fds": (kept,), "start_new_session": session}
    assert told(warm.run, words, **options) == told(subprocess.run, words, **options)
    os.close(kept)


@pytest.mark.parametrize("words", [["say", "--version"], ["listen", "--speed"], ["hushd", "status", "--folly"]])
def test_a_command_is_the_same_to_its_user(words: list[str], runtime: Path) -> None:
    """A script of hushd's: its output, its complaint with its own name, and its exit status; and it is forked."""
    command = [Path(sys.executable).parent / words[0], *words[1:]]
    forked, started = (start(command, capture_output=True, text=True) for start in (warm.run, subprocess.run))
    assert (forked.stdout, forked.stderr, forked.returncode) == (started.stdout, started.stderr, started.returncode)
    parents = [child.pid for child in psutil.Process().children() if child.pid not in {c.pid for c in warm.children()}]
    read, write = os.pipe()
    os.set_blocking(write, False)
    with suppress(BlockingIOError):
        while True:  # what is printed waits, and its process with it
            os.write(write, bytes(4096))
    os.set_blocking(write, True)
    with warm.Popen([command[0], "--version"], stdout=write) as process:
        found = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        os.close(write)
        with open(read, "rb") as printed:
            assert b"hushd" in printed.read()
    assert found in {Path(f"/proc/{parent}/cmdline").read_bytes() for parent in parents}


def test_limits_are_those_of_whoever_starts_it() -> None:
    """Also where these have changed since the process that waits was started."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    words = [sys.executable, "-P", "-c", "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"]
    try:
        for soft in (before[0] - 1, before[0] - 2):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
            assert warm.run(words, capture_output=True, text=True).stdout == f"{soft} {before[1]}\n"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_it_is_forked(tmp_path: Path) -> None:
    """Of a command all is imported before its first line; of a start nothing is."""
    code = "import sys; print('hushd.client' in sys.modules)"
    words = [sys.executable, "-P", "-c", code]
    assert warm.run(words, capture_output=True, text=True).stdout == "True\n"
    assert subprocess.run(words, capture_output=True, text=True).stdout == "False\n"
    # Python reads these before the first line, so a fork would not obey them.
    (tmp_path / "sitecustomize.py").touch()
    for name, value in (("PYTHONHASHSEED", "1"), ("PYTHONPATH", str(tmp_path))):
        assert warm.run(words, env=os.environ | {name: value}, capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.exit('It failed.')",
        "import sys; sys.exit()",
        "1 / 0",
        "import os; os._exit(9)",
        "import os; os.kill(os.getpid(), 2)",
        "import os; os.kill(os.getpid(), 15)",
        "import os; os.close(1); print('lost')",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
    ],
)
def test_its_end_is_the_same(code: str) -> None:
    """The status that a parent reads, the output, and the last line of the complaint."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    done, expected = (start([sys.executable, "-P", "-c", code], **pipes) for start in (warm.run, subprocess.run))
    assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout)
    assert done.stderr.splitlines()[-1:] == expected.stderr.splitlines()[-1:]


def test_signals_reach_it() -> None:
    """By its number, which is that of a child."""
    code = "import time; print(flush=True); time.sleep(60)"
    with warm.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"\n"
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(BOUND_S) == -signal.SIGTERM


@pytest.mark.parametrize("group", [None, 0])
def test_it_leads_a_group_where_it_is_asked_to(group: int | None) -> None:
    """Else it is in its parent's."""
    code = "import os; print(os.getpgid(0) == os.getpid(), os.getpgid(0) == os.getpgid(os.getppid()))"
    with warm.Popen(
        [sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, text=True, process_group=group
    ) as process:
        assert os.getpgid(process.pid) == (os.getpgid(0) if group is None else process.pid)
        assert process.communicate()[0] == f"{group == 0} {group is None}\n"


def test_a_terminal_is_one() -> None:
    """Its output is written line by line."""
    ours, theirs = pty.openpty()
    code = "import sys, time; print(sys.stdout.isatty(), sys.stdin.isatty()); time.sleep(60)"
    with warm.Popen([sys.executable, "-P", "-c", code], stdin=theirs, stdout=theirs) as process:
        os.close(theirs)
        with open(ours, "rb", buffering=0) as screen:
            assert screen.readline() == b"True True\r\n"
            process.kill()


def test_orphans_are_not_ours() -> None:
    """A process that ends leaves its children to the system, as any other does."""
    lines = ("import os", "parent = os.getpid()", "if os.fork() == 0:", "    while os.getppid() == parent: pass")
    code = "\n".join((*lines, "    print(os.getppid())"))
    done = warm.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stdout not in ("", f"{os.getpid()}\n")


def test_its_parent_is_whoever_started_it() -> None:
    """From its first line on: the fork between both has ended before."""
    words = [sys.executable, "-P", "-c", "import os; print(os.getppid())"]
    parents = {warm.run(words, capture_output=True, text=True).stdout for _ in range(20)}
    assert parents == {f"{os.getpid()}\n"}
