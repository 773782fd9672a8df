"""A person's machine attached by ssh to the one that agents run on: sound is made and heard where the person sits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.diary import RATE
from support.peer import BOUND_S, Start, wait_until
from support.programs import Programs, finish

from .ssh_server import SshServer, variables

CHUNKS = """
import sys
from hushd import Client, Microphone
with Client() as client, client.floor("microphone") as floor, Microphone() as microphone:
    for chunk in microphone:
        print("sound" if any(chunk) else "silence", flush=True)
"""
SLACK = 2 * RATE // 100  # samples of two fades
UNREPORTED = RATE // 5  # samples that were heard, and that is not known on the server when the connection is lost


class Attached:
    """Both machines, and `hushd attach` on the person's."""

    def __init__(self, person: Programs, server: SshServer) -> None:
        self.person = person
        self.server = server
        self.there = Programs(server.folder)

    def attach(self, *options: str, ssh: str = "", wait: bool = True) -> subprocess.Popen[bytes]:
        before = len(self.server.sockets)
        process = self.person.start("hushd", "attach", "--ssh", ssh or self.server.ssh(), *options, "127.0.0.1")
        if wait:
            wait_until(lambda: len(self.server.sockets) > before or process.poll() is not None, "the forwarded socket")
            assert process.poll() is None, process.stderr and process.stderr.read()
        return process

    def say(self, seconds: float, *options: str) -> subprocess.Popen[bytes]:
        with self.server.on_it():
            return self.there.say(seconds, *options)

    def heard(self, process: subprocess.Popen[bytes]) -> list[int]:
        """Samples of each opening of the loudspeaker that was closed again."""
        return [int(line[2]) for line in self.person.lines("heard", process.pid)]

    def ssh_of(self, process: subprocess.Popen[bytes]) -> psutil.Process:
        return next(child for child in psutil.Process(process.pid).children() if child.name() == "ssh")

    def floor(self) -> dict[str, object]:
        return dict(json.loads(self.person.hushd("status", "--json"))["floor"])


@pytest.fixture
def machines(start_supervisor: Start, runtime: Path) -> Iterator[Attached]:
    """A person's machine with a supervisor, and a server with nothing but the client."""
    server = SshServer(runtime / "server")
    start_supervisor()
    made = Attached(Programs(runtime), server)
    yield made
    for process in (*made.there.started, *made.person.started):
        process.kill()
        process.communicate()
    server.stop()


def test_words_are_heard_where_the_person_sits(machines: Attached) -> None:
    """Nothing but the client is on the server: the person's models speak, and every sample is heard there."""
    attach = machines.attach("--models")
    finish(machines.say(1.0))
    assert sum(machines.heard(attach)) == RATE
    assert not machines.there.lines("open")
    assert not (machines.server.folder / "client.sock").exists()


def test_a_pause_silences_and_speech_goes_on_at_the_sample(machines: Attached) -> None:
    """`hushd status` at the person's shows who speaks, `pause` closes the loudspeaker, and `resume` loses nothing."""
    attach = machines.attach("--models")
    with machines.person.held():
        speech = machines.say(2.0)
        machines.person.wait_for_sound(attach)
        assert "127.0.0.1:" in json.dumps(machines.floor())
        machines.person.hushd("pause")
        wait_until(lambda: machines.person.lines("close", attach.pid), "silence")
        assert speech.poll() is None
    machines.person.hushd("resume")
    finish(speech)
    assert len(machines.heard(attach)) == 2
    assert 2 * RATE - SLACK <= sum(machines.heard(attach)) <= 2 * RATE


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_connection_falls_silent_and_speech_goes_on(machines: Attached, number: int) -> None:
    """An ssh that is killed or frozen: a fifth of a second is heard, and the rest when it is back, at the sample."""
    attach = machines.attach("--models")
    speech = machines.say(4.0)
    machines.person.wait_for_sound(attach)
    ssh = machines.ssh_of(attach)
    ssh.send_signal(number)
    lost = time.monotonic()
    finish(speech)
    began = float(machines.person.lines("sound", attach.pid)[0][2])
    heard = machines.heard(attach)
    assert len(heard) == 2
    assert began + heard[0] / RATE - lost < 0.3
    assert 4 * RATE - SLACK <= sum(heard) <= 4 * RATE + UNREPORTED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left(machines: Attached, runtime: Path, number: int) -> None:
    """However `hushd attach` ends, its socket on the server goes; those of this machine too, or as the next begins."""
    other = machines.attach()
    attach = machines.attach()
    attach.send_signal(number)
    attach.wait()
    wait_until(lambda: len(machines.server.sockets) == 1, "no socket there but the other's")
    if number == signal.SIGINT:
        assert not attach.returncode
    else:
        attach = machines.attach()
        attach.send_signal(signal.SIGINT)
        attach.wait()
    left = sorted(path.name for path in runtime.iterdir() if path.name.startswith(("lent-", "ssh-")))
    assert left == [f"lent-{other.pid}.sock", f"ssh-{other.pid}"]


def test_the_persons_microphone_is_recorded(machines: Attached) -> None:
    """It is recorded where the person sits, `status` there shows it, and `pause` closes it: silence comes instead."""
    attach = machines.attach()
    with machines.server.on_it():
        program = subprocess.Popen(
            [sys.executable, "-c", CHUNKS],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | variables(machines.server.folder) | machines.there.environment,
        )
    try:
        wait_for_line(program, "sound")
        assert "127.0.0.1:" in json.dumps(machines.floor()["microphone"])
        machines.person.hushd("pause")
        wait_until(lambda: machines.person.lines("close", attach.pid), "a closed microphone")
        wait_for_line(program, "silence")
        assert not machines.there.lines("open")
    finally:
        program.kill()
        program.communicate()


def wait_for_line(program: subprocess.Popen[str], line: str) -> None:
    assert program.stdout
    give_up = time.monotonic() + BOUND_S
    while program.stdout.readline().strip() != line:
        assert time.monotonic() < give_up, line
        assert program.poll() is None, program.stderr and program.stderr.read()
