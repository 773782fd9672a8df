"""A client of the simulation with an event loop: it uses `hushd.AsyncClient`, two tasks at once, and cancels some."""

from __future__ import annotations

import asyncio
import random
import selectors
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import closing
from typing import Any

from hushd import AsyncClient
from hushd_protocol.errors import HushdError

from . import life
from .life import PATIENCE, Life

ACTS = (
    "hear", "hear_stream", "hear_blocking", "hear_file", "say", "say_stream", "save", "preload",
    "status",
)  # fmt: skip


class Person(Life):
    def __init__(self, name: str, script: list[str]) -> None:
        super().__init__(name, script)
        self.client = AsyncClient(holder=name)
        self._open: dict[asyncio.Task[Any], str] = {}  # the request of each task

    async def live(self) -> None:
        """Acts; what Ctrl-C has interrupted goes on in another loop."""
        for act in self.acts():
            await self._act(act)

    async def leave_for_good(self) -> None:
        await self.client.close()
        await self._check_tasks()
        life.world.saved.check_parts(self.name)
        self.record.saw("closed")

    async def _act(self, name: str) -> None:
        await getattr(self, name)()

    async def _check_tasks(self) -> None:
        """Nothing may be left of what has ended."""
        own = {asyncio.current_task()}
        for _ in range(PATIENCE):
            left = asyncio.all_tasks() - own
            if not left:
                return
            await asyncio.wait(left, timeout=1.0)
        life.world.violation(f"{self.name} has {len(left)} tasks that nobody has made: {sorted(map(str, left))[0]}")

    # --- acts of which one consists of others ------------------------------------------------------------------------

    async def both(self) -> None:
        """Two acts at once."""
        await asyncio.gather(*(self._act(act) for act in self.dice.sample(ACTS, 2)))

    async def break_off(self) -> None:
        """Cancels an act somewhere in the middle."""
        task = asyncio.create_task(self._act(self.dice.choice((*ACTS, "restart"))))
        for _ in range(self.dice.choice([0, 1, 3, self.dice.randint(0, 60)])):
            await asyncio.sleep(0)
        await asyncio.wait([task], timeout=self.dice.choice([0.0, 0.003, 0.1, 3.0]) * self.dice.random())
        self._tell(task)
        task.cancel()
        await self._check_over(task)

    async def hurry(self) -> None:
        """Gives an act so many seconds."""
        seconds = self.dice.choice([0.001, 0.05, 0.5, 4.0]) * self.dice.random()
        act = self.dice.choice(ACTS)

        async def hurried() -> None:
            try:
                async with asyncio.timeout(seconds):
                    await self._act(act)
            except TimeoutError:
                pass

        task = asyncio.create_task(hurried())
        asyncio.get_running_loop().call_later(seconds - 1e-6, self._tell, task)
        await asyncio.wait([task], timeout=seconds)
        await self._check_over(task)

    def _tell(self, task: asyncio.Task[Any]) -> None:
        if request := self._open.get(task):
            self.record.saw("cancelled", request)

    async def _check_over(self, task: asyncio.Task[Any]) -> None:
        """A task that was cancelled ends at once."""
        for _ in range(PATIENCE):
            done, _ = await asyncio.wait([task], timeout=1.0)
            if done:
                return
        life.world.violation(f"{self.name}: a task that was cancelled goes on: {task}")
        await asyncio.wait([task])

    # --- acts --------------------------------------------------------------------------------------------------------

    async def rest(self) -> None:
        await self._sleep(self.dice.expovariate(1 / 2.0))

    async def _sleep(self, seconds: float) -> None:
        """Sleeps, but not beyond the storm."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not life.world.calm and (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, 5.0))

    async def leave(self) -> None:
        await self.client.close()
        self.client = AsyncClient(holder=self.name)

    async def hear(self) -> None:
        data = self.recording()
        await self._hear(data, lambda: data)

    async def hear_file(self) -> None:
        path, data = self.recording_file()
        await self._hear(data, lambda: path)

    async def hear_stream(self) -> None:
        """A recording that comes bit by bit, by an asynchronous generator or a file whose `read` is awaited."""
        pieces, dice, file = self.pieces(), random.Random(self.dice.random()), self.dice.random() < 0.3

        async def drip() -> AsyncIterator[bytes]:
            for piece in pieces:
                if dice.random() < 0.3:
                    await asyncio.sleep(dice.random())
                yield piece

        await self._hear(b"".join(pieces), lambda: Reader(pieces) if file else drip(), once=True)

    async def hear_blocking(self) -> None:
        """One whose iterable blocks: it is read in another thread."""
        pieces = self.pieces()

        def drip() -> Iterator[bytes]:
            yield from pieces

        await self._hear(b"".join(pieces), drip, once=True)

    async def _hear(self, data: bytes, audio: Callable[[], Any], *, once: bool = False) -> None:
        model = self.model()

        async def ask(request: str) -> None:
            if once:
                self.once(request, len(data))
            transcript = await self.client.transcribe(audio(), engine="echo", model=model)
            self.check_transcript(transcript, data)

        await self._ask("transcribe", ask, worker=f"stt/echo/{model}", **self.lease())

    async def say(self) -> None:
        text = self.text()
        await self._say(text, lambda: text)

    async def save(self) -> None:
        """Saves a speech, and tries again where the file could not be written."""
        text, model = self.text(), self.model()
        path, late = self.target(text), self.dice.choice([0.0, 0.0, 2.0])

        async def ask(request: str) -> None:
            speech = await self.client.synthesize(text, engine="echo", model=model)
            self.answered.add(request)
            await asyncio.sleep(late)  # the audio gathers in the spool
            try:
                await speech.save(path)
            except HushdError as error:
                if error.code != "output_failed":
                    raise
                await asyncio.sleep(1.0)
                await speech.save(path)
            self.check_saved(path)

        await self._ask("speak", ask, worker=f"tts/echo/{model}", **self.lease())

    async def say_stream(self) -> None:
        """A text that comes bit by bit."""
        pieces = [self.text() for _ in range(self.dice.randint(1, 4))]

        async def drip() -> AsyncIterator[bytes]:
            for piece in pieces:
                await asyncio.sleep(0)
                yield piece

        await self._say(b"".join(pieces), drip, once=True)

    async def _say(self, text: bytes, source: Callable[[], Any], *, once: bool = False) -> None:
        model = self.model()

        async def ask(request: str) -> None:
            if once:
                self.once(request, len(text))
            heard = 0
            async for chunk in await self.client.synthesize(source(), engine="echo", model=model):
                heard = self.hear_chunk(request, chunk, text, heard)
            self.check_length(heard, text)

        await self._ask("speak", ask, worker=f"tts/echo/{model}", **self.lease())

    async def preload(self) -> None:
        worker, seconds = f"{self.dice.choice(['stt', 'tts'])}/echo/{self.model()}", self.dice.choice([1, 200])
        preload = self.client.preload
        await self._ask("other", lambda _: preload(worker, keep_alive=seconds), worker=worker, **self.lease(seconds))

    async def status(self) -> None:
        await self._ask("status", lambda _: self.client.status())

    async def unload(self) -> None:
        await self._ask("unload", lambda _: self.client.unload(), workers=[])

    async def shutdown(self) -> None:
        await self._ask("shutdown", lambda _: self.client.shutdown())

    async def restart(self) -> None:
        await self._ask("restart", lambda _: self.client.restart(10.0))

    async def interrupt(self) -> None:
        """Closes a speech in the middle of its audio."""
        text, most, model = self.text() * 3, self.dice.randint(0, 4), self.model()

        async def ask(request: str) -> None:
            speech = await self.client.synthesize(text, engine="echo", model=model)
            left = most
            async for _ in speech:
                self.answered.add(request)
                left -= 1
                if left <= 0:
                    break
            self.record.saw("cancelled", request)
            speech.close()

        await self._ask("speak", ask, worker=f"tts/echo/{model}", **self.lease())

    async def _ask(self, op: str, ask: Callable[[str], Awaitable[object]], **more: Any) -> None:
        task = asyncio.current_task()
        assert task
        with self.request(op, **more) as request:
            self._open[task] = request
            try:
                await ask(request)
            finally:
                del self._open[task]


class Reader:
    """A file whose `read` is awaited."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._data = b"".join(pieces)

    async def read(self, size: int) -> bytes:
        await asyncio.sleep(0)
        piece, self._data = self._data[:size], self._data[size:]
        return piece


def run(life_of: Coroutine[Any, Any, None]) -> None:
    """Runs a part of a life in a loop of its own; asyncio leaves the selector open where Ctrl-C comes as it closes the
    loop."""
    with (
        closing(selectors.DefaultSelector()) as selector,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner,
    ):
        runner.run(life_of)


def main(arguments: list[str]) -> None:
    name, *script = arguments
    person = Person(name, script)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which asyncio takes the place of
    while person.script and not life.world.calm:
        try:
            person.abandon()
            run(person.live())
        except KeyboardInterrupt:
            pass
        except RuntimeError as error:  # of asyncio, where a second Ctrl-C came while the first one ended its loop
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    person.abandon()
    asyncio.run(person.leave_for_good())
    life.check_left(name)
