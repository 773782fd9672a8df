"""Captions of a loudspeaker, a microphone, or both: merges the events of their tracks."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from hushd.audio.microphone import RATE, Microphone
from hushd.dialogue.listener import DETECTOR_CHUNK_S
from hushd.transport.waiting import next_item
from hushd_protocol.errors import HushdError

from .claim import ListeningClaim
from .monitor import Monitor
from .pausable import PausableMicrophone
from .track import Event, Heard, Noted, Track

if TYPE_CHECKING:
    from hushd.audio.recording import Device
    from hushd.client import Client

ME, THEM = "me", "them"


class Captions(Iterator[Event]):
    """Iterates over the events of all tracks; a context manager. Raises `no_device`, now or while iterating.

    Recording starts on construction, so that no speech is lost while a worker starts. The microphone is closed while it
    is paused (`hushd pause`).

    Args:
        plays: whether to caption a loudspeaker; `sink` names it.
        speaks: whether to caption the microphone; `device` names it. Beside a loudspeaker it must not hear that.
        listening: further arguments of `Client.listen`.
    """

    def __init__(
        self,
        client: Client,
        *,
        plays: bool,
        speaks: bool,
        sink: str | None = None,
        device: str | None = None,
        **listening: Any,
    ) -> None:
        self._client = client
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._began = time.monotonic()
        self._opened = ExitStack()
        self._tracks: list[Track] = []
        self._running = 0
        self._failure: BaseException | None = None
        self._listening = listening
        self._microphone: PausableMicrophone | None = None
        with ExitStack() as failing:
            failing.callback(self._opened.close)
            if speaks:
                self._microphone = PausableMicrophone(
                    lambda: Microphone(device, rate=RATE, chunk_s=DETECTOR_CHUNK_S), DETECTOR_CHUNK_S
                )
                self._add(ME, self._microphone)
            if plays:
                self._add(THEM, Monitor(sink, chunk_s=DETECTOR_CHUNK_S, on_source=self._report_source))
            failing.pop_all()

    def __enter__(self) -> Captions:
        if self._microphone:
            claim = ListeningClaim(self._client, self._microphone, self._note, self._fail)
            self._opened.enter_context(claim)
        for track in self._tracks:
            self._running += 1
            threading.Thread(target=self._run, args=(track,), name=f"hushd-{track.name}", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def __next__(self) -> Event:
        while self._running:
            event = next_item(self._events)
            if event is not None and not isinstance(event, BaseException):
                return event
            self._running -= 1
            if event is not None:  # the other track's last words come first
                self._failure = self._failure or event
                self.stop()
        raise self._failure or StopIteration

    @property
    def language(self) -> str:
        """The language of the last line; empty if the engine does not report it."""
        return next(filter(None, (track.language for track in self._tracks)), "")

    def stop(self) -> None:
        """Ends the iteration after the speech heard so far. Safe in a signal handler."""
        for track in self._tracks:
            track.stop()

    def _add(self, name: str, source: Device) -> None:
        self._opened.enter_context(source)
        begun_s = time.monotonic() - self._began
        self._tracks.append(Track(name, source, begun_s, self._events.put, self._listening))

    def _report_source(self, source: str) -> None:
        self._events.put(Heard(THEM, source))

    def _note(self, sentence: str) -> None:
        self._events.put(Noted(ME, sentence))

    def _fail(self, error: HushdError) -> None:
        self._failure = error
        self.stop()

    def _run(self, track: Track) -> None:
        try:
            track.run(self._client)
            self._events.put(None)
        except BaseException as error:
            self._events.put(error)
