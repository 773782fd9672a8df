"""One process of a worker: where it computes, the memory that it takes, the progress of its start, and its usage.

A start that makes progress is never ended. Reading bytes and taking memory always count as progress. CPU time alone
counts for a limited number of CPU seconds, since a load may also loop for ever; the process's own word counts for a
limited time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from hushd_protocol import messages as m
from hushd_protocol.cards import is_card
from hushd_schema.settings import WorkerSettings

from hushd_supervisor.core.events import Used

HELLO_S = 10.0  # seconds without progress, from the start of the process to its hello
LOADING_WORD_S = 300.0  # seconds in which `loading` alone counts as progress
START_PROBE_INTERVAL_S = 2.0  # seconds between two probes
CPU_S = 0.05  # CPU time that is a sign of work; a beat alone costs 1 ms
READ_BYTES = 65536  # bytes read that are a sign of work
LOOP_S = 600.0  # seconds of CPU time after which a load that has neither read nor grown loops for ever
GROWN = 1_000_000  # bytes of memory taken, likewise; a process that only waits takes none
AGE_S = 86400.0  # seconds at which a process is used up, whatever else it is
# Seconds after which a process that had to start without its card is replaced, to try the card again.
CARD_RETRY_S = 600.0


class Place(NamedTuple):
    """The device chosen for a process before its start.

    Attributes:
        device: `cpu` or `cuda:1`, as in the configuration; empty if there was no choice, so that the engine follows the
            configuration.
        card: the graphics card's place on the bus; empty for none.
        why: the reason why a process that might have used a card does not.
        need: the bytes of the machine's memory that it is expected to take; 0 if that is not known.
    """

    device: str = ""
    card: str = ""
    why: str = ""
    need: int = 0


ANYWHERE = Place()
_NO_CARDS: Mapping[str, int] = MappingProxyType({})


class Progress:
    """Watches one start, from the moment its process runs."""

    def __init__(self, now: float) -> None:
        self._used = Used()
        self._probe_due = now + START_PROBE_INTERVAL_S
        self._greeted = False
        self._seen = Used()  # the use at the last progress
        self._seen_at = now
        self._grown_cpu_s = 0.0  # CPU time at the last progress other than CPU time
        self._word_at = now  # time when the process last said that it loads

    def receive(self, message: m.Message, now: float) -> None:
        """Takes a hello, by which the process speaks our protocol, and loads, or its word that it goes on."""
        match message:
            case m.WorkerHello():
                self._greeted, self._seen_at = True, now
            case m.Loading():
                self._word_at = now

    def probe_due(self, now: float) -> bool:
        """Returns whether the next probe is due, and then schedules the one after it."""
        due = self._probe_due <= now
        self._probe_due = now + START_PROBE_INTERVAL_S if due else self._probe_due
        return due

    def deadline(self) -> float:
        """The time of the next probe."""
        return self._probe_due

    def count_progress(self, used: Used, now: float) -> None:
        """Compares the use so far with the use at the last progress."""
        seen = self._seen
        grown = used.read - seen.read >= READ_BYTES or abs(used.private - seen.private) >= GROWN
        if grown:
            self._grown_cpu_s = used.cpu_s
        if grown or used.cpu_s - seen.cpu_s >= CPU_S:
            self._seen, self._seen_at = used, now
        self._used = used

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
        return self._used.cpu_s - self._grown_cpu_s

    def extend_deadlines(self, by_s: float) -> None:
        """Extends the watch by `by_s` seconds, in which the supervisor could not probe."""
        self._seen_at += by_s
        self._word_at += by_s


class Usage:
    """The usage of one process that has become ready with `size` bytes, 0 for an unknown size."""

    def __init__(self, size: int = 0) -> None:
        self._cpu_s = 0.0
        self._beat_cpu_s: float | None = None
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


class Process(NamedTuple):
    """The facts about one process of a worker, from the decision to start it until the next one is started."""

    gen: int = 0  # its generation; 0 before the first
    place: Place = ANYWHERE  # device on which it was started to compute
    jobs_before: int = 0  # jobs that its worker had completed before it was started
    started_at: float = 0.0
    ready_at: float = math.inf  # time when it became ready; `math.inf` before that
    loading: int = 0  # bytes of private memory that its start had taken at the last probe
    kind: str = ""  # kind of device on which it says that it computes; empty while unknown
    card: str = ""  # place on the bus of the graphics card where it computes, empty for none
    cards: Mapping[str, int] = _NO_CARDS  # bytes of each card, as it last reported
    size: int = 0  # bytes of private memory, as it last reported; its whole size if it reports nothing finer
    peak: int = 0  # highest `size` so far, 0 before it is ready
    unwanted: str = ""  # reason to leave once nothing runs on it, empty for none
    used_up: str = ""  # says how it is used up, empty if it is not
    expected: bool = False  # whether the exit to come was asked for
    killed: bool = False  # whether it was sent SIGKILL
    start_timed_out: str = ""  # says why its start was ended for lack of progress; empty if it was not

    @property
    def retiring(self) -> str:
        """The reason why it leaves once nothing runs on it."""
        return self.unwanted or self.used_up

    @property
    def on_cards(self) -> Mapping[str, int]:
        """The bytes of each card where it computes, 0 before it reports any."""
        return {self.card: 0, **self.cards} if self.card else self.cards

    def loaded(self, message: m.Ready, kind: str, now: float) -> Process:
        """Returns the facts once it has loaded its model, on a card or on the CPU."""
        size, cards = message.private or message.pss, message.cards
        card = max(cards, key=cards.__getitem__) if cards else self.card if is_card(kind) else ""
        peak = max(size, message.peak)
        return self._replace(kind=kind, ready_at=now, size=size, peak=peak, cards=cards, card=card)

    def measured(self, beat: m.Beat) -> Process:
        """Returns the facts with the memory that it reports."""
        size = beat.private or beat.pss or self.size
        return self._replace(size=size, peak=max(self.peak, size, beat.peak), cards=beat.cards or self.cards)
