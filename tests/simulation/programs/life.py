"""A client's life: what those of threads and those of tasks have in common."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from hushd_protocol.errors import HushdError

from .. import leaks, sessions
from .engine import SECOND, digest

world: Any = None  # the simulation
MODELS = "abc"
PATIENCE = 5  # waits of a second for what must not take any: a process that was stopped has missed only one


class WrongAnswer(Exception):
    """An answer that is not the one to this request."""


class Life:
    """One client, its requests, and what it checks of their answers.

    Args:
        name: unique.
        script: its acts, the names of methods, in order. Those that are left once the world is calm are left out.
    """

    def __init__(self, name: str, script: list[str]) -> None:
        self.name = name
        self.script = script
        self.dice = random.Random(f"{world.seed}/{name}")
        self.record = world.recorder(name)
        self.requests = 0
        self._begun: dict[str, None] = {}  # requests that have no end yet, in order
        self.answered: set[str] = set()  # those that nothing can repeat: a part of the answer has come

    def acts(self) -> Iterator[str]:
        """The acts that it begins before the world is calm; asked again, those that are left."""
        while self.script and not world.calm:
            yield self.script.pop(0)

    @contextmanager
    def request(self, op: str, **more: Any) -> Iterator[str]:
        """Has the history know of a request, whose name is yielded, and of how it ends."""
        self.requests += 1
        request = f"{self.name}-{self.requests}"
        self.record.invoke(request, op, **more)
        world.begun(self, request, op)
        self._begun[request] = None
        try:
            yield request
        except HushdError as error:
            self.record.fail(request, error.code)
            world.ended(request, error, request in self.answered)
        except WrongAnswer as error:
            world.violation(f"{request}: {error}")
            self.record.fail(request, "wrong_answer")
        except Exception as error:  # any: a client gets a HushdError or its answer
            world.violation(f"{request} ({op}) ended with {type(error).__name__}: {error}", error)
            self.record.fail(request, "bug")
        except BaseException:  # its task was cancelled
            if request in self._begun:
                self._abandon(request)
            raise
        else:
            self.record.ok(request)
            world.ended(request, None, True)
        finally:
            self._begun.pop(request, None)

    def abandon(self) -> None:
        """Ends the requests of tasks that asyncio has left, where a second Ctrl-C came while it ended its loop."""
        while self._begun:
            self._abandon(next(iter(self._begun)))

    def _abandon(self, request: str) -> None:
        del self._begun[request]
        self.record.fail(request, "cancelled")
        world.ended(request, None, True, "task cancelled")

    def once(self, request: str, size: int) -> None:
        """Notes that a stream of so many bytes may be more than is kept of it, to be sent again."""
        if size > world.script.room:
            self.answered.add(request)

    def recording_file(self) -> tuple[str, bytes]:
        """A recording in a file that the world has written."""
        data = self.recording()
        return world.furnish(f"{self.name}-{self.requests}.pcm", data), data

    def target(self, text: bytes) -> str:
        """A file that shall have the speech of a text; two clients may share it."""
        name = f"{self.dice.randrange(4)}.{self.dice.choice(['wav', 'pcm'])}"
        return str(world.saved.awaits(name, doubled(text)))

    def check_saved(self, path: str) -> None:
        if trouble := world.saved.trouble_with(path):
            raise WrongAnswer(trouble)

    def lease(self, seconds: float = 300.0) -> dict[str, Any]:
        """The lease that a request asks for, by default that of the configuration."""
        return {"holder": self.name, "keep_alive": seconds}

    def hearing(self, model: str) -> AbstractContextManager[str]:
        return self.request("transcribe", worker=f"stt/echo/{model}", **self.lease())

    def saying(self, model: str) -> AbstractContextManager[str]:
        return self.request("speak", worker=f"tts/echo/{model}", **self.lease())

    def model(self) -> str:
        return self.dice.choice(MODELS)

    def text(self) -> bytes:
        letters, length = bytearray(), self.dice.randint(1, 4 * SECOND)
        while len(letters) < length:
            if (letter := self.dice.getrandbits(5)) < 26:  # as `randint` draws them, in two thirds of its time
                letters.append(97 + letter)
        return bytes(letters)

    def recording(self) -> bytes:
        return self.dice.randbytes(self.dice.randint(1, 6 * SECOND))

    def session(self) -> str:
        """The name of our session's folder, whose supervisor has a loudspeaker of its own; `none` without one."""
        return os.path.basename(os.environ.get("XDG_RUNTIME_DIR", "none"))

    def pieces(self) -> list[bytes]:
        """A recording that comes bit by bit."""
        return [self.dice.randbytes(self.dice.randint(1, 3 * SECOND)) for _ in range(self.dice.randint(1, 8))]

    def check_transcript(self, transcript: Any, data: bytes) -> None:
        seconds = [data[start : start + SECOND] for start in range(0, len(data), SECOND)]
        wanted = [(number, number + 1, digest(second)) for number, second in enumerate(seconds)]
        heard = [(segment.start, segment.end, segment.text.strip()) for segment in transcript]
        if heard != wanted:
            raise WrongAnswer(f"{len(heard)} segments of {len(wanted)}: {heard} instead of {wanted}")

    def hear_chunk(self, request: str, chunk: bytes, text: bytes, heard: int) -> int:
        self.answered.add(request)
        whole = doubled(text)
        if whole[heard : heard + len(chunk)] != chunk:
            raise WrongAnswer(f"other audio than was asked for, at byte {heard}")
        return heard + len(chunk)

    def check_length(self, heard: int, text: bytes) -> None:
        if heard != 2 * len(text):
            raise WrongAnswer(f"{heard} bytes of {2 * len(text)}")


def doubled(text: bytes) -> bytes:
    """The speech of a text: each byte is a sample."""
    speech = bytearray(2 * len(text))
    speech[::2] = speech[1::2] = text
    return bytes(speech)


def check_left(name: str) -> None:
    """Has no thread of the client's be there soon after its end, and no open file."""
    for _ in range(PATIENCE):
        if threading.active_count() == 1:
            if left := leaks.of_client(world.machine.current):
                world.violation(f"{name} was closed, and left open: {left}")
            return
        time.sleep(1.0)
    world.violation(f"{name} was closed, and left {world.machine.current.threads[0].name}")


def turn(floor: Any) -> dict[str, Any]:
    """The supervisor that has granted the floor, and its session: a client without one follows the pointer."""
    connection = floor._connection
    if connection is None or connection.supervisor is None:
        return {"epoch": 0}
    supervisor = world.machine.processes[connection.supervisor.pid]
    return {"epoch": supervisor.pid, "machine": sessions.of(supervisor)}
