"""A server of several turns that goes on with a cancelled request: others are served beside it, and none is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import servers
from support.peer import BOUND_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processor time is looked up in /proc")

# Request 1 is the proof, 2 is served at least until 3 is cancelled, once the server has that, and 4 comes after it.
WORKER = f"""{servers.PARENT}
import os, threading, time
def say(name, check=lambda: None):
    ask(60, check)
    print(name, flush=True)
def told():
    return open(os.environ["TOLD"]).read().count("speech")
def third():
    if told() == 3:
        raise KeyboardInterrupt
second = threading.Thread(target=say, args=("second",))
second.start()
while told() < 2:
    time.sleep(0.01)
try:
    say("third", third)
except KeyboardInterrupt:
    print("cancelled", flush=True)
    open(os.environ["GATE"], "w").close()
if "fourth" in sys.argv:
    say("fourth")
second.join()
if "stays" in sys.argv:
    sys.stdin.read()
server.end()
"""


def run(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, lies: tuple[str, ...], *words: str, **keys: int | float
) -> tuple[int, list[str], list[str]]:
    """The worker's exit status, what it was answered, and what the server was asked for and had done; `keys` are of the
    server's file."""
    told = runtime / "told"
    shared = {"TOLD": str(told), "GATE": str(runtime / "gate")}
    for name, value in shared.items():
        monkeypatch.setenv(name, value)
    servers.write(runtime, "mine", "second=gate", *lies, env=shared, **keys)
    program = [sys.executable, "-c", WORKER, *words]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0) as worker:
        assert worker.stdout
        said = worker.stdout.read().split()
        status = worker.wait(BOUND_S)
    asked = [json.loads(line)["path"].rpartition("/")[2] for line in told.read_text().splitlines()]
    return status, said, asked


def test_it_is_let_finish(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a turn less until then: of two, one is busy with the cancelled request, one with the other."""
    lies = ("second=busy:1", "third=busy:2")
    status, said, asked = run(runtime, monkeypatch, lies, "fourth", parallel=2, stop_timeout=60)
    assert status == 0
    assert sorted(said) == ["cancelled", "fourth", "second"]
    assert asked[:4] == ["speech", "speech", "speech", "done"]
    assert "speech" in asked[4:]


def test_it_is_replaced(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other request, which takes longer than `stop_timeout`, is answered first; then the worker ends as after a
    crash."""
    lies = ("second=slow:2", "third=busy:600")
    status, said, _ = run(runtime, monkeypatch, lies, "stays", parallel=2, stop_timeout=0.5)
    assert status == 70
    assert said == ["cancelled", "second"]


def test_a_late_one_takes_no_further_requests(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of three turns is free, but what began now would end with the server."""
    lies = ("second=slow:2", "third=busy:600")
    status, said, asked = run(runtime, monkeypatch, lies, "fourth", parallel=3, stop_timeout=0)
    assert status == 70
    assert "fourth" not in said
    assert asked == ["speech"] * 3
