"""Records a loudspeaker's sound: the monitor of a sink of PulseAudio or PipeWire."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from hushd.audio import devices
from hushd.audio.microphone import CHUNK_S, RATE
from hushd_protocol.errors import HushdError

from .pulse import Connection, Sink, Stream
from .server_recorder import ServerRecorder

LOOK_S = 1.0  # between two looks for another default sink


def sinks() -> list[Sink]:
    """Returns the loudspeakers whose sound can be recorded.

    Raises:
        HushdError: `no_device` if there is no sound server.
    """
    devices.lead_to_sound_server()
    with Connection() as connection:
        return connection.sinks()


class Monitor(ServerRecorder):
    """Iterates over chunks of the samples that one sink plays.

    A named sink is recorded until it disappears, which is an error; no other sink ever replaces it. Without a name it
    records the default sink, and follows it when another becomes the default: then `on_source` is called.

    Args:
        sink: the sink's number, or (the beginning of) its description or name, as in `sinks`; None: the default sink.
        rate, chunk_s: see `ServerRecorder`.
        on_source: called with the recorded sink's description, first and at each change, possibly on another thread.

    Raises:
        HushdError: as `ServerRecorder`.
    """

    def __init__(
        self,
        sink: str | int | None = None,
        *,
        rate: int = RATE,
        chunk_s: float = CHUNK_S,
        on_source: Callable[[str], None] | None = None,
    ) -> None:
        self._sink = sink
        self._on_source = on_source
        self._next_look = time.monotonic() + LOOK_S
        super().__init__(rate=rate, chunk_s=chunk_s)

    def _begin(self) -> Stream:
        sink = self._sink
        self._name = self._default() if sink is None else _chosen(self._connection.sinks(), sink)
        return self._open(self._name)

    def _look(self) -> None:
        """Switches to another sink if that has become the default, or the default one has gone."""
        if self._sink is None and time.monotonic() >= self._next_look:
            name = self._connection.default_sink()
            if name and name != self._name:
                with suppress(HushdError):  # the new sink has gone again: the next look finds another one
                    self._move(name)
            self._next_look = time.monotonic() + LOOK_S
        if not self._stream.alive:
            if self._sink is not None:
                raise HushdError("no_device", f"The loudspeaker {self._name} has gone: is it still connected?")
            self._move(self._default())

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

    def _default(self) -> str:
        name = self._connection.default_sink()
        if not name:
            raise HushdError("no_device", "The sound server has no loudspeaker to record.")
        return name


def _chosen(sinks: list[Sink], wish: str | int) -> str:
    """Returns the name of the wished sink: an exact name, or as found by `devices.choose`."""
    by_name = [sink for sink in sinks if sink.id == wish]
    number = by_name[0].number if by_name else devices.choose(sinks, "loudspeaker", wish)
    return next(sink.id for sink in sinks if sink.number == number)
