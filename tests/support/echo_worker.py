"""A good worker without a model, on the real harness: the command of a supervisor's worker in tests.

echo      result {"params": as sent, "size": bytes of input, "text": the first 1000 of them, "pid": its own}
wait      works (it beats, and takes no CPU time) until it is cancelled, or the file params["until"] is there
stream    params["count"] chunks of params["bytes"] bytes, then the result {"count"}
partials  params["count"] partials {"n"}, then the result {"count"}
fail      the error params["code"], with the sentence params["message"]
raise     an exception that the engine did not expect
exit      ends the process with status params["status"]
memory    keeps params["mb"] MB (10^6 bytes) for good
economy   does with less if it is asked to; result {"economy": whether it was}

With `--exclusive FILE` it holds a lock on FILE for its life, and cannot start while another process does. With
`--until FILE` it ends no `transcribe` before FILE exists; with `--poison TEXT` one whose input begins with TEXT ends
the process. With `--load S` it takes S seconds to load without a word, and 4 MB more each quarter of a second.

And, for those who ask through `Client`: `transcribe` hears the SHA-256 of its input in the first second, `synthesize`
says the text's own bytes, each twice.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import threading
from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_schema.results import Capabilities
from hushd_worker import harness
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker


class Echo(BaseWorker):
    """An engine that is there at once."""

    def __init__(
        self, slots: int = 1, sessions: int = 0, until: str | None = None, poison: str = "", load_s: float = 0.0
    ) -> None:
        self.slots = slots
        self.sessions = sessions
        self.until = until
        self.poison = poison.encode()
        self.load_s = load_s
        self.kept: list[bytes] = []

    def load(self, report: Callable[[str], None]) -> Capabilities:
        for _ in range(int(4 * self.load_s)):
            threading.Event().wait(0.25)
            self.kept.append(os.urandom(4_000_000))
        return Capabilities(engine="echo")

    def run(self, job: Job) -> dict[str, Any]:
        params = job.params
        match job.op:
            case "echo":
                data = b"".join(job.read())
                text = data[:1000].decode(errors="replace")
                return {"params": params, "size": len(data), "text": text, "pid": os.getpid()}
            case "wait":
                while not os.path.exists(params.get("until", "")):
                    job.check()
                    threading.Event().wait(0.01)
                return {}
            case "stream":
                for _ in range(params["count"]):
                    job.send_chunk(bytes(params["bytes"]), rate=16000, channels=1)
                return {"count": params["count"]}
            case "partials":
                for number in range(params["count"]):
                    job.send_partial({"n": number})
                return {"count": params["count"]}
            case "fail":
                raise HushdError(params["code"], params["message"])
            case "raise":
                raise RuntimeError("as asked")
            case "exit":
                os._exit(params["status"])
            case "memory":
                for _ in range(int(params["mb"])):  # a megabyte each, or else no beat is sent meanwhile
                    self.kept.append(os.urandom(1000) * 1000)
                return {}
            case "economy":
                job.degraded = job.economy
                return {"economy": job.economy}
            case "transcribe":
                digest = hashlib.sha256()
                for piece in job.read():
                    digest.update(piece)
                    if self.poison and piece.startswith(self.poison):
                        os._exit(13)
                if job.params.get("start_s", 0.0) < 1.0:  # else it was heard, before a crash
                    job.send_partial({"kind": "segment", "id": 0, "start": 0.0, "end": 1.0, "text": digest.hexdigest()})
                while self.until and not os.path.exists(self.until):
                    job.check()
                    threading.Event().wait(0.01)
                return {"language": "en", "duration": 1.0, "segments": 1, "pid": os.getpid()}
            case "synthesize":
                for piece in job.read():
                    job.send_chunk(bytes(byte for byte in piece for _ in range(2)), rate=16000, channels=1)
                return {"duration": 1.0, "rate": 16000, "voice": "echo", "sentences": 1}
        raise HushdError("unsupported", f"There is no operation {job.op}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=0)
    parser.add_argument("--exclusive")
    parser.add_argument("--until")
    parser.add_argument("--poison", default="")
    parser.add_argument("--load", type=float, default=0.0)
    parser.add_argument("--engine")
    parser.add_argument("--model")
    flags = parser.parse_args()
    if flags.exclusive:
        fcntl.flock(os.open(flags.exclusive, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC), fcntl.LOCK_EX | fcntl.LOCK_NB)
    if flags.load:
        harness.LOADING_S = 60.0
    harness.serve(Echo(flags.slots, flags.sessions, flags.until, flags.poison, flags.load))
