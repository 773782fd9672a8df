"""A silent stream in an ended one's place, by which PipeWire's session manager learns the volume of the next one.

WirePlumber remembers volumes by the properties of streams, and lets no program set what it remembers: so a stream with
the same properties, that plays nothing, gets that volume.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import CDLL, byref, c_char_p, c_int, c_void_p, cast
from functools import cache
from typing import Any

from pulsectl import Pulse, PulseError
from pulsectl.pulsectl import c as libpulse

KEYS = ("media.role", "application.id", "application.name", "media.name")  # by which volumes are remembered
ANSWER_S = 2.0
SETTLE_S = 0.3  # for the session manager to see a volume that has changed
LOOK_S = 0.02
_S16LE, _RATE = 3, 44100
_CORKED = 1  # it plays nothing
_READY, _FAILED = 2, 3


@contextmanager
def stand_in(pulse: Pulse, properties: Mapping[str, str], channels: int) -> Iterator[int]:
    """Yields the number of a stream with these properties. Raises PulseError where there can be none."""
    library = _library()
    listed = library.pa_proplist_new()
    for key, value in properties.items():
        library.pa_proplist_sets(listed, key.encode(), value.encode())
    form = libpulse.PA_SAMPLE_SPEC(format=_S16LE, rate=_RATE, channels=channels)
    context = cast(pulse._ctx, c_void_p)
    stream = library.pa_stream_new_with_proplist(context, b"hushd", byref(form), None, listed)
    library.pa_proplist_free(listed)
    if not stream:
        raise PulseError("no stream")
    try:
        library.pa_stream_connect_playback(stream, None, None, _CORKED, None, None)
        give_up = time.monotonic() + ANSWER_S
        while (state := library.pa_stream_get_state(stream)) < _READY and time.monotonic() < give_up:
            pulse.server_info()  # which has the library read its answers
            time.sleep(LOOK_S)
        if state != _READY:
            raise PulseError("no stream")
        yield library.pa_stream_get_index(stream)
    finally:
        library.pa_stream_disconnect(stream)
        library.pa_stream_unref(stream)
        pulse.server_info()


@cache
def _library() -> Any:
    """The functions of libpulse that pulsectl leaves out."""
    library = CDLL("libpulse.so.0")
    signatures: dict[str, tuple[Any, ...]] = {  # the result first
        "pa_proplist_new": (c_void_p,),
        "pa_proplist_sets": (c_int, c_void_p, c_char_p, c_char_p),
        "pa_proplist_free": (None, c_void_p),
        "pa_stream_new_with_proplist": (c_void_p, c_void_p, c_char_p, c_void_p, c_void_p, c_void_p),
        "pa_stream_connect_playback": (c_int, c_void_p, c_char_p, c_void_p, c_int, c_void_p, c_void_p),
        "pa_stream_get_state": (c_int, c_void_p),
        "pa_stream_get_index": (c_int, c_void_p),
        "pa_stream_disconnect": (c_int, c_void_p),
        "pa_stream_unref": (None, c_void_p),
    }
    for name, (result, *arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
