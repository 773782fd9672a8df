"""The volumes of other programs' streams: lowers, follows and restores them.

PulseAudio's module-stream-restore remembers each application's last volume, and sets it for the application's next
stream. So whenever it has learnt a lowered volume, that is corrected: a stream that ends meanwhile returns as loud as
before, even if this process is killed. PipeWire's session manager lets no program correct its memory: there the ledger
keeps the application, so that its next stream is recognised and restored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zlib import crc32

from hushd.audio.devices import OWN
from pulsectl import Pulse, PulseDisconnected, PulseError, PulseVolumeInfo
from pulsectl.pulsectl import c as libpulse

from .ledger import VOLUMES, Ledger, Lowered, Volume, same

if TYPE_CHECKING:
    from pathlib import Path

FULL = 65536  # 100 %
ERRORS = (PulseError, PulseDisconnected, libpulse.pa.CallError)
_ENTRY = "module-stream-restore.id"
# Seconds between two looks; a stream is lowered at the second, when a session manager has set its volume.
_STREAMS_LOOK_INTERVAL_S = 0.2
_MAX_APPLICATIONS = 50  # applications in the ledger; the oldest are dropped
# Calls must stay loud while captioned, and so must screen readers.
_SPARED = ("phone", "communication", "a11y", "accessibility")


class _Exactly(PulseVolumeInfo):  # type: ignore[misc]
    """A volume exact to the unit, also above the 153 % at which the library cuts."""

    def __init__(self, volume: Volume) -> None:
        super().__init__([value / FULL for value in volume])
        self._volume = volume

    def to_struct(self) -> Any:
        struct = super().to_struct()
        struct.values[: len(self._volume)] = self._volume
        return struct


class Streams:
    """The streams of one sound server.

    Args:
        folder: the ledgers' folder: one a server, with all changes so far, also of earlier processes.
        decibels: how much quieter the streams get.

    Raises:
        Each of `ERRORS`: from every method, once the server has gone.
    """

    def __init__(self, pulse: Pulse, folder: Path, decibels: float) -> None:
        self._pulse = pulse
        server = pulse.server_info()
        self._learns = "PipeWire" in server.server_name
        name = crc32(f"{server.user_name}@{server.host_name}".encode())
        self._path = folder / VOLUMES.replace("*", f"{name:08x}")
        self._ledger = ledger = Ledger.read(self._path)
        self._factor = 10 ** (-decibels / 60)  # the server's units are cube roots of amplitudes
        self._met: set[int] = set()  # streams that were handled already
        if ledger.server != server.cookie:
            ledger.server, ledger.streams = server.cookie, {}

    def follow(self, over: Callable[[], bool]) -> None:
        """Lowers all streams, and new ones until `over` returns True."""
        changes: list[Any] = []
        self._pulse.event_mask_set("sink_input")
        self._pulse.event_callback_set(changes.append)
        self.lower()
        while not over():
            changed = bool(changes)
            changes.clear()
            self._pulse.event_listen(_STREAMS_LOOK_INTERVAL_S)
            if changed:
                self.lower()

    def lower(self) -> None:
        """Lowers new streams, and corrects the volumes that the server has remembered since.

        If the ledger cannot be written, the streams stay as they are.
        """
        present = self._present()
        new = present.keys() - self._met
        streams_before = self._ledger.streams.copy()
        for number in new - streams_before.keys():
            if _is_anothers(present[number]):
                self._plan(number, present[number])
        try:
            if self._ledger.streams != streams_before:
                self._ledger.write(self._path)
        except OSError:
            self._ledger.streams = streams_before
            return
        self._met = set(present)
        for number in new & self._ledger.streams.keys():
            self._set(number, self._ledger.streams[number].now)
        self._mend()

    def bring_back(self) -> None:
        """Restores all volumes that are still as hushd set them, and empties the ledger. Raises OSError."""
        self._present()
        for number, lowered in self._ledger.streams.items():
            self._set(number, lowered.before)
        self._pulse.server_info()  # a round trip: by then the server has noticed and remembered the changes
        self._mend()
        names = set()
        for stream in self._pulse.sink_input_list():
            names.add(name := stream.proplist.get(_ENTRY))
            # A stream that began quiet, just before the server's memory was corrected.
            if stream.index not in self._ledger.streams and (before := self._before(name, stream.volume)):
                self._set(stream.index, before)
        remainder = [each for each in self._ledger.applications.items() if self._learns and each[0] not in names]
        self._ledger.streams, self._ledger.applications = {}, dict(remainder[-_MAX_APPLICATIONS:])
        self._ledger.write(self._path)

    def _mend(self) -> None:
        """Corrects the server's memory of applications whose streams were lowered."""
        try:
            entries = list(self._pulse.stream_restore_list())
        except ERRORS:
            if not self._pulse.connected:
                raise
            return  # the server lacks the module
        for entry in entries:
            if before := self._before(entry.name, entry.volume):
                entry.volume = _Exactly(before)
                self._pulse.stream_restore_write(entry, mode="replace")

    def _present(self) -> dict[int, Any]:
        """Returns the current streams; drops streams from the ledger that have ended or whose volume was changed by
        others."""
        present = {stream.index: stream for stream in self._pulse.sink_input_list()}
        self._ledger.streams = {
            number: lowered
            for number, lowered in self._ledger.streams.items()
            if (stream := present.get(number)) is not None
            and lowered.identity == _identity(stream)
            and any(same(_volume(stream.volume), each) for each in (lowered.before, lowered.now))
        }
        return present

    def _plan(self, number: int, stream: Any) -> None:
        """Enters the stream in the ledger; for one that began lowered, with the volume before that."""
        name = stream.proplist.get(_ENTRY)
        original = self._before(name, stream.volume) or _volume(stream.volume)
        now = tuple(round(value * self._factor) for value in original)
        if now == original:
            return
        self._ledger.streams[number] = Lowered(_identity(stream), original, now)
        if name and (original, now) not in (pairs := self._ledger.applications.setdefault(name, [])):
            pairs.append((original, now))

    def _before(self, name: str | None, volume: Any) -> Volume | None:
        """Returns the volume before `volume`, if that is the lowered one of application `name`; else None.

        The server makes other channels of the volume that it remembers by their average (pa_cvolume_remap).
        """
        channels = _volume(volume)
        if not channels:  # the server remembers of some programs no volume, only whether they are mute
            return None
        for before, now in self._ledger.applications.get(name or "", ()):
            if same(now, channels):
                return before
            if len(now) != len(channels) and any(now) and same((_mean(now),), (_mean(channels),)):
                return tuple(round(value * _mean(before) / _mean(now)) for value in channels)
        return None

    def _set(self, number: int, volume: Volume) -> None:
        try:
            self._pulse.sink_input_volume_set(number, _Exactly(volume))
        except ERRORS:
            if not self._pulse.connected:
                raise  # otherwise the stream has ended


def _is_anothers(stream: Any) -> bool:
    """Returns whether the stream belongs to another program: not to hushd, nor to the sound server itself."""
    has = stream.proplist.get
    if stream.client in (None, libpulse.PA_INVALID) or has("node.link-group"):
        return False  # a loopback, an echo canceller or a combined sink, through which hushd's own sound may go
    if has(OWN) and has(OWN) == has("application.process.id"):  # a program that hushd's has started has another id
        return False
    return has("media.role", "").lower() not in _SPARED


def _identity(stream: Any) -> str:
    has = stream.proplist.get
    return "/".join(str(part) for part in (stream.client, has("application.process.id"), has("application.name")))


def _volume(volume: Any) -> Volume:
    return tuple(round(value * FULL) for value in volume.values)


def _mean(volume: Volume) -> int:
    return round(sum(volume) / len(volume))
