"""A typical server for hushd's two engines: one process that loads both.

Run as a program it serves one client at a Unix socket. It loads at once, or with `lazy` at the first request.
`ResidentServer` is that client. Standard library only at the top: it runs in the peers' own environments.
"""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

START_S = 60.0
WARM_UP = "Ready."


def command(address: Path, *options: str, python: str | Path = sys.executable) -> list[str]:
    """The command that serves at `address`."""
    return [str(python), __file__, str(address), *options]


class ResidentServer:
    """The server, started by a command of its own or by a process manager's, and a connection to it.

    A context manager.

    Attributes:
        process: the command's.
        ready_s: seconds from the start until it served.
    """

    def __init__(self, address: Path, starts: Sequence[str] = ()) -> None:
        began = time.perf_counter()
        self.process = subprocess.Popen(
            starts or command(address), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._connection = self._connect(str(address))
        except BaseException:
            self.process.kill()
            raise
        self.ready_s = time.perf_counter() - began

    def __enter__(self) -> ResidentServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self.process.terminate()
        self.process.wait(START_S)

    def say(self, text: str) -> float:
        """Has a text spoken; returns the seconds to the first audio, after the last has come."""
        began = time.perf_counter()
        self._connection.send(("say", text))
        assert self._connection.recv()
        first = time.perf_counter() - began
        while self._connection.recv():
            pass
        return first

    def listen(self, path: Path) -> float:
        """Has a recording written down; returns the seconds to the text."""
        began = time.perf_counter()
        self._connection.send(("listen", str(path)))
        assert self._connection.recv()
        return time.perf_counter() - began

    def unload(self) -> None:
        """Has it delete its engines, collect garbage and trim the heap."""
        self._connection.send(("unload", ""))
        self._connection.recv()

    def _connect(self, address: str) -> Connection:
        deadline = time.monotonic() + START_S
        while True:
            with suppress(FileNotFoundError, ConnectionRefusedError):
                return Client(address)
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("The resident server did not start.")
            time.sleep(0.005)


class _Engines:
    """Both engines, by the use that their packages document."""

    def __init__(self) -> None:
        from hibari import Hibari
        from moonshine_voice import ModelArch, get_assets_path
        from moonshine_voice.transcriber import Transcriber

        self.tts = Hibari()
        model = str(get_assets_path() / "tiny-en")
        self.stt = Transcriber(model, ModelArch.TINY, options={"vad_threshold": "0"})

    def say(self, text: str, connection: Connection) -> None:
        for samples in self.tts.stream(text):
            connection.send(samples.tobytes())
        connection.send(b"")

    def listen(self, path: str, connection: Connection) -> None:
        import soundfile

        audio, rate = soundfile.read(path, dtype="float32")
        lines = self.stt.transcribe_without_streaming(audio.tolist(), rate).lines
        connection.send(" ".join(line.text for line in lines) or "-")

    def unload(self) -> None:
        self.stt.close()


def _serve(address: str, lazy: bool) -> None:
    engines: Any = None
    if not lazy:
        engines = _Engines()
        list(engines.tts.stream(WARM_UP))  # hibari reads its dictionaries at the first sentence
    with Listener(address) as listener, listener.accept() as connection, suppress(EOFError):
        while True:
            what, subject = connection.recv()
            if what != "unload":
                engines = engines or _Engines()
                getattr(engines, what)(subject, connection)
                continue
            if engines:
                engines.unload()
            engines = None
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)
            connection.send("")


if __name__ == "__main__":
    _serve(sys.argv[1], "lazy" in sys.argv[2:])
