"""The server that people write for hushd's two engines: one process that loads both and never unloads them.

Run as a program it serves at a Unix socket, one client at a time; `ResidentServer` starts it and is that client.
"""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

START_S = 60.0
WARM_UP = "Ready."


class ResidentServer:
    """The server's process and a connection to it. A context manager.

    Attributes:
        ready_s: seconds from its start until it served.
    """

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self._address = str(folder / "resident.sock")
        began = time.perf_counter()
        self.process = subprocess.Popen([python, __file__, self._address])
        self.connection = self._connect()
        self.ready_s = time.perf_counter() - began

    def __enter__(self) -> ResidentServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait()

    def say(self, text: str) -> float:
        """Has a text spoken; returns the seconds to the first audio, and returns after the last."""
        began = time.perf_counter()
        self.connection.send(("say", text))
        assert self.connection.recv()
        first = time.perf_counter() - began
        while self.connection.recv():
            pass
        return first

    def listen(self, path: Path) -> float:
        """Has a recording written down; returns the seconds to the text."""
        began = time.perf_counter()
        self.connection.send(("listen", str(path)))
        assert self.connection.recv()
        return time.perf_counter() - began

    def unload(self) -> None:
        """Has it delete its engines, collect garbage and trim the heap."""
        self.connection.send(("unload", ""))
        self.connection.recv()

    def _connect(self) -> Connection:
        deadline = time.monotonic() + START_S
        while True:
            with suppress(FileNotFoundError, ConnectionRefusedError):
                return Client(self._address)
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
        list(self.tts.stream(WARM_UP))  # its dictionaries are read at the first sentence

    def say(self, text: str, connection: Connection) -> None:
        for samples in self.tts.stream(text):
            connection.send(samples.tobytes())
        connection.send(b"")

    def listen(self, path: str, connection: Connection) -> None:
        import soundfile

        audio, rate = soundfile.read(path, dtype="float32")
        lines = self.stt.transcribe_without_streaming(audio.tolist(), rate).lines
        connection.send(" ".join(line.text for line in lines) or "-")

    def close(self) -> None:
        self.stt.close()


def _serve(address: str) -> None:
    engines: Any = _Engines()
    with Listener(address) as listener, listener.accept() as connection, suppress(EOFError):
        while True:
            what, subject = connection.recv()
            if what == "unload":
                engines.close()
                engines = None
                gc.collect()
                ctypes.CDLL(None).malloc_trim(0)
                connection.send("")
                continue
            engines = engines or _Engines()
            getattr(engines, what)(subject, connection)


if __name__ == "__main__":
    _serve(sys.argv[1])
