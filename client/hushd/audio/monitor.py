"""Recording what a loudspeaker plays: the monitor of a sink of PulseAudio or PipeWire."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from hushd_protocol.errors import HushdError

from . import devices
from .echo_reference import EchoReference
from .microphone import CHUNK_S, RATE
from .pulse import Connection, Sink, Stream

LOOK_S = 1.0  # between two looks for another default sink


def sinks() -> list[Sink]:
    """Returns the loudspeakers whose sound can be recorded.

    Raises:
        HushdError: `no_device` when there is no sound server.
    """
    devices.lead_to_sound_server()
    with Connection() as connection:
        return connection.sinks()


class Monitor(Iterator[bytes]):
    """Iterates over chunks of s16le samples that one sink plays; a context manager, as `Microphone` is one.

    It records from its construction on. A sink that was named is recorded until it disappears, which is an error;
    nothing else is ever recorded in its place. Without a name the default sink is recorded, also when another one
    becomes it: `on_source` is called then.

    Args:
        sink: its number, its description or name, or a beginning of that, as in `sinks`; None: the default one.
        rate: Hz, at which the samples are asked for.
        chunk_s: seconds of a chunk, about.
        reference: gets the samples too, for a microphone that hears the same loudspeaker.
        on_source: called on another thread with the description of what is recorded, at first and at each change.

    Attributes:
        rate: Hz.

    Raises:
        HushdError: `no_device` when there is no such sink, or, while iterating, when it has gone.
    """

    channels = 1

    def __init__(
        self,
        sink: str | int | None = None,
        *,
        rate: int = RATE,
        chunk_s: float = CHUNK_S,
        reference: EchoReference | None = None,
        on_source: Callable[[str], None] | None = None,
    ) -> None:
        self.rate = rate
        self._played = reference
        self._chunk_s = chunk_s
        self._follows = sink is None
        self._on_source = on_source
        self._chunks: queue.SimpleQueue[bytes | HushdError | None] = queue.SimpleQueue()
        self._closed = False
        devices.lead_to_sound_server()
        self._connection = Connection()
        try:
            self._name = self._usual() if sink is None else _chosen(self._connection.sinks(), sink)
            self._stream = self._open(self._name)
        except BaseException:
            self._connection.close()
            raise
        self._thread = threading.Thread(target=self._run, name="hushd-monitor", daemon=True)
        self._thread.start()

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        chunk = self._chunks.get()
        if isinstance(chunk, HushdError):
            self._chunks.put(chunk)  # for the next call, too
            raise chunk
        if chunk is None:
            self._chunks.put(None)
            raise StopIteration
        return chunk

    def stop(self) -> None:
        """Ends the iteration after what was recorded until now. Safe in a signal handler."""
        self._chunks.put(None)

    def close(self) -> None:
        """Stops recording; ends the iteration after what was recorded."""
        self._closed = True
        self.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._record()
        except HushdError as error:
            self._chunks.put(error)
        finally:
            if self._played is not None:
                self._played.play(None)
            self._stream.close()
            self._connection.close()

    def _record(self) -> None:
        look = time.monotonic() + LOOK_S
        while not self._closed:
            self._connection.step(self._chunk_s)
            if chunk := self._stream.read():
                if self._played is not None:
                    self._played.play(chunk)
                self._chunks.put(chunk)
            if self._follows and time.monotonic() >= look:
                self._follow()
                look = time.monotonic() + LOOK_S
            if not self._stream.alive:
                self._lose()

    def _follow(self) -> None:
        """Records another sink if that has become the default one."""
        name = self._connection.default_sink()
        if name and name != self._name:
            with suppress(HushdError):  # it has gone again: the next look finds another one
                self._move(name)

    def _lose(self) -> None:
        if not self._follows:
            raise HushdError("no_device", f"The loudspeaker {self._name} has gone: is it still connected?")
        self._move(self._usual())

    def _move(self, name: str) -> None:
        stream = self._open(name)
        self._stream.close()
        self._stream, self._name = stream, name

    def _open(self, name: str) -> Stream:
        stream = Stream(self._connection, f"{name}.monitor", self.rate, self._chunk_s)
        if self._on_source is not None:
            titles = {sink.id: sink.name for sink in self._connection.sinks()}
            self._on_source(titles.get(name, name))
        return stream

    def _usual(self) -> str:
        name = self._connection.default_sink()
        if not name:
            raise HushdError("no_device", "The sound server has no loudspeaker: there is nothing that plays.")
        return name


def _chosen(known: list[Sink], wish: str | int) -> str:
    """Returns the name of the sink that is meant: by its name, else as `devices.choose` finds it."""
    by_name = [sink for sink in known if sink.id == wish]
    number = by_name[0].number if by_name else devices.choose(known, "loudspeaker", wish)
    return next(sink.id for sink in known if sink.number == number)
