"""Starts and ends each peer by its documented use, for `figures.measure`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import psutil
from hushd import Client

from ..stage import SENTENCE, first_audio, recording, supervisor, timed, wait_until_childless
from . import resident
from .figures import COLD, Figures, tree

KEEP_S = 3.0  # hushd's workers stay so long
LISTENED = recording("beckett.wav")  # ten seconds
CIRCUS = "[watcher:resident]\ncmd = {command}\nnumprocesses = 1\ncopy_env = True\n"
SUPERVISORD = (
    "[supervisord]\nnodaemon = true\nlogfile = {log}\npidfile = {pid}\n[program:resident]\ncommand = {command}\n"
)
ESPEAK = """\
LogLevel 0
AudioOutputMethod "pulse"
AddModule "espeak-ng" "sd_espeak-ng" "espeak-ng.conf"
DefaultModule espeak-ng
"""
MODULES = Path("/usr/lib/speech-dispatcher-modules")
INITIALIZE = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}  # fmt: skip
RAY_APP = Path(__file__).with_name("ray_app.py")
RAY_ANSWER_S, RAY_REST_S = 120.0, 60.0
REPLICA = "ray::ServeReplica"


class NotRunError(Exception):
    """This peer cannot be run here."""


@dataclass
class Running:
    """A peer that runs; see `figures.Peer`."""

    root: psutil.Process
    ready_s: float | None
    say: Callable[[], float] | None = None
    listen: Callable[[], float] | None = None
    rest: Callable[[], None] | None = None
    colds: int = COLD


@contextmanager
def hushd() -> Iterator[Running]:
    with ExitStack() as stack:
        began = time.perf_counter()
        root = stack.enter_context(supervisor(f"[worker]\nkeep_alive = {KEEP_S}\n"))
        ready_s = time.perf_counter() - began
        client = stack.enter_context(Client())

        def listen() -> float:
            began = time.perf_counter()
            client.transcribe(LISTENED)
            return time.perf_counter() - began

        yield Running(root, ready_s, partial(first_audio, client, SENTENCE), listen, lambda: wait_until_childless(root))


def bare(python: Path, folder: Path, figures: Figures) -> Figures:
    """Each request in a fresh process: nothing is ever idle."""
    from ..cold import BARE_LISTEN, BARE_SAY

    out = str(folder / "bare.wav")
    for name, words in (
        ("cold_say_s", [BARE_SAY, SENTENCE, out]), ("cold_listen_s", [BARE_LISTEN, str(LISTENED)]),
    ):  # fmt: skip
        setattr(figures, name, sorted(timed([str(python), "-c", *words]) for _ in range(COLD))[COLD // 2])
    figures.idle_mb = figures.after_mb = figures.wakeups = 0.0
    return figures


@contextmanager
def resident_server(python: Path, folder: Path, *options: str) -> Iterator[Running]:
    address = folder / "resident.sock"
    command = resident.command(address, *options, python=python)
    with resident.ResidentServer(address, command) as server:
        yield _of_resident(server, unloads="lazy" in options)


@contextmanager
def managed(python: Path, folder: Path, manager: Path, config: str) -> Iterator[Running]:
    """The server that never unloads, started by a process manager."""
    address = folder / "resident.sock"
    path = folder / f"{manager.name}.conf"
    words = " ".join(resident.command(address, python=python))
    path.write_text(config.format(command=words, log=folder / "log", pid=folder / "pid"))
    option = ["-c"] if manager.name == "supervisord" else []
    with resident.ResidentServer(address, [str(manager), *option, str(path)]) as server:
        yield _of_resident(server, unloads=False)


def _of_resident(server: resident.ResidentServer, unloads: bool) -> Running:
    return Running(
        psutil.Process(server.process.pid),
        server.ready_s,
        partial(server.say, SENTENCE),
        partial(server.listen, LISTENED),
        server.unload if unloads else None,
    )


@contextmanager
def speech_dispatcher(folder: Path) -> Iterator[Running]:
    """speech-dispatcher with its module for espeak-ng, into a sound server without a device."""
    from ..speaking.screen_reader import Monitor, Reader, SoundLoop, SpeechDispatcher, missing, word

    if names := missing():
        raise NotRunError(f"not installed: {names}")
    if not (MODULES / "sd_espeak-ng").exists():
        raise NotRunError("its module for espeak-ng is not installed")
    with SoundLoop(folder / "sound") as loop, Monitor(loop) as monitor:
        began = time.perf_counter()
        server = SpeechDispatcher(loop, folder / "spd", ESPEAK, MODULES)
        with server, Reader(server) as reader:
            ready_s = time.perf_counter() - began
            yield Running(psutil.Process(server.pid), ready_s, lambda: word(monitor, reader, SENTENCE) / 1000)


def debian_version(package: str) -> str:
    """The version of an installed Debian package; empty where there is none."""
    query = ["dpkg-query", "-W", "-f", "${Version}", package]
    try:
        return subprocess.run(query, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return ""


@contextmanager
def mcp_server(command: Sequence[str | Path], folder: Path) -> Iterator[Running]:
    """A server of the Model Context Protocol, ready once it has answered `initialize`."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = os.environ | {"HOME": str(home), "HUSHD_RUNTIME_DIR": str(home), "HUSHD_STATE_DIR": str(home)}
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, env=environment) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        if not process.stdout.readline():
            raise NotRunError("it did not answer")
        yield Running(psutil.Process(process.pid), time.perf_counter() - began)
        process.terminate()


@contextmanager
def ray_serve(python: Path, folder: Path) -> Iterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    command = [str(python), str(RAY_APP), str(number), str(folder / "ray")]
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=quiet, env=environment, start_new_session=True
    ) as process:  # Ray ends its whole process group
        try:
            assert process.stdout
            if not process.stdout.readline():
                raise NotRunError("it did not start")
            ready_s = time.perf_counter() - began
            root = psutil.Process(process.pid)

            def ask(path: str, body: str) -> float:
                began = time.perf_counter()
                connection = HTTPConnection("127.0.0.1", number, timeout=RAY_ANSWER_S)
                connection.request("POST", path, body.encode())
                response = connection.getresponse()
                assert response.read(1)
                first = time.perf_counter() - began
                response.read()
                connection.close()
                return first

            def rest() -> None:
                deadline = time.monotonic() + RAY_REST_S
                while any(map(_is_replica, tree(root))):
                    if time.monotonic() > deadline:
                        raise NotRunError(f"a replica has not left in {RAY_REST_S:.0f} s")
                    time.sleep(0.2)

            say, listen = partial(ask, "/say", SENTENCE), partial(ask, "/listen", str(LISTENED))
            yield Running(root, ready_s, say, listen, rest, colds=1)  # each takes it many seconds
        finally:
            _end(process)


def _is_replica(process: psutil.Process) -> bool:
    try:
        return REPLICA in " ".join(process.cmdline())
    except psutil.Error:
        return False  # it has left


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process by closing its standard input, and then its remaining children."""
    below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
    for one in below:
        try:
            one.kill()
        except psutil.Error:
            pass  # it has left
    psutil.wait_procs(below, 10)
