"""Measures the first sample on a machine attached by ssh, beside this machine's."""

from __future__ import annotations

import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..stage import BIN, Row, supervisor

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # sshd, the worker and the device are the tests' too
from support.peer import CONFIG, Supervisor, wait_until
from support.programs import DEVICE
from support.ssh_server import SSHD, SshServer, variables

SPEECHES = 15
DELAYS_MS = (0, 20, 74, 150)  # of a round trip, beside that of ssh itself
MAX_MS = 10.0
LINK = Path(__file__).with_name("slow_link.py")
# A program that lives, as an agent's host does: it speaks whenever it is told to, and says when it began.
_PROGRAM = """
import sys, time
from hushd import Client
with Client() as client:
    for _ in sys.stdin:
        print(time.monotonic(), flush=True)
        client.say("a" * 1600, engine="echo")
        print("over", flush=True)
"""


def attached(_: Namespace) -> Iterator[Row]:
    """First sample through real ssh to this machine, over networks of several delays, beside the local one, in turn."""
    if not SSHD:
        yield Row("attached: first sample", None, "ms", note="not installed: apt install openssh-server")
        return
    with tempfile.TemporaryDirectory(prefix="hushd-", dir="/tmp") as name, supervisor(CONFIG):
        folder = Path(name)
        server = SshServer(folder / "server")
        (folder / "here").mkdir()
        try:
            with server.on_it():
                models = Supervisor(server.folder, cold=True)
            for delay_ms in DELAYS_MS:
                yield from _first_samples(folder, server, delay_ms)
            models.stop()
        finally:
            server.stop()


def _first_samples(folder: Path, server: SshServer, delay_ms: int) -> Iterator[Row]:
    """By models of the server, and by those of the person's machine."""
    proxy = f"-o 'ProxyCommand={sys.executable} {LINK} %h %p {delay_ms / 2000}'"
    ssh = f"{server.ssh()} {proxy}" if delay_ms else server.ssh()
    trip = _round_trip(ssh)
    yield Row(f"attached: {delay_ms} ms: round trip", trip, "ms")
    for whose, options in (("the server's models", []), ("--models", ["--models"])):
        with _programs(folder, server, [*options, "--ssh", ssh]) as (here, there):
            here.first_ms(), there.first_ms()
            pairs = []
            for _ in range(SPEECHES):
                pairs.append((here.first_ms(), there.first_ms()))
                time.sleep(trip / 1000)  # then the floor has been given back
        local, remote = (statistics.median(times) for times in zip(*pairs, strict=True))
        most = local + MAX_MS + trip
        note = f"floor: local; median of {SPEECHES}, load {os.getloadavg()[0]:.1f}"
        case = f"attached: {delay_ms} ms: first sample, {whose}"
        yield Row(case, remote, "ms", f"<= {most:.0f}", local, remote <= most, note)


class _Program:
    """A program that speaks, and the diary of the device that is to sound."""

    def __init__(self, diary: Path, environment: dict[str, str]) -> None:
        self._diary = diary
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_device(diary.parent / "own", environment),
        )

    def first_ms(self) -> float:
        """From the call to the first block that is not silence."""
        assert self.process.stdin
        assert self.process.stdout
        before = len(self._sounds())
        print(file=self.process.stdin, flush=True)
        began = float(self.process.stdout.readline())
        assert self.process.stdout.readline() == "over\n"
        return 1000 * (self._sounds()[before] - began)

    def _sounds(self) -> list[float]:
        lines = (line.split() for line in self._diary.read_text().splitlines())
        return [float(line[2]) for line in lines if line[1] == "sound"]


@contextmanager
def _programs(folder: Path, server: SshServer, options: Sequence[str]) -> Iterator[tuple[_Program, _Program]]:
    """One on this machine, and one on the server."""
    (folder / "there").mkdir(exist_ok=True)
    lent = folder / "there" / "diary"
    own = folder / "here" / "own"
    for diary in (lent, own):
        diary.touch()
    words = [BIN / "hushd", "attach", *options, "127.0.0.1"]
    attach = subprocess.Popen(words, env=_device(lent, dict(os.environ)), stdin=subprocess.DEVNULL)
    made = []
    try:
        wait_until(lambda: server.sockets, "the forwarded socket")
        made = [_Program(own, dict(os.environ)), _Program(lent, {**os.environ, **variables(server.folder)})]
        yield made[0], made[1]
    finally:
        for program in made:
            program.process.kill()
            program.process.communicate()
        attach.send_signal(signal.SIGINT)
        attach.wait()
        wait_until(lambda: not server.sockets, "an empty folder")


def _device(diary: Path, environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "PYTHONPATH": str(DEVICE), "HUSHD_DIARY": str(diary)}


def _round_trip(ssh: str) -> float:
    """Milliseconds for a byte to the server and back, by an ssh that is connected."""
    words = [*shlex.split(ssh), "127.0.0.1", "cat"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin
        assert process.stdout
        times = []
        for _ in range(SPEECHES + 1):
            began = time.monotonic()
            process.stdin.write(b".")
            assert process.stdout.read(1)
            times.append(time.monotonic() - began)
        process.stdin.close()
    return 1000 * statistics.median(times[1:])
