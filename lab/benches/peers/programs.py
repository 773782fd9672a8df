"""hushd and its peers as running programs, with the same weights."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from hushd import Client
from support import real_weights, whisper_files
from support.ports import free_port

from ..process_memory import Held, held
from ..stage import supervisor
from .doors import SPOKEN, Hear, Speak, http_hears, http_speaks, wyoming_hears, wyoming_speaks

KEEP_ALIVE_S = 30.0
VOICE = "en_US-joe-medium"
_HEARS, _SPEAKS = "faster-whisper/base", f"piper/{VOICE}"
_START_S = 60.0
SERVERS = Path(__file__).parents[3] / ".venv" / "servers"  # by scripts/setup --engines all


@dataclass(frozen=True)
class Program:
    """A program that serves: the root of its processes, its port, and how it is asked."""

    process: psutil.Process
    port: int
    hear: Hear
    speak: Speak

    def tree(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return [self.process, *self.process.children(recursive=True)]
        return []

    def cpu(self) -> float:
        """Seconds of the processor so far, with those of processes that have ended."""
        return sum(sum(process.cpu_times()[:4]) for process in self.tree())

    def held(self) -> dict[str, Held]:
        return {str(process.pid): held(process) for process in self.tree()}


@dataclass(frozen=True)
class Peer:
    """A program beside which hushd is measured.

    Attributes:
        work: `hears` or `speaks`.
        program: returns the path of its program from the command line's options; empty: it is not named.
        command: the words of its command line from that path, a port, and a folder of its own.
        http: whether it is asked over HTTP; else over Wyoming.
        missing: what is not here without its program.
    """

    name: str
    work: str
    program: Callable[[Namespace], str]
    command: Callable[[str, int, Path], Sequence[str]]
    missing: str
    http: bool = False
    hear: Hear = wyoming_hears
    speak: Speak = wyoming_speaks

    def lacks(self, options: Namespace) -> str:
        """Says why it cannot be measured; empty where it can."""
        program = self.program(options)
        if not program:
            return self.missing
        if not os.access(program, os.X_OK):
            return f"{program} is no program"
        if self.work == "hears" and not options.audio:
            return "--audio names a folder of clips with their texts"
        return real_weights.missing(*([_HEARS] if self.work == "hears" else [f"{_SPEAKS}.onnx"]))

    @contextmanager
    def running(self, options: Namespace) -> Iterator[Program]:
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="hushd-peers-") as folder:
            command = list(self.command(self.program(options), port, Path(folder)))
            quiet = subprocess.DEVNULL
            process = subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet, start_new_session=True)
            try:
                _wait_for(port, process)
                yield Program(psutil.Process(process.pid), port, self.hear, self.speak)
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(30)


def _wyoming_whisper(python: str, port: int, folder: Path) -> Sequence[str]:
    return (
        python, "-m", "wyoming_faster_whisper", "--uri", f"tcp://127.0.0.1:{port}", "--data-dir", str(folder),
        "--model", str(real_weights.home() / _HEARS), "--local-files-only", "--compute-type", "int8",
        "--cpu-threads", str(os.cpu_count()),
    )  # fmt: skip


def _wyoming_piper(python: str, port: int, folder: Path) -> Sequence[str]:
    return (
        python, "-m", "wyoming_piper", "--uri", f"tcp://127.0.0.1:{port}", "--voice", VOICE,
        "--data-dir", str(real_weights.home() / "piper"), "--download-dir", str(folder),
    )  # fmt: skip


def _open_asr(program: str, port: int, folder: Path) -> Sequence[str]:
    (folder / "base").symlink_to(real_weights.home() / _HEARS)  # it leaves `openai/whisper-` out
    return program, "serve", "--host", "127.0.0.1", "--port", str(port), "--preload", "openai/whisper-base"


def _whisper_cpp(program: str, port: int, folder: Path) -> Sequence[str]:
    model = whisper_files.ggml(folder / "base.bin", real_weights.home() / "whisper" / "base.pt")
    return program, "-m", str(model), "--host", "127.0.0.1", "--port", str(port)


def _piper_http(python: str, port: int, folder: Path) -> Sequence[str]:
    local = ("--host", "127.0.0.1", "--port", str(port))
    return python, "-m", "piper.http_server", "-m", VOICE, *local, "--data-dir", str(real_weights.home() / "piper")


def _installed(server: str, program: str) -> Callable[[Namespace], str]:
    def path(_: Namespace) -> str:
        file = SERVERS / server / "bin" / program
        return str(file) if file.exists() else ""

    return path


_INSTALL = "scripts/setup --engines all installs it"
_OPENAI_HEARS = "/v1/audio/transcriptions"
PEERS = (
    Peer(
        "wyoming-faster-whisper", "hears", _installed("wyoming-faster-whisper", "python"), _wyoming_whisper, _INSTALL
    ),
    Peer(
        "wyoming-piper", "speaks", _installed("wyoming-piper", "python"), _wyoming_piper, _INSTALL
    ),
    Peer(
        "open-asr-server", "hears", _installed("open-asr-server", "open-asr-server"), _open_asr, _INSTALL, True,
        hear=http_hears(_OPENAI_HEARS, model="openai/whisper-base"),
    ),
    Peer(
        "whisper.cpp's server", "hears", lambda options: options.whisper_server or "", _whisper_cpp,
        "--whisper-server names its program", True, hear=http_hears("/inference", response_format="json"),
    ),
    Peer(
        "piper's server", "speaks", _installed("piper", "python"), _piper_http, _INSTALL, True,
        speak=http_speaks("/synthesize", {"text": SPOKEN}),
    ),
)  # fmt: skip


@contextmanager
def hushd(peer: Peer) -> Iterator[Program]:
    """hushd for the same work, over the same protocol."""
    port, hears = free_port(), peer.work == "hears"
    role, model = ("stt", _HEARS) if hears else ("tts", _SPEAKS)
    kind, address = ("http", f"127.0.0.1:{port}") if peer.http else ("wyoming", f"tcp://127.0.0.1:{port}")
    config = f'{role} = "{model}"\n[{kind}]\nlisten = ["{address}"]\n[worker]\nkeep_alive = {KEEP_ALIVE_S:g}\n'
    with supervisor(config, HUSHD_MODELS_DIR=str(real_weights.home())) as process, Client() as client:
        client.preload(f"{role}/{model}")
        if peer.http:
            hear = http_hears(_OPENAI_HEARS, model="whisper-1")
            body = {"model": "tts-1", "voice": VOICE, "input": SPOKEN, "response_format": "wav"}
            yield Program(process, port, hear, http_speaks("/v1/audio/speech", body))
        else:
            yield Program(process, port, wyoming_hears, wyoming_speaks)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"scripts/bench peers: {process.args} does not listen")
