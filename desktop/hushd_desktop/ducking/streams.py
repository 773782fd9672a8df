"""The volumes of other programs' streams: lowered, followed and brought back.

PulseAudio's module-stream-restore remembers the volume of each application's last change, and gives it to the
application's next stream. So it is set right whenever it has learnt a volume that is lowered: a stream that ends
meanwhile comes back as loud as before, whatever becomes of this process. PipeWire's session manager lets no program set
what it remembers: there the ledger keeps such an application, so that its next stream is known, and brought back.
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
_LOOK_S = 0.2  # between two looks; a stream is met in the second, by when a session manager has given it its volume
_MOST = 50  # applications that are kept, the last ones
# A call must stay loud while it is captioned, and who cannot see must hear.
_SPARED = ("phone", "communication", "a11y", "accessibility")


class _Exactly(PulseVolumeInfo):  # type: ignore[misc]
    """A volume to the last unit, and beyond the 153 % at which the library cuts."""

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
        folder: of the ledgers, each of one server, with what was changed so far, also by an earlier process.
        decibels: how far they go down.

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
        self._factor = 10 ** (-decibels / 60)  # the server's units are the cube roots of amplitudes
        self._met: set[int] = set()  # streams that were looked at, and are not looked at again
        if ledger.server != server.cookie:
            ledger.server, ledger.streams = server.cookie, {}

    def follow(self, over: Callable[[], bool], begun: Callable[[], None]) -> None:
        """Lowers all streams, calls `begun`, and lowers those that appear, until it is `over`."""
        changes: list[Any] = []
        self._pulse.event_mask_set("sink_input")
        self._pulse.event_callback_set(changes.append)
        self.lower()
        begun()
        while not over():
            changed = bool(changes)
            changes.clear()
            self._pulse.event_listen(_LOOK_S)
            if changed:
                self.lower()

    def lower(self) -> None:
        """Lowers the streams that are new, and sets right what the server remembers of others since.

        Where that cannot be written down, they stay as they are.
        """
        present = self._present()
        new = present.keys() - self._met
        before = self._ledger.streams.copy()
        for number in new - before.keys():
            if _is_anothers(present[number]):
                self._plan(number, present[number])
        try:
            if self._ledger.streams != before:
                self._ledger.write(self._path)
        except OSError:
            self._ledger.streams = before
            return
        self._met = set(present)
        for number in new & self._ledger.streams.keys():
            self._set(number, self._ledger.streams[number].now)
        self._mend()

    def bring_back(self) -> None:
        """Brings back all that is still as it was set, and forgets it.

        Raises:
            OSError: when the ledger cannot be written.
        """
        self._present()
        for number, lowered in self._ledger.streams.items():
            self._set(number, lowered.before)
        self._pulse.server_info()  # by then it has noticed the changes, and remembers them
        self._mend()
        names = set()
        for stream in self._pulse.sink_input_list():
            names.add(name := stream.proplist.get(_ENTRY))
            # One that has begun low, in the moment before the server remembered the right volume.
            if stream.index not in self._ledger.streams and (before := self._before(name, stream.volume)):
                self._set(stream.index, before)
        remainder = [each for each in self._ledger.applications.items() if self._learns and each[0] not in names]
        self._ledger.streams, self._ledger.applications = {}, dict(remainder[-_MOST:])
        self._ledger.write(self._path)

    def _mend(self) -> None:
        """Sets right what the server remembers of applications whose streams were lowered."""
        try:
            entries = list(self._pulse.stream_restore_list())
        except ERRORS:
            if not self._pulse.connected:
                raise
            return  # it has no such module
        for entry in entries:
            if before := self._before(entry.name, entry.volume):
                entry.volume = _Exactly(before)
                self._pulse.stream_restore_write(entry, mode="replace")

    def _present(self) -> dict[int, Any]:
        """The streams that are there; the ledger keeps those of them that are as loud as they were set, or not yet."""
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
        """Enters the stream in the ledger; one that was begun with a lowered volume has the one before that."""
        name = stream.proplist.get(_ENTRY)
        before = self._before(name, stream.volume) or _volume(stream.volume)
        now = tuple(round(value * self._factor) for value in before)
        if now == before:
            return
        self._ledger.streams[number] = Lowered(_identity(stream), before, now)
        if name and (before, now) not in (pairs := self._ledger.applications.setdefault(name, [])):
            pairs.append((before, now))

    def _before(self, name: str | None, volume: Any) -> Volume | None:
        """The volume before the lowered one that an application's stream or entry has; None for any other."""
        pairs = self._ledger.applications.get(name or "", ())
        return next((before for before, now in pairs if same(now, _volume(volume))), None)

    def _set(self, number: int, volume: Volume) -> None:
        try:
            self._pulse.sink_input_volume_set(number, _Exactly(volume))
        except ERRORS:
            if not self._pulse.connected:
                raise  # else the stream has ended


def _is_anothers(stream: Any) -> bool:
    """Returns whether it is a program's, and neither hushd's nor part of the sound server's own ways."""
    has = stream.proplist.get
    if stream.client in (None, libpulse.PA_INVALID) or has("node.link-group"):
        return False  # of a loopback, an echo canceller, a combined sink: hushd's own sound may go through it
    if has(OWN) and has(OWN) == has("application.process.id"):  # not of a program that one of hushd's has started
        return False
    return has("media.role", "").lower() not in _SPARED


def _identity(stream: Any) -> str:
    has = stream.proplist.get
    return "/".join(
        str(part)
        for part in (
            stream.client,
            has("application.process.id"),
            has("application.name"),
        )
    )


def _volume(volume: Any) -> Volume:
    return tuple(round(value * FULL) for value in volume.values)
