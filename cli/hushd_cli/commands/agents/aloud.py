"""Speaks an agent's answer or notice, and is silenced by its session. Imported while devices are looked for."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from hushd import agents
from hushd.audio.playback import Player
from hushd.client import Client
from hushd.floor import Floor
from hushd_protocol.names import USUAL_VOICE, by_session
from hushd_protocol.system.paths import Paths
from hushd_schema.settings import load

from .prose import prose
from .sessions import Session

LATEST_S = 600  # an answer that could not begin by then is dropped
FADE_AND_END_TIMEOUT_S = 1.0  # seconds to fade out, and to end


def speak(text: str, name: str, where: Paths, session: Session) -> None:
    """Speaks Markdown in an agent's `name`, as long as its `session` may speak."""
    signal.alarm(LATEST_S)  # seconds until its first word
    speaker = _Speaker(where, name)

    def silence() -> None:
        speaker.stop()
        time.sleep(FADE_AND_END_TIMEOUT_S)
        os._exit(0)  # the process would wait for a hung supervisor

    with session.speaking(silence) as may_speak:
        if may_speak:
            # Keys first: of a long path prose leaves the last part alone.
            speaker.speak(prose(agents.without_keys(text)), on_begin=_begun)


def _begun() -> None:
    signal.alarm(0)


class _Speaker:
    """Speaks one text, as `say` does, and can be silenced from another thread."""

    def __init__(self, where: Paths, name: str) -> None:
        self._where = where
        self._name = name
        self._lock = threading.Lock()
        self._stopped = False
        self._ends: list[Callable[[], None]] = []

    def speak(self, markdown: str, on_begin: Callable[[], None]) -> None:
        """Speaks Markdown; returns after the last word, or once stopped."""
        rate = _rate(self._where.config)
        with Client(holder=self._name) as client:
            usual = by_session(os.environ.get(USUAL_VOICE))
            speech = client.synthesize(markdown, keep=False, markup="markdown", wpm=rate or None, **usual)
            try:
                floor = client.floor("speaker")
                player = Player(floor=floor, on_position=lambda _: on_begin())
                if self._ends_with(floor, player):
                    player.play(speech, speech.rate, speech.channels)
            finally:
                speech.close()

    def stop(self) -> None:
        """Silences it at once, from any thread, even before it speaks."""
        with self._lock:
            self._stopped = True
            ends = self._ends
        for end in ends:
            end()

    def _ends_with(self, floor: Floor, player: Player) -> bool:
        """Registers what `stop` must end; returns False if `stop` was called already."""
        with self._lock:
            self._ends = [player.stop, floor.stop]
            return not self._stopped


def _rate(config: Path) -> float:
    """Returns the setting `[agents] rate`; of a configuration that does not name it nothing else is read.
    Raises `bad_request` for an error in the configuration."""
    try:
        if b"agents" not in config.read_bytes():
            return 0.0
    except OSError:
        return 0.0
    return load(config).agents.rate
