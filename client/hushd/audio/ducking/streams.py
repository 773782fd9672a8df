"""The volumes of other programs' streams: lowered, followed and brought back.

PulseAudio's module-stream-restore remembers the volume of each application's last change, and gives it to the
application's next stream. So it is set right whenever it has learnt a volume that is lowered: a stream that ends
meanwhile comes back as loud as before, whatever becomes of this process.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from zlib import crc32

from pulsectl import Pulse, PulseDisconnected, PulseError, PulseVolumeInfo
from pulsectl.pulsectl import c as libpulse

from hushd.audio.devices import OWN

from .ledger import VOLUMES, Ledger, Lowered, Remembered, Volume, same
from .stand_in import KEYS, LOOK_S, SETTLE_S, stand_in

if TYPE_CHECKING:
    from pathlib import Path

FULL = 65536  # 100 %
ERRORS = (PulseError, PulseDisconnected, libpulse.pa.CallError)
_ENTRY = "module-stream-restore.id"
_GIVEN_S = 1.0  # for the session manager to give a new stream the volume that it remembers, on a busy machine
_LESSONS = 5  # at most, to a session manager that learns from streams of the same application meanwhile
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

    Attributes:
        settle: whether a stream gets its volume only after it has appeared: PipeWire's session manager sets it then.

    Raises:
        Each of `ERRORS`: from every method, once the server has gone.
    """

    def __init__(self, pulse: Pulse, folder: Path, decibels: float) -> None:
        self._pulse = pulse
        server = pulse.server_info()
        self.settle = "PipeWire" in server.server_name
        name = crc32(f"{server.user_name}@{server.host_name}".encode())
        self._path = folder / VOLUMES.replace("*", f"{name:08x}")
        self._ledger = ledger = Ledger.read(self._path)
        self._factor = 10 ** (-decibels / 60)  # the server's units are the cube roots of amplitudes
        self._met: set[int] = set()  # streams that were looked at, and are not looked at again
        if ledger.server != server.cookie:
            ledger.server, ledger.streams = server.cookie, {}

    def lower(self) -> None:
        """Lowers the streams that are new. Where that cannot be written down, they stay as they are."""
        present = {stream.index: stream for stream in self._pulse.sink_input_list()}
        self._met &= present.keys()
        new = {number: stream for number, stream in present.items() if number not in self._met}
        if not new:
            return
        before = dict(self._ledger.streams)
        self._forget_ended(present)
        for number, stream in new.items():
            if number not in self._ledger.streams and _is_anothers(stream):
                self._plan(number, stream)
        if self._ledger.streams != before and not self._written():
            self._ledger.streams = before
            return
        self._met |= new.keys()
        for number in new.keys() & self._ledger.streams.keys():
            self._set(number, self._ledger.streams[number].now)
        self.mend()

    def mend(self, brought_back: bool = False) -> None:
        """Sets right what the server remembers of streams that were lowered, or that were brought back."""
        for entry in self._entries():
            remembered = self._ledger.remembered.get(entry.name)
            if remembered is None or (volume := _volume(entry.volume)) == remembered.before:
                continue
            ours = [now for _, now in remembered.ours]
            if brought_back:
                ours += [before for before, _ in remembered.ours]
            if any(same(volume, each) for each in ours):
                entry.volume, entry.channel_list = _Exactly(remembered.before), remembered.channels
                self._pulse.stream_restore_write(entry, mode="replace")

    def bring_back(self) -> None:
        """Brings back all that is still as it was set, and forgets it.

        Raises:
            OSError: when the ledger cannot be removed.
        """
        present = {stream.index: stream for stream in self._pulse.sink_input_list()}
        self._forget_ended(present)
        for number, lowered in self._ledger.streams.items():
            self._set(number, lowered.before)
        self._pulse.server_info()  # by then it has noticed the changes, and remembers them
        self.mend(brought_back=True)
        self._bring_back_late()
        if self.settle:
            live = {present[number].proplist.get(_ENTRY) for number in self._ledger.streams}
            self._teach_all([entry for name, entry in self._ledger.remembered.items() if name not in live])
        self._ledger.streams, self._ledger.remembered = {}, {}
        self._ledger.write(self._path)

    def _bring_back_late(self) -> bool:
        """Brings back streams that have begun low, in the moment before the server remembered the right volume; returns
        whether there were any."""
        late = False
        for stream in self._pulse.sink_input_list():
            remembered = self._ledger.remembered.get(stream.proplist.get(_ENTRY))
            if remembered is None or stream.index in self._ledger.streams:
                continue
            if before := remembered.before_that_of(_volume(stream.volume)):
                self._set(stream.index, before)
                late = True
        return late

    def _teach_all(self, ended: list[Remembered]) -> None:
        """Teaches the volumes of these applications until a look finds nothing wrong: a stream that has begun meanwhile
        is low, and from it the session manager learns the low volume again."""
        for _ in range(_LESSONS):
            time.sleep(SETTLE_S)
            late = self._bring_back_late()
            taught = [self._teach(each) for each in ended]
            if not late and not any(taught):
                return

    def _teach(self, remembered: Remembered) -> bool:
        """Has PipeWire's session manager remember the volume from before of an application whose streams have ended;
        returns False where it does already."""
        try:
            with stand_in(self._pulse, remembered.properties, len(remembered.ours[-1][0])) as number:
                if not (before := self._low_from_the_start(number, remembered)):
                    return False
                self._set(number, before)
                time.sleep(SETTLE_S)
        except ERRORS:
            if not self._pulse.connected:
                raise
        return True

    def _low_from_the_start(self, number: int, remembered: Remembered) -> Volume | None:
        """The volume from before of a new stream that is given a low one; None where it is given none in time."""
        give_up = time.monotonic() + _GIVEN_S
        before = None
        while before is None and time.monotonic() < give_up:
            time.sleep(LOOK_S)
            before = remembered.before_that_of(_volume(self._pulse.sink_input_info(number).volume))
        return before

    def _forget_ended(self, present: dict[int, Any]) -> None:
        """Keeps of the ledger's streams those that are there, and as loud as they were set, or not set yet."""
        self._ledger.streams = {
            number: lowered
            for number, lowered in self._ledger.streams.items()
            if (stream := present.get(number)) is not None
            and lowered.identity == _identity(stream)
            and any(same(_volume(stream.volume), each) for each in (lowered.before, lowered.now))
        }

    def _plan(self, number: int, stream: Any) -> None:
        """Enters the stream in the ledger; one that was begun with a lowered volume has the one before that."""
        volume = _volume(stream.volume)
        name = stream.proplist.get(_ENTRY)
        remembered = self._ledger.remembered.get(name) if name else None
        before = (remembered.before_that_of(volume) if remembered else None) or volume
        lowered = Lowered(_identity(stream), before, tuple(round(value * self._factor) for value in before))
        if lowered.now == lowered.before:
            return
        self._ledger.streams[number] = lowered
        if not name:
            return
        if remembered is None:
            entry = next((entry for entry in self._entries() if entry.name == name), None)
            known = _volume(entry.volume) if entry is not None else ()
            properties = {key: value for key in KEYS if (value := stream.proplist.get(key))}
            remembered = Remembered(known, entry.channel_list if entry is not None and known else [], properties)
            self._ledger.remembered[name] = remembered
        if (pair := (lowered.before, lowered.now)) not in remembered.ours:
            remembered.ours.append(pair)

    def _written(self) -> bool:
        try:
            self._ledger.write(self._path)
        except OSError:
            return False
        return True

    def _set(self, number: int, volume: Volume) -> None:
        try:
            self._pulse.sink_input_volume_set(number, _Exactly(volume))
        except ERRORS:
            if not self._pulse.connected:
                raise  # else the stream has ended

    def _entries(self) -> list[Any]:
        """The volumes that the server remembers; none where it has no such module."""
        try:
            return list(self._pulse.stream_restore_list())
        except ERRORS:
            if not self._pulse.connected:
                raise
            return []


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
    return "/".join(str(part) for part in (stream.client, has("application.process.id"), has("application.name")))


def _volume(volume: Any) -> Volume:
    return tuple(round(value * FULL) for value in volume.values)
