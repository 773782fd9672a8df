"""Records a loudspeaker's monitor together with a microphone that hears it."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from hushd.audio import devices
from hushd.audio.chunks import Chunks
from hushd.audio.devices import STARVED_S
from hushd.audio.microphone import CHUNK_S, Microphone
from hushd_protocol.errors import HushdError

from hushd_desktop.sound_server.monitor import Monitor
from hushd_desktop.sound_server.pulse import Stream

from .pairing import Pairing
from .pausable import Silence


class Recorder(Protocol):
    """A recording that is read without blocking."""

    @property
    def alive(self) -> bool: ...

    def read(self) -> bytes: ...

    def close(self) -> None: ...


class NamedMicrophone:
    """A PortAudio microphone as a `Recorder`.

    Raises:
        HushdError: `no_device`, in `read` when it has stopped.
    """

    def __init__(self, device: str, rate: int, chunk_s: float) -> None:
        self._microphone = Microphone(device, rate=rate, chunk_s=chunk_s)
        self._last_read = time.monotonic()
        self.rate = self._microphone.rate
        self.alive = True

    def read(self) -> bytes:
        """Returns the sound recorded since the last call; never blocks."""
        recorded = b""
        with suppress(queue.Empty):
            while chunk := self._microphone.take():
                recorded += chunk
        if recorded:
            self._last_read = time.monotonic()
        elif time.monotonic() - self._last_read > STARVED_S:
            raise self._microphone.lose()
        return recorded

    def close(self) -> None:
        """Stops recording."""
        self._microphone.close()


class PairedMicrophone(Chunks):
    """Iterates over chunks of a microphone, with the loudspeaker as second channel; a context manager.

    Ends together with its `PairedMonitor`.
    """

    channels = 2

    def __init__(self, rate: int) -> None:
        super().__init__()
        self.rate = rate

    def __enter__(self) -> PairedMicrophone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the iteration after the sound recorded so far."""
        self.stop()


class PairedMonitor(Monitor):
    """Iterates over chunks of a sink's sound like `Monitor`, and records a microphone too.

    One thread reads both, so that a delay affects both alike.

    Args:
        sink, chunk_s, on_source: see `Monitor`.
        device: the microphone, as in `Microphone`; None: the sound server's default, which loses no samples even on a
            busy machine. One through PortAudio may.

    Attributes:
        microphone: the microphone's chunks.

    Raises:
        HushdError: as `Monitor` and `Microphone`; while iterating, also if the microphone has gone.
    """

    def __init__(
        self,
        sink: str | int | None,
        device: str | None,
        *,
        chunk_s: float = CHUNK_S,
        on_source: Callable[[str], None] | None = None,
    ) -> None:
        self._device = device
        self._paused = False
        super().__init__(sink, chunk_s=chunk_s, on_source=on_source)

    def pause(self) -> None:
        """Closes the microphone, and records silence instead."""
        self._paused = True

    def resume(self) -> None:
        """Reopens the microphone; if that fails, the iteration raises."""
        self._paused = False

    def fail(self, error: HushdError) -> None:
        """See `Chunks`."""
        self.microphone.stop()
        super().fail(error)

    def close(self) -> None:
        """See `ServerRecorder`."""
        super().close()
        self.microphone.stop()

    def _begin(self) -> Stream:
        self._recorder: Recorder = self._open_microphone()
        self._pairing = Pairing(self.rate)
        self.microphone = PairedMicrophone(self.rate)
        try:
            return super()._begin()
        except BaseException:
            self._recorder.close()
            raise

    def _open_microphone(self) -> Recorder:
        """Opens the microphone, and records both at its rate."""
        if self._device is None:
            return Stream(self._connection, None, self.rate, self._chunk_s)
        named = NamedMicrophone(self._device, self.rate, self._chunk_s)
        self.rate = named.rate
        return named

    def _release(self) -> None:
        self._recorder.close()
        super()._release()

    def _record(self) -> bytes:
        if self._paused is not isinstance(self._recorder, Silence):
            self._exchange_microphone()
        played = super()._record()
        if pairs := self._pairing.add(self._recorder.read(), played):
            self.microphone.put(pairs)
        return played

    def _exchange_microphone(self) -> None:
        """Replaces the microphone by silence, or silence by the microphone."""
        recorder = Silence(self.rate, self._chunk_s) if self._paused else self._open_microphone()
        if pairs := self._pairing.add(self._recorder.read(), b""):
            self.microphone.put(pairs)
        self._recorder.close()
        self._recorder = recorder

    def _look(self) -> None:
        if not self._recorder.alive:
            raise devices.lost("microphone")
        super()._look()

    def _move(self, name: str) -> None:
        super()._move(name)
        self._pairing.begin_anew()
