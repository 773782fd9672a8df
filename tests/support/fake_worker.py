"""A worker that misbehaves on request: the command of a supervisor's worker in tests.

Flags come from the environment variable FAKE_WORKER and from the command line, before `--engine X --model Y`,
which the supervisor appends. Without a flag it is a good worker without an engine. It knows these operations:

    echo    result {"echo": params, "size": bytes of input}
    sleep   the same after params["s"] seconds, or once the file params["until"] is there, or an error `cancelled`
    pids    result {"pid": its own, "children": [of the grandchildren flags]}

    --slow-load S        takes S seconds to load and says `loading` eight times meanwhile
    --crawl S            takes S seconds to load without a word, and 4 MB more each quarter of a second
    --load-failed CODE   sends `load_failed` with CODE, `bye`, exits 78
    --grandchild         starts a child that holds stdout and stderr and sleeps
    --late-result        sends the result, flushes it, and dies by SIGKILL at once
    --describe           prints a catalogue with an engine `fake`, and --role is its role
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn

import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import CREDIT_WINDOW, MAX_WIRE, PROTOCOL
from hushd_protocol.messages import (
    TO_WORKER,
    Beat,
    Bye,
    Cancel,
    Chunk,
    Credit,
    Drain,
    Error,
    Job,
    LoadFailed,
    Loading,
    Message,
    Ready,
    Result,
    WorkerHello,
)
from hushd_protocol.system import lifeline
from hushd_worker.usage import pss


def options() -> argparse.Namespace:
    """The flags of this module's docstring."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for flag in ("grandchild", "late-result", "describe"):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--slow-load", type=float, default=0.0)
    parser.add_argument("--crawl", type=float, default=0.0)
    parser.add_argument("--load-failed", default="")
    parser.add_argument("--role", default="stt")
    parser.add_argument("--engine", default="fake")
    parser.add_argument("--model", default="one")
    return parser.parse_args(shlex.split(os.environ.get("FAKE_WORKER", "")) + sys.argv[1:])


def catalogue(role: str) -> dict[str, Any]:
    """The output of `--describe`: one engine, `fake`, with the models `one` and `two`."""
    models = [
        {"name": name, "languages": ["en"], "memory_mb": 30, "embedded": True, "installed": True}
        for name in ("one", "two")
    ]
    engine: dict[str, Any] = {
        "name": "fake", "installed": True, "install": "nothing to install", "default_model": "one",
        "models": models, "streaming": True,
    }  # fmt: skip
    if role == "tts":
        engine["voices"] = [
            {"name": "nobody", "language": "en", "gender": "", "engine": "fake", "model": "one",
             "installed": True, "sample": "I am not here."}
        ]  # fmt: skip
    else:
        engine["word_times"] = False
    return {"role": role, "version": __version__, "engines": [engine]}


LOOK_S = 0.01  # between two looks for a file that a job waits for
BEAT_S = 2.0


class Work:
    """One job under way."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.size = len(job.payload)
        self.waits_for_input = job.input == "stream"
        if job.input == "path":
            self.size = os.stat(job.path).st_size
        self.due = time.monotonic() + float(job.params.get("s", 0)) if job.op == "sleep" else 0.0


class FakeWorker:
    """One socket, one thread, one loop."""

    def __init__(self, flags: argparse.Namespace, endpoint: str, token: str) -> None:
        self.flags = flags
        self.token = token
        self.decoder = Decoder(TO_WORKER)
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_WIRE)
        self.socket.setsockopt(zmq.LINGER, 1000)
        self.socket.connect(endpoint)
        self.work: dict[bytes, Work] = {}
        self.children: list[int] = []

    def run(self) -> NoReturn:
        flags = self.flags
        if flags.grandchild:
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            self.children.append(child.pid)
        self.send(WorkerHello(token=self.token, protocol=PROTOCOL, version=__version__, pid=os.getpid()))
        if flags.load_failed:
            self.send(LoadFailed(code=flags.load_failed, message=f"This worker was told to say {flags.load_failed}."))
            self.send(Bye())
            self.leave(78)
        if flags.slow_load:
            for part in range(8):
                self.send(Loading(note=f"{part + 1} of 8"))
                time.sleep(flags.slow_load / 8)
        if flags.crawl:
            self.model = [self.part() for _ in range(int(4 * flags.crawl))]
        self.send(Ready(pss=pss(), capabilities={"engine": flags.engine, "model": flags.model}))
        next_beat = 0.0
        while True:
            if not self.work:
                next_beat = time.monotonic() + BEAT_S
            due = [next_beat, *(work.due for work in self.work.values() if work.due)]
            timeout = max(0.0, min(due) - time.monotonic()) if self.work else None
            if self.socket.poll(None if timeout is None else int(timeout * 1000) + 1):
                self.receive(unpack(self.socket.recv_multipart(), self.decoder))
            now = time.monotonic()
            if self.work and now >= next_beat:
                next_beat = now + BEAT_S
                self.send(Beat(cpu_s=time.process_time(), pss=pss()))
            for work in list(self.work.values()):
                self.advance(work, now)

    def part(self) -> bytearray:
        """Loads the next part of a large model, slowly."""
        time.sleep(0.25)
        return bytearray(os.urandom(4_000_000))

    def receive(self, message: Message) -> None:
        if isinstance(message, Job):
            self.work[message.id] = work = Work(message)
            if work.waits_for_input:
                self.send(Credit(id=message.id, chunks=CREDIT_WINDOW))
        elif isinstance(message, Chunk) and message.id in self.work:
            work = self.work[message.id]
            work.size += len(message.payload)
            work.waits_for_input = not message.last
            if work.waits_for_input:
                self.send(Credit(id=message.id, chunks=1))
        elif isinstance(message, Cancel) and message.id in self.work:
            del self.work[message.id]
            self.send(Error.of(message.id, HushdError("cancelled", "The request was cancelled.")))
        elif isinstance(message, Drain):
            self.send(Bye())
            while self.socket.poll(1000) and not isinstance(unpack(self.socket.recv_multipart(), self.decoder), Bye):
                pass
            self.leave(0)

    def advance(self, work: Work, now: float) -> None:
        """Moves a job on as far as it can go now."""
        job = work.job
        if work.waits_for_input or now < work.due:
            return
        if (file := job.params.get("until")) and not os.path.exists(file):
            work.due = now + LOOK_S
            return
        del self.work[job.id]
        if job.op == "pids":
            self.send(Result(id=job.id, data={"pid": os.getpid(), "children": self.children}))
        else:
            self.send(Result(id=job.id, data={"echo": job.params, "size": work.size}))
        if self.flags.late_result:
            self.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    def send(self, message: Message) -> None:
        self.socket.send_multipart(pack(message))

    def flush(self) -> None:
        """Everything sent is in the kernel's hands after this."""
        self.socket.close(linger=1000)
        self.context.term()

    def leave(self, status: int) -> NoReturn:
        self.flush()
        os._exit(status)


def main() -> None:
    flags = options()
    if flags.describe:
        print(json.dumps(catalogue(flags.role)))
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    descriptor = int(os.environ["HUSHD_LIFELINE"])
    lifeline.arm(descriptor, int(os.environ["HUSHD_SUPERVISOR"]))
    os.set_inheritable(descriptor, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    FakeWorker(flags, os.environ["HUSHD_WORKER_SOCKET"], os.environ["HUSHD_WORKER_TOKEN"]).run()


if __name__ == "__main__":
    main()
