"""One process of a worker: where it computes, the memory that it takes, the progress of its start, and its wear.

A start that makes progress is never ended. Reading bytes and taking memory always count as progress. CPU time alone
counts for a limited number of CPU seconds, since a load may also loop for ever; the process's own word counts for a
limited time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from hushd_protocol import messages as m
from hushd_protocol.cards import is_card
from hushd_protocol.light_dataclass import dataclass, field
from hushd_schema.settings import WorkerSettings

HELLO_S = 10.0  # seconds without progress, from the start of the process to its hello
LOADING_WORD_S = 300.0  # seconds in which `loading` alone counts as progress
START_LOOK_INTERVAL_S = 2.0  # seconds between two looks
CPU_S = 0.05  # CPU time that is a sign of work; a beat alone costs 1 ms
READ_BYTES = 65536  # bytes read that are a sign of work
LOOP_S = 600.0  # seconds of CPU time after which a load that has neither read nor grown loops for ever
GROWN = 1_000_000  # bytes of memory taken, likewise; a process that only waits takes none
AGE_S = 86400.0  # seconds at which a process is used up, whatever else it is
# Seconds after which a process that had to start without its card is replaced, to try the card again.
CARD_RETRY_S = 600.0
GOING, AWAY, COMING = "going", "away", "coming"  # phases of a suspended process


class Place(NamedTuple):
    """The device chosen for a process before its start.

    Attributes:
        device: `cpu` or `cuda:1`, as in the configuration; empty if there was no choice, so that the engine follows the
            configuration.
        card: the graphics card's place on the bus; empty for none.
        why: the reason why a process that might have used a card does not.
    """

    device: str = ""
    card: str = ""
    why: str = ""


ANYWHERE = Place()


@dataclass(frozen=True, slots=True)
class Used:
    """The use of a process and its descendants so far: CPU seconds, bytes read, and bytes of private memory now."""

    cpu_s: float = 0.0
    read: int = 0
    private: int = 0


class Progress:
    """Watches one start, from the moment its process runs."""

    def __init__(self, now: float) -> None:
        self.used = Used()
        self.look_due = now + START_LOOK_INTERVAL_S
        self._greeted = False
        self._seen = Used()  # the use at the last progress
        self._seen_at = now
        self._grown_cpu_s = 0.0  # CPU time at the last progress other than CPU time
        self._word_at = now  # time when the process last said that it loads

    def greeted(self, now: float) -> None:
        """Notes the hello: the process speaks our protocol, and loads."""
        self._greeted, self._seen_at = True, now

    def says(self, now: float) -> None:
        """Notes the process's word that it goes on."""
        self._word_at = now

    def look(self, used: Used, now: float) -> None:
        """Compares the use so far with the use at the last progress."""
        seen = self._seen
        grown = used.read - seen.read >= READ_BYTES or abs(used.private - seen.private) >= GROWN
        if grown:
            self._grown_cpu_s = used.cpu_s
        if grown or used.cpu_s - seen.cpu_s >= CPU_S:
            self._seen, self._seen_at = used, now
        self.used = used

    def timer(self, settings: WorkerSettings) -> float:
        """The time at which the start is ended if it makes no progress before."""
        if self.computed >= LOOP_S:
            return -math.inf
        limit = settings.start_timeout if self._greeted else HELLO_S
        believed = min(self._word_at, self._seen_at + LOADING_WORD_S - limit) if self._greeted else self._seen_at
        return max(self._seen_at, believed) + limit

    def ended_for(self, settings: WorkerSettings) -> str:
        """The reason why the start is ended."""
        if self.computed >= LOOP_S:
            return f"has used {LOOP_S:.0f} s of CPU time while loading, and neither read nor grown"
        return f"did not become ready, and made no progress for {settings.start_timeout:.0f} s"

    @property
    def computed(self) -> float:
        """The CPU seconds since the process last read or grew."""
        return self.used.cpu_s - self._grown_cpu_s

    def excuse(self, late: float) -> None:
        """Extends the watch by `late` seconds, in which the supervisor could not look."""
        self._seen_at += late
        self._word_at += late


class Wear:
    """The wear of one process, from its start."""

    def __init__(self) -> None:
        self._cpu_s = 0.0
        self._beat_cpu_s: float | None = None
        self._ceiling = math.inf

    def loaded(self, size: int) -> None:
        """Takes the size of the process that has become ready."""
        # More than any long job takes, but soon reached by a leak: one engine is known to leak 24 MB a request.
        self._ceiling = 2 * size + 1e9 if size else math.inf

    def has_worked(self, cpu_s: float) -> bool:
        """Returns whether the process, at `cpu_s` of CPU time, has worked since this last returned True."""
        if cpu_s - self._cpu_s < CPU_S:
            return False
        self._cpu_s = cpu_s
        return True

    def spent(self, cpu_s: float) -> float:
        """The CPU time since the previous beat, for a process that is at `cpu_s` now."""
        previous, self._beat_cpu_s = self._beat_cpu_s, cpu_s
        return 0.0 if previous is None else max(0.0, cpu_s - previous)

    def used_up(self, limits: WorkerSettings, jobs_done: int, size: int, age: float) -> str:
        """The limit that the process has reached with `jobs_done` jobs and `size` bytes; empty for none."""
        if size >= (limits.max_pss_mb * 1e6 or self._ceiling) and jobs_done > 0:
            return f"used up: {size / 1e6:.0f} MB"
        if age >= AGE_S:
            return f"used up: {age:.0f} s old"
        return ""


@dataclass(slots=True)
class Process:
    """One process of a worker, from the decision to start it until the next one is started.

    Attributes:
        gen: its generation; 0 before the first.
        place: the device on which it was started to compute.
        cpu_reason: the reason why it was started for the CPU instead of its card; empty if it was not.
        ready_at: when it became ready; `math.inf` before that and after its exit.
        idle_since: when it came to rest; None while it works.
        kind: the kind of device on which it says that it computes; empty while unknown.
        card: the place on the bus of the graphics card where it computes, empty for none.
        cards: bytes of each card, as it last reported.
        size: bytes of private memory, as it last reported; its whole size if it reports nothing finer.
        peak: the highest `size` so far, 0 before it is ready.
        unwanted: the reason why it is to leave once nothing runs on it, empty for none.
        worn: the same if it is used up, empty if it is not.
        expected: whether the exit to come was asked for.
        killed: whether it was sent SIGKILL.
        start_timed_out: the reason why its start was ended for lack of progress; empty if it was not.
        phase: while it is suspended: `GOING`, `AWAY` or `COMING`.
        suspends: whether it can be suspended, as it says, and no process of its worker has been refused that.
        had: bytes of each card that it had when it was suspended, and needs again.
    """

    gen: int = 0
    place: Place = ANYWHERE
    cpu_reason: str = ""
    started_at: float = 0.0
    ready_at: float = math.inf
    idle_since: float | None = None
    kind: str = ""
    card: str = ""
    cards: Mapping[str, int] = field(default_factory=dict)
    size: int = 0
    peak: int = 0
    unwanted: str = ""
    worn: str = ""
    expected: bool = False
    killed: bool = False
    start_timed_out: str = ""
    progress: Progress | None = None
    wear: Wear = field(default_factory=Wear)
    phase: str = ""
    suspends: bool = False
    had: Mapping[str, int] = field(default_factory=dict)

    @property
    def retiring(self) -> str:
        """The reason why it leaves once nothing runs on it, empty for none."""
        return self.unwanted or self.worn

    @property
    def loading(self) -> int:
        """The private memory that its start had taken at the last look."""
        return self.progress.used.private if self.progress else 0

    def loaded(self, message: m.Ready, kind: str, now: float) -> None:
        """Notes that it has loaded its model, on a card or on the CPU."""
        self.kind, self.ready_at = kind, now
        self.size = message.private or message.pss
        self.peak = max(self.size, message.peak)
        self.cards = message.cards
        if self.cards:
            self.card = max(self.cards, key=self.cards.__getitem__)
        elif not is_card(kind):
            self.card = ""
        self.wear.loaded(self.size)

    def measured(self, beat: m.Beat) -> None:
        """Notes the memory that it takes."""
        self.size = beat.private or beat.pss or self.size
        self.peak = max(self.peak, self.size, beat.peak)
        self.cards = beat.cards or self.cards

    def went(self) -> None:
        """Notes that what it had on cards is in the machine's memory now."""
        self.phase, self.cards = AWAY, {}
        self.size += sum(self.had.values())
        self.peak = max(self.peak, self.size)

    def came(self) -> None:
        """Notes that it is as it was before it was suspended."""
        if self.phase == COMING:
            self.size = max(0, self.size - sum(self.had.values()))
        self.phase = ""

    def retire(self, why: str) -> None:
        """Notes that it is to leave once nothing runs on it."""
        self.unwanted = self.unwanted or why

    def wear_out(self, limits: WorkerSettings, jobs_done: int, now: float) -> None:
        """Notes whether it is used up; takes that back if only a job had made it large."""
        age = now - self.ready_at
        if (why := self.cpu_reason or self.place.why) and age >= CARD_RETRY_S:
            self.worn = f"a card may have room again: {why}"
        else:
            self.worn = self.wear.used_up(limits, jobs_done, self.size, age)
