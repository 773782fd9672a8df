"""The one process of a run that holds the networks that hushd carries: `ears.py FOLDER` hears for all the others.

A worker would load them in 0.6 s, and take 200 MB for them; so would a process of tests, for as long as it lives, since
Moonshine's library frees nothing. The socket in FOLDER takes one question a connection, and answers with what was heard
or with the exception. It leaves when its input ends, as that of a child does when whoever started it dies.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hushd_worker_stt.engines import moonshine

Reading = tuple[str, int, tuple[tuple[str, str], ...]]  # a model's folder, its architecture and its options
_READERS = os.cpu_count() or 1  # of one model at a time


def start(folder: Path) -> Callable[[], None]:
    """Starts the process, which answers at once and loads what it is asked for; returns what ends it."""
    process = Popen([sys.executable, "-P", __file__, str(folder)], stdin=PIPE, stdout=PIPE)
    assert process.stdout
    assert process.stdout.read()  # to its end: then it listens

    def end() -> None:
        process.communicate()

    return end


def text(folder: Path, reading: Reading, samples: np.ndarray, rate: int) -> str:
    return _ask(folder, "text", reading, samples, rate)  # type: ignore[no-any-return]


def run(folder: Path, network: str, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The first output of a network that tells voices apart."""
    return _ask(folder, "run", network, inputs)  # type: ignore[no-any-return]


def _ask(folder: Path, *question: Any) -> Any:
    with Client(str(folder / "ears"), "AF_UNIX") as connection:
        connection.send(question)
        answer = connection.recv()
    if isinstance(answer, Exception):
        raise answer
    return answer


@cache
def _readers(reading: Reading) -> queue.SimpleQueue[Callable[[], moonshine.Transcriber]]:
    """The transcribers of a model that are free; each is loaded when it is first called."""
    from hushd_worker_stt.engines import moonshine

    package = moonshine.package()
    assert package
    model, architecture, options = reading
    free: queue.SimpleQueue[Callable[[], moonshine.Transcriber]] = queue.SimpleQueue()

    def load() -> moonshine.Transcriber:
        return moonshine.Transcriber(moonshine.Library(package), Path(model), architecture, dict(options))

    for _ in range(_READERS):
        free.put(cache(load))
    return free


def _text(reading: Reading, samples: np.ndarray, rate: int) -> str:
    free = _readers(reading)
    reader = free.get()
    try:
        return reader().text(samples, rate)
    finally:
        free.put(reader)


@cache
def _network(name: str) -> Any:
    from hushd_worker_stt.diarization.models import DiarizationModels

    return DiarizationModels()._load(name)


def _run(network: str, inputs: dict[str, np.ndarray]) -> np.ndarray:
    answer: np.ndarray = _network(network).run(None, inputs)[0]
    return answer


def _answer(connection: Connection) -> None:
    with connection, contextlib.suppress(OSError, EOFError):  # whoever asked may be killed meanwhile
        what, *question = connection.recv()
        try:
            answer = {"text": _text, "run": _run}[what](*question)
        except Exception as error:
            answer = error
        connection.send(answer)


def _serve(folder: Path) -> None:
    with Listener(str(folder / "ears"), "AF_UNIX", backlog=64) as listener:
        os.write(1, b"listening")
        os.close(1)
        while True:
            threading.Thread(target=_answer, args=(listener.accept(),), daemon=True).start()


if __name__ == "__main__":
    threading.Thread(target=_serve, args=(Path(sys.argv[1]),), daemon=True).start()
    sys.stdin.read()
    os._exit(0)  # whatever is being heard is asked for by nobody any more
