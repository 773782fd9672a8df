"""PulseAudio's protocol, which PipeWire serves too, through its own library: sinks, and the sound that they play.

PortAudio offers neither. The library is loaded with the first `Connection`.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_size_t, c_uint8, c_uint32, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any

from hushd.audio.devices import Device
from hushd_models.installation import LIBRARIES
from hushd_protocol.errors import HushdError

CONNECT_S = 5.0  # for the sound server to answer
_NO_AUTOSPAWN = 1
_READY, _FAILED = 4, 5  # states of a context; above the second it has ended
_STREAM_READY = 2
_S16LE = 3
_ANY = 0xFFFFFFFF  # the server's own choice
_DONT_MOVE, _ADJUST_LATENCY = 0x0200, 0x2000

_REMEDY = "`hushd captions --microphone` hears the microphone instead"


class _SampleSpec(Structure):
    _fields_ = (("format", c_int), ("rate", c_uint32), ("channels", c_uint8))


class _BufferAttributes(Structure):
    _fields_ = tuple((name, c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize"))


class _SinkInfo(Structure):  # only the first fields
    _fields_ = (("name", c_char_p), ("index", c_uint32), ("description", c_char_p))


class _ServerInfo(Structure):  # only the first fields
    _fields_ = (
        ("user_name", c_char_p),
        ("host_name", c_char_p),
        ("server_version", c_char_p),
        ("server_name", c_char_p),
        ("sample_spec", _SampleSpec),
        ("default_sink_name", c_char_p),
    )


_OnSink = CFUNCTYPE(None, c_void_p, POINTER(_SinkInfo), c_int, c_void_p)
_OnServer = CFUNCTYPE(None, c_void_p, POINTER(_ServerInfo), c_void_p)
_SIGNATURES: dict[str, tuple[Any, ...]] = {  # the result type first
    "pa_mainloop_new": (c_void_p,),
    "pa_mainloop_get_api": (c_void_p, c_void_p),
    "pa_mainloop_prepare": (c_int, c_void_p, c_int),
    "pa_mainloop_poll": (c_int, c_void_p),
    "pa_mainloop_dispatch": (c_int, c_void_p),
    "pa_mainloop_free": (None, c_void_p),
    "pa_context_new": (c_void_p, c_void_p, c_char_p),
    "pa_context_connect": (c_int, c_void_p, c_char_p, c_int, c_void_p),
    "pa_context_get_state": (c_int, c_void_p),
    "pa_context_errno": (c_int, c_void_p),
    "pa_context_get_sink_info_list": (c_void_p, c_void_p, _OnSink, c_void_p),
    "pa_context_get_server_info": (c_void_p, c_void_p, _OnServer, c_void_p),
    "pa_context_disconnect": (None, c_void_p),
    "pa_context_unref": (None, c_void_p),
    "pa_operation_unref": (None, c_void_p),
    "pa_strerror": (c_char_p, c_int),
    "pa_stream_new": (c_void_p, c_void_p, c_char_p, POINTER(_SampleSpec), c_void_p),
    "pa_stream_connect_record": (c_int, c_void_p, c_char_p, POINTER(_BufferAttributes), c_int),
    "pa_stream_get_state": (c_int, c_void_p),
    "pa_stream_get_device_name": (c_char_p, c_void_p),
    "pa_stream_peek": (c_int, c_void_p, POINTER(c_void_p), POINTER(c_size_t)),
    "pa_stream_drop": (c_int, c_void_p),
    "pa_stream_disconnect": (c_int, c_void_p),
    "pa_stream_unref": (None, c_void_p),
}


@cache
def _library() -> Any:
    if sys.platform == "darwin":
        raise HushdError(
            "unsupported",
            "macOS does not let programs record each other: install a loopback device such as BlackHole, and name it "
            "with --device.",
        )
    try:
        library = ctypes.CDLL("libpulse.so.0")
    except OSError as error:
        raise HushdError(
            "no_device",
            "Recording a loudspeaker needs PulseAudio or PipeWire, whose library is missing: "
            f"{LIBRARIES['pulse'].remedy()}; {_REMEDY}.",
        ) from error
    for name, (result, *arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@dataclass(frozen=True, slots=True)
class Sink(Device):
    """A loudspeaker of the sound server; `id` is its name there."""

    id: str


class Connection:
    """A connection to the sound server, for one thread; a context manager.

    Raises:
        HushdError: `no_device` if no sound server answers, or once it has gone.
    """

    def __init__(self) -> None:
        self._pulse = _library()
        self._loop = self._pulse.pa_mainloop_new()
        self.context = self._pulse.pa_context_new(self._pulse.pa_mainloop_get_api(self._loop), b"hushd")
        self._pulse.pa_context_connect(self.context, None, _NO_AUTOSPAWN, None)
        try:
            self.wait(lambda: self._pulse.pa_context_get_state(self.context) == _READY)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._pulse.pa_context_disconnect(self.context)
        self._pulse.pa_context_unref(self.context)
        self._pulse.pa_mainloop_free(self._loop)

    def step(self, seconds: float) -> None:
        """Waits for the next event, at most so many seconds.

        Raises:
            HushdError: `no_device` if the sound server has gone.
        """
        self._pulse.pa_mainloop_prepare(self._loop, round(1e6 * seconds))
        self._pulse.pa_mainloop_poll(self._loop)
        self._pulse.pa_mainloop_dispatch(self._loop)
        if self._pulse.pa_context_get_state(self.context) >= _FAILED:
            raise HushdError("no_device", f"The sound server does not answer ({self.error()}): {_REMEDY}.")

    def wait(self, condition: Callable[[], object]) -> None:
        """Returns once `condition` holds. Raises as `step` does, and after `CONNECT_S`."""
        deadline = time.monotonic() + CONNECT_S
        while not condition():
            if time.monotonic() > deadline:
                raise HushdError("no_device", f"The sound server did not answer in {CONNECT_S:g} s: {_REMEDY}.")
            self.step(0.1)

    def error(self) -> str:
        """Returns the server's reason for the last failure."""
        return str(self._pulse.pa_strerror(self._pulse.pa_context_errno(self.context)).decode())

    def sinks(self) -> list[Sink]:
        """Returns the sinks, with the default one marked."""
        rows: list[tuple[int, str, str]] = []
        ended: list[bool] = []

        def take(_: Any, sink: Any, end: int, __: Any) -> None:
            if end:
                ended.append(True)
            else:
                info = sink.contents
                rows.append((info.index, info.name.decode(), (info.description or info.name).decode(errors="replace")))

        callback = _OnSink(take)
        self._ask(self._pulse.pa_context_get_sink_info_list, callback)
        self.wait(lambda: ended)
        usual = self.default_sink()
        return [Sink(number, title, "PulseAudio", 2, name == usual, name) for number, name, title in rows]

    def default_sink(self) -> str:
        """Returns the name of the default sink; empty if there is none."""
        names: list[str] = []
        callback = _OnServer(lambda _, info, __: names.append((info.contents.default_sink_name or b"").decode()))
        self._ask(self._pulse.pa_context_get_server_info, callback)
        self.wait(lambda: names)
        return names[0]

    def _ask(self, function: Any, callback: Any) -> None:
        if operation := function(self.context, callback, None):
            self._pulse.pa_operation_unref(operation)


class Stream:
    """Records one of the server's sources as mono s16le; the server may not move it to another source.

    Args:
        source: its name; None: the default microphone.

    Raises:
        HushdError: `no_device` if there is no such source.
    """

    def __init__(self, connection: Connection, source: str | None, rate: int, chunk_s: float) -> None:
        self._pulse = _library()
        self._connection = connection
        spec = _SampleSpec(_S16LE, rate, 1)
        self._stream = self._pulse.pa_stream_new(connection.context, b"hushd", byref(spec), None)
        buffer = _BufferAttributes(_ANY, _ANY, _ANY, _ANY, 2 * round(rate * chunk_s))
        flags = _DONT_MOVE | _ADJUST_LATENCY
        self._pulse.pa_stream_connect_record(self._stream, source and source.encode(), byref(buffer), flags)
        try:
            connection.wait(lambda: self._state >= _STREAM_READY)
            if not self.alive:
                raise HushdError(
                    "no_device", f"{source or 'The microphone'} cannot be recorded ({connection.error()})."
                )
        except BaseException:
            self.close()
            raise
        self.source = self._pulse.pa_stream_get_device_name(self._stream).decode()

    @property
    def alive(self) -> bool:
        """True if the source still exists."""
        return self._state == _STREAM_READY

    def read(self) -> bytes:
        """Returns the sound recorded since the last call; never blocks."""
        data, size = c_void_p(), c_size_t()
        chunks = []
        while self._pulse.pa_stream_peek(self._stream, byref(data), byref(size)) == 0 and size.value:
            # No address means a gap of lost samples.
            chunks.append(ctypes.string_at(data.value, size.value) if data.value else bytes(size.value))
            self._pulse.pa_stream_drop(self._stream)
        return b"".join(chunks)

    def close(self) -> None:
        """Ends the recording."""
        self._pulse.pa_stream_disconnect(self._stream)
        self._pulse.pa_stream_unref(self._stream)

    @property
    def _state(self) -> int:
        return int(self._pulse.pa_stream_get_state(self._stream))
