"""Records a loudspeaker's sound: the monitor of a sink of PulseAudio or PipeWire, which PortAudio does not offer.

pulsectl, and with it libpulse, is loaded with the first connection.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hushd.audio import devices
from hushd.audio.microphone import MICROPHONE_CHUNK_S, RATE
from hushd.audio.recording import Chunks, Closing
from hushd_models.installation import LIBRARIES
from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from pulsectl import Pulse

SOUND_SERVER_TIMEOUT_S = 5.0  # seconds for the sound server to answer
SINK_LOOK_INTERVAL_S = 1.0  # seconds between two looks for another default sink
_S16LE = 3
_REMEDY = "`hushd captions --microphone` hears the microphone instead"


@dataclass(frozen=True, slots=True)
class Sink(devices.Device):
    """A loudspeaker of the sound server; `id` is its name there."""

    id: str


def sinks() -> list[Sink]:
    """Returns the loudspeakers whose sound can be recorded. Raises `no_device` if there is no sound server."""
    with closing(_connect()) as pulse:
        return _sinks(pulse)


class Monitor(Closing, Chunks):
    """Iterates over chunks of the s16le samples that one sink plays; a context manager. Raises `no_device` if there is
    no sound server or sink, or, while iterating, if it has gone.

    It records from its construction on. A named sink is recorded until it disappears, which is an error; no other sink
    ever replaces it. Without a name it records the default sink, and follows it when another becomes the default: then
    `on_source` is called.

    Args:
        sink: the sink's number, or (the beginning of) its description or name, as in `sinks`; None: the default sink.
        chunk_s: approximate seconds of a chunk.
        on_source: called with the recorded sink's description, first and at each change, possibly on another thread.

    Attributes:
        rate: Hz.
    """

    def __init__(
        self,
        sink: str | None = None,
        *,
        chunk_s: float = MICROPHONE_CHUNK_S,
        on_source: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.rate = RATE
        self._sink, self._chunk_s, self._on_source = sink, chunk_s, on_source
        self._closed = False
        self._pulse = _connect()
        try:
            self._name = self._default() if sink is None else _chosen(_sinks(self._pulse), sink)
            self._stream = self._open(self._name)
        except BaseException:
            self._pulse.close()
            raise
        self._thread = threading.Thread(target=self._run, name="hushd-monitor", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops recording; ends the iteration after the sound recorded so far."""
        self._closed = True
        self.stop()
        self._thread.join(SOUND_SERVER_TIMEOUT_S)

    def _run(self) -> None:
        from hushd_desktop.ducking.streams import ERRORS  # noqa: PLC0415 - needs libpulse

        next_look = time.monotonic() + SINK_LOOK_INTERVAL_S
        try:
            while not self._closed:
                self._pulse.event_listen(self._chunk_s)
                if chunk := self._stream.read():
                    self.put(chunk)
                if self._stream.gone or time.monotonic() >= next_look:
                    self._follow_default()
                    next_look = time.monotonic() + SINK_LOOK_INTERVAL_S
        except ERRORS:
            self.fail(HushdError("no_device", f"The sound server does not answer: {_REMEDY}."))
        except HushdError as error:
            self.fail(error)
        finally:
            self._stream.close()
            self._pulse.close()

    def _follow_default(self) -> None:
        """Switches to another sink if that has become the default, or the default one has gone."""
        if self._sink is not None:
            if self._stream.gone:
                raise HushdError("no_device", f"The loudspeaker {self._name} has gone: is it still connected?")
        elif self._stream.gone:
            self._move(self._default())
        elif (name := self._pulse.server_info().default_sink_name) not in (None, "", self._name):
            with suppress(HushdError):  # the new sink has gone again: the next look finds another one
                self._move(name)

    def _move(self, name: str) -> None:
        stream = self._open(name)
        self._stream.close()
        self._stream, self._name = stream, name

    def _open(self, name: str) -> _Stream:
        stream = _Stream(self._pulse, f"{name}.monitor", self.rate, self._chunk_s)
        titles = {sink.id: sink.name for sink in _sinks(self._pulse)}
        self._on_source(titles.get(name, name))
        return stream

    def _default(self) -> str:
        name = self._pulse.server_info().default_sink_name
        if not name:
            raise HushdError("no_device", "The sound server has no loudspeaker to record.")
        return str(name)


class _Stream:
    """Records one of the server's sources as mono s16le; the server may not move it to another source. Raises
    `no_device` if there is no such source."""

    def __init__(self, pulse: Pulse, source: str, rate: int, chunk_s: float) -> None:
        from pulsectl.pulsectl import c

        self._libpulse: Any = c.pa
        self.gone = False
        self._early = b""  # recorded before the first `read`
        spec = c.PA_SAMPLE_SPEC(format=_S16LE, rate=rate, channels=1)
        buffer = c.PA_BUFFER_ATTR(fragsize=2 * round(rate * chunk_s), maxlength=2**32 - 1)
        self._stream = self._libpulse.stream_new_with_proplist(pulse._ctx, "hushd", ctypes.byref(spec), None, None)
        flags = c.PA_STREAM_DONT_MOVE | c.PA_STREAM_ADJUST_LATENCY
        self._libpulse.stream_connect_record(self._stream, source, ctypes.byref(buffer), flags)
        give_up = time.monotonic() + SOUND_SERVER_TIMEOUT_S
        while True:
            pulse.event_listen(0.01)
            try:
                self._early = self._peek()
                return
            except self._libpulse.CallError as error:  # it is not ready yet
                if time.monotonic() > give_up:
                    self.close()
                    raise HushdError("no_device", f"{source} cannot be recorded.") from error

    def read(self) -> bytes:
        """Returns the sound recorded since the last call; never blocks."""
        early, self._early = self._early, b""
        try:
            return early + self._peek()
        except self._libpulse.CallError:
            self.gone = True
            return early

    def close(self) -> None:
        with suppress(self._libpulse.CallError):  # the source has gone
            self._libpulse.stream_disconnect(self._stream)
        self._libpulse.stream_unref(self._stream)

    def _peek(self) -> bytes:
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        # The package declares the size as an int, which is shorter than what libpulse writes.
        length = ctypes.cast(ctypes.pointer(size), ctypes.POINTER(ctypes.c_int))
        chunks = []
        while self._libpulse.stream_peek(self._stream, ctypes.byref(data), length) == 0 and size.value:
            # No address means a gap of lost samples.
            chunks.append(ctypes.string_at(data.value, size.value) if data.value else bytes(size.value))
            self._libpulse.stream_drop(self._stream)
        return b"".join(chunks)


def _connect() -> Pulse:
    """Returns a connection to the sound server, for one thread; raises as `sinks`."""
    if sys.platform == "darwin":
        raise HushdError(
            "unsupported",
            "macOS does not let programs record each other: install a loopback device such as BlackHole, and name it "
            "with --microphone --audio-device.",
        )
    devices.lead_to_sound_server()
    try:
        from pulsectl.pulsectl import Pulse, PulseError, c
    except OSError as error:
        raise HushdError(
            "no_device",
            "Recording a loudspeaker needs PulseAudio or PipeWire, whose library is missing: "
            f"{LIBRARIES['pulse'].remedy()}; {_REMEDY}.",
        ) from error
    pulse = Pulse("hushd", connect=False)
    try:
        pulse.connect(timeout=SOUND_SERVER_TIMEOUT_S)
    except PulseError as error:
        reason = c.pa.strerror(c.pa.context_errno(pulse._ctx))
        pulse.close()
        raise HushdError("no_device", f"The sound server does not answer ({reason}): {_REMEDY}.") from error
    pulse.event_callback_set(lambda _: None)  # nothing is listened to without a callback
    return pulse


def _sinks(pulse: Pulse) -> list[Sink]:
    """Returns the sinks, with the default one marked."""
    usual = pulse.server_info().default_sink_name
    return [
        Sink(sink.index, sink.description or sink.name, "PulseAudio", 2, sink.name == usual, sink.name)
        for sink in pulse.sink_list()
    ]


def _chosen(sinks: list[Sink], wish: str) -> str:
    """Returns the name of the wished sink: an exact name, or as found by `devices.choose`."""
    if any(sink.id == wish for sink in sinks):
        return wish
    number = devices.choose(sinks, "loudspeaker", wish)
    return next(sink.id for sink in sinks if sink.number == number)
