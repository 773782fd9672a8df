"""Speaks an answer, as `say` does, and can be silenced from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hushd.audio.playback import Player
    from hushd.transport.floor import Floor
    from hushd_protocol import JsonObject
    from hushd_protocol.system.paths import Paths


class NamedSpeaker:
    """Speaks one text.

    Args:
        name: its name for `hushd status`, `stop`, `pause` and `resume`.
    """

    def __init__(self, where: Paths, name: str) -> None:
        self._where = where
        self._name = name
        self._lock = threading.Lock()
        self._stopped = False
        self._ends: list[Callable[[], None]] = []

    def speak(self, markdown: str, on_begin: Callable[[], None]) -> None:
        """Speaks Markdown; returns after the last word, or once stopped.

        Args:
            on_begin: called with the first sound.
        """
        from hushd.client import Client  # while the device is looked for
        from hushd.voice_assignments.speaker import NamedSpeaker

        member = NamedSpeaker(self._where, self._name)
        if member.muted:
            return
        options: JsonObject = {"markup": "markdown", "wpm": member.settings.rate or None}
        with Client(holder=self._name) as client:
            text, options = member.prepare(markdown, options, lambda: client.describe("tts").tts)
            speech = client.synthesize(text, keep=False, **options)
            try:
                from hushd.audio.playback import Player  # while the worker works

                floor = client.floor("speaker")
                player = Player(floor=floor, volume=member.settings.volume, on_position=lambda _: on_begin())
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
