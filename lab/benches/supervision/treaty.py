"""Speech beside an idle language model where both do not fit: llama.cpp's server and Parakeet, in one memory cgroup."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

import psutil
from full_size import gguf_llama
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_protocol.system.cgroup import Cgroup
from support.memory_group import MemoryGroup

from ..stage import Row, recording, supervisor, wait_until_childless

PROGRAM = "llama-server"
SPEECH = "onnx-asr/nemo-parakeet-tdt-0.6b-v3"
MODEL = "idle"  # of llama-server
TRIES, BESIDE = 20, 100
IDLE_S = 1.0
SPARE = 130 << 20  # bytes of the group beyond the language model: less than Parakeet and its worker need
ROOM = 60 << 20  # beyond another program's, likewise
TAKEN = 1 << 30  # bytes of that program
_START_S = 120.0  # for a load on a busy machine


def treaty(options: Namespace) -> Iterator[Row]:
    """An idle model of llama-server and a cold Parakeet in a cgroup for one of both; --models DIR."""
    if why := _missing(options):
        yield Row("treaty", None, "", note=f"not measured: {why}")
        return
    gguf = options.models / "llama" / f"{MODEL}.gguf"
    if not gguf.exists():
        gguf.parent.mkdir(exist_ok=True)
        gguf_llama.make(gguf)
    with _group() as group:
        with _llama(gguf.parent) as router:
            yield from _speech_beside_a_model(group, router, options.models)
        yield from _others_beside_a_hang(group, options.models)


def _missing(options: Namespace) -> str:
    if shutil.which(PROGRAM) is None:
        return f"there is no {PROGRAM} in PATH (Debian's llama.cpp has it)"
    if options.models is None or not (options.models / SPEECH).is_dir():
        return f"--models names no folder with {SPEECH}, which `scripts/fullsize make` fills"
    return ""


@contextmanager
def _group() -> Iterator[MemoryGroup]:
    """A memory cgroup, in which this process and whatever it starts are for the time being."""
    before = Cgroup.own().folders[0]
    group = MemoryGroup()
    try:
        (group.folder / "cgroup.procs").write_text(str(os.getpid()))
        yield group
    finally:
        (before / "cgroup.procs").write_text(str(os.getpid()))
        group.close()


# --- llama-server -------------------------------------------------------------------------------------------------


class Router:
    """llama-server as a router, and the process of its model."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process, self.url = psutil.Process(process.pid), url

    def ask(self) -> float:
        """Has the model say a word, loading it if it has gone; returns the seconds."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": "a"}], "max_tokens": 1}
        began = time.perf_counter()
        answer = self._call("/v1/chat/completions", body)
        assert answer["choices"], answer
        return time.perf_counter() - began

    def model(self) -> psutil.Process | None:
        """The process of the loaded model."""
        return next(iter(self.process.children(recursive=True)), None)

    def _call(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, {"Content-Type": "application/json"})
        with urlopen(request, timeout=_START_S) as answer:
            return json.load(answer)


@contextmanager
def _llama(models: Path) -> Iterator[Router]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Weights are read, not mapped: mapped ones the kernel would drop by itself.
    options = ["--load-mode", "none", "--cache-ram", "0", "-c", "512", "-np", "1"]
    command = [PROGRAM, "--models-dir", str(models), "--host", "127.0.0.1", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        router = Router(process, f"http://127.0.0.1:{port}")
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            try:
                router._call("/models")
                break
            except OSError:
                time.sleep(0.05)
        yield router
    finally:
        process.terminate()
        process.wait(30)


# --- a model and speech -------------------------------------------------------------------------------------------


def _speech_beside_a_model(group: MemoryGroup, router: Router, models: Path) -> Iterator[Row]:
    """Requests for speech beside the idle model, without the treaty and with it."""
    router.ask()
    model = router.model()
    assert model is not None
    held = model.memory_full_info().uss
    group.limit(held + SPARE)
    clip, folder = recording("beckett.wav").read_bytes(), str(models)
    with supervisor(HUSHD_MODELS_DIR=folder) as process, Client() as client:
        refused = sum(_refused(client, process, clip) for _ in range(TRIES))
    note = f"of {TRIES}; the model holds {held / 1e6:.0f} MB of {(held + SPARE) / 1e6:.0f}"
    yield Row("treaty: refused without neighbours", refused, "", note=note)
    config = f'[neighbours.llama]\nkind = "llama-server"\nurl = "{router.url}"\nidle = "{IDLE_S:.0f}s"\n'
    gone, started, served, reloaded, refused = [], [], [], [], 0
    with supervisor(config, HUSHD_MODELS_DIR=folder) as process, Client() as client:
        for _ in range(TRIES):
            time.sleep(IDLE_S + 0.2)
            with Watch(router, process) as watch:
                refused += _refused(client, process, clip)
                served.append(time.perf_counter() - watch.began)
            if watch.gone is not None and watch.started is not None:
                gone.append(watch.gone)
                started.append(watch.started)
            wait_until_childless(process)
            reloaded.append(router.ask())
    yield Row("treaty: refused with llama-server", refused, "", "0", ok=refused == 0, note=f"of {TRIES}")
    if not started:
        return
    yield Row("treaty: request to llama's model gone", median(gone), "s", note=f"at most {max(gone):.2f}")
    after = [at - left for at, left in zip(started, gone, strict=True)]
    yield Row("treaty: from there to the worker's start", median(after), "s", "< 2", ok=max(after) < 2)
    yield Row("treaty: request to the text, cold", median(served), "s", note=f"at most {max(served):.2f}")
    yield Row("treaty: llama's next request, loaded again", median(reloaded), "s", note=f"all {len(reloaded)} answered")


def _refused(client: Client, process: psutil.Process, clip: bytes) -> bool:
    """Has Parakeet hear a recording, and its worker leave; returns whether there was no memory for it."""
    try:
        client.transcribe(clip, engine="onnx-asr", model=SPEECH.partition("/")[2], keep_alive=0)
    except HushdError as error:
        if error.code != "server_busy":
            raise
        return True
    wait_until_childless(process)
    return False


class Watch(threading.Thread):
    """Follows processes: `gone`, when the router's model had ended, and `started`, when a worker was there; seconds."""

    def __init__(self, router: Router, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.began = time.perf_counter()
        self.gone: float | None = None
        self.started: float | None = None
        self._router, self._process = router, process
        self._over = threading.Event()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while self.started is None and not self._over.wait(0.01):
            if self.gone is None and self._router.model() is None:
                self.gone = time.perf_counter() - self.began
            if any(_is_worker(child) for child in self._process.children()):
                self.started = time.perf_counter() - self.began


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "hushd_worker_stt" in process.cmdline()
    except psutil.Error:
        return False


# --- a neighbour that hangs ---------------------------------------------------------------------------------------


def _others_beside_a_hang(group: MemoryGroup, models: Path) -> Iterator[Row]:
    """The time of another client's requests while a start waits for a neighbour that accepts, and never answers."""
    group.limit(1 << 40)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent, _other_program():
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        config = f'[neighbours.silent]\nkind = "ollama"\nurl = "{url}"\n'
        with supervisor(config, HUSHD_MODELS_DIR=str(models)), Client() as client:
            alone = [_round_trip(client) for _ in range(BESIDE)]
            group.limit(_usage(group) + ROOM)
            codes: list[str] = []
            asking = threading.Thread(target=_ask_for_speech, args=(recording("beckett.wav").read_bytes(), codes))
            asking.start()
            beside = []
            while asking.is_alive():
                beside.append(_round_trip(client))
            group.limit(1 << 40)
    longer = (max(beside) - max(alone)) * 1000
    note = (
        f"worst of {len(beside)}; the median {(median(beside) - median(alone)) * 1000:+.1f} ms; it ended by {codes[0]}"
    )
    yield Row("treaty: another's request, beside one that hangs", longer, "ms", "< 50", ok=longer < 50, note=note)


@contextmanager
def _other_program() -> Iterator[None]:
    """A program with memory that it never gives."""
    program = f"import sys; held = b'x' * {TAKEN}; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-S", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def _ask_for_speech(clip: bytes, codes: list[str]) -> None:
    """Notes the code of the error with which the request ends."""
    try:
        with Client() as client:
            client.transcribe(clip, engine="onnx-asr", model=SPEECH.partition("/")[2], keep_alive=0)
        codes.append("an answer")
    except HushdError as error:
        codes.append(error.code)


def _round_trip(client: Client) -> float:
    time.sleep(0.02)  # as a person's program asks: not at full speed
    began = time.perf_counter()
    client.status()
    return time.perf_counter() - began


def _usage(group: MemoryGroup) -> int:
    """Bytes of the group that the kernel cannot drop."""
    (limit,) = [limit for limit in Cgroup(group.version, (group.folder,)).limits() if limit.total]
    return limit.total - limit.available
