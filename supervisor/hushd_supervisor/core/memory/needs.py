"""The memory that workers need, by device: learnt from their lives, configured, or estimated. Sizes in bytes.

The need is the peak of private memory. Pages of mapped files belong to the page cache: the kernel drops them before it
refuses memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

from hushd_protocol import messages as m
from hushd_protocol.limits import UNKNOWN_WORKER
from hushd_protocol.names import base
from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action, Remember
from hushd_supervisor.core.worker.worker import Worker

from .decision import Need

MAX_ESTIMATES = 64  # kept at a time
UNKNOWN_ON_CARD = 2_000_000_000  # bytes of a worker that never ran on a card and has neither `vram_mb` nor an estimate


class Estimated(NamedTuple):
    """The needs of a worker, estimated before its first life; 0 for an unknown one.

    Attributes:
        memory: the machine's memory, for jobs on the CPU.
        beside_card: the machine's memory, for jobs on a card.
        card: the card's memory, into which weights that are mapped on the CPU are copied.
    """

    memory: int = 0
    beside_card: int = 0
    card: int = 0


class Needs:
    """The needs of all workers, which the loop saves for the supervisor's next life.

    Loads and jobs are learnt separately, since many lives have no job and many loads take more than any job. A life
    that took more raises a need; a life that took less lowers it halfway to its own peak, so that one large job does
    not count for ever. A killed start raises the need according to the memory that it had taken, and never lowers it.

    Args:
        table: the needs learnt in earlier lives, in bytes by key: `stt/a/x` is memory of the machine for jobs on the
            CPU, `stt/a/x@cuda` the same on a card, `stt/a/x@0000:65:00.0` memory of that card, 0 where the engine does
            not use it. With `:load` at its end the first two are the load's, and with `:ready` the third is the card's
            memory with the model just loaded.
        estimate: estimates a worker of this name; asked before its first job.
    """

    def __init__(
        self,
        settings: Settings,
        table: Mapping[str, int] | None = None,
        estimate: Callable[[str], Estimated] = lambda _: Estimated(),
    ) -> None:
        self._settings = settings
        # Sizes are kept by the worker's base name, for one configuration: each event reads all of them while workers
        # wait for memory.
        self._configured = functools.lru_cache(MAX_ESTIMATES)(self._configured_size)
        self._estimated = functools.lru_cache(MAX_ESTIMATES)(estimate)
        self._table: dict[str, int] = dict(table or {})
        self._saved = dict(self._table)
        self._peaks: dict[str, dict[str, int]] = {}  # peaks of the living processes
        # Bytes by worker, more than a killed start had taken; kept until the next success.
        self._killed: dict[str, int] = {}

    def configure(self, settings: Settings) -> None:
        """Applies other sizes for workers that never ran."""
        self._settings = settings
        self._configured.cache_clear()
        self._estimated.cache_clear()
        self._killed.clear()

    def remember(self) -> list[Action]:
        """Saves the needs if they have changed."""
        if self._table == self._saved:
            return []
        self._saved = dict(self._table)
        return [Remember(self._saved)]

    # --- learning ----------------------------------------------------------------------------------------------------

    def record(self, name: str, memory: int, card: str = "", taken: int = 0, *, ready: bool = False) -> None:
        """Records the peak of private memory in a worker's jobs, or (`ready`) in its load, and `taken` bytes of `card`.
        Records nothing for `models`, whose jobs differ: a conversion says nothing about a pull."""
        if name.startswith("models/"):
            return
        base_name = base(name)
        sizes = {_key(base_name, card, load=ready): memory} | ({f"{base_name}@{card}": taken} if card else {})
        peaks = self._peaks.setdefault(name, {})
        for key, size in sizes.items():
            peaks[key] = max(size, peaks.get(key, 0))
            if size > self._table.get(key, 0):
                self._table[key] = size
        if ready:
            self._killed.pop(base_name, None)
            if card and taken:
                self._table[f"{base_name}@{card}:ready"] = taken

    def learn(self, worker: Worker, message: m.Message, free: Callable[[str], int]) -> None:
        """Learns from a size that a process reports, or from a load that did not fit into `free` bytes of a card."""
        process, ready = worker.process, isinstance(message, m.Ready)
        given_card = process.place.card
        if isinstance(message, m.LoadFailed):
            if message.on_card and given_card:
                self.outgrew(worker.name, given_card, free(given_card))
            return
        if ready and given_card and not process.card:
            self._table[f"{base(worker.name)}@{given_card}"] = 0  # its engine does not use the card that it was given
        taken = process.cards.get(process.card, 0)
        if ready or worker.has_worked:
            # A process that reports no peak counts with its size.
            size = max(process.size, message.peak if isinstance(message, m.Ready | m.Beat) else 0)
            self.record(worker.name, size, process.card, taken, ready=ready)

    def grew(self, name: str, memory: int, card: str = "") -> None:
        """Raises the need to the private memory that a start has taken so far, whether it succeeds or not."""
        expected = self._load(name, card) or self._guess(name, card) or UNKNOWN_WORKER
        if not name.startswith("models/") and memory > expected:
            self._table[_key(base(name), card, load=True)] = memory

    def killed(self, name: str, memory: int) -> None:
        """Records that the kernel killed a start that had taken `memory`: it needs at least a quarter more.

        The next time it needs another quarter more, since it was last seen a while before its end. This is not saved
        for the next life: other programs may have taken the memory.
        """
        base_name = base(name)
        seen = max(memory, self._killed.get(base_name, 0))
        self._killed[base_name] = seen + seen // 4

    def outgrew(self, name: str, card: str, free: int) -> None:
        """Records that a model did not fit into the free memory of a card.
        Its need at most doubles: another program may have taken the memory meanwhile."""
        for key, need in (("", self.on_card(name, card)), (":ready", self.on_card_alone(name, card))):
            self._table[f"{base(name)}@{card}{key}"] = max(need, min(free, 2 * need))

    def life_ended(self, name: str) -> None:
        """Lowers the needs of a worker towards what its process took, now that it is gone."""
        for key, peak in self._peaks.pop(name, {}).items():
            if 0 < peak < (need := self._table.get(key, 0)):
                self._table[key] = (need + peak) // 2

    # --- needs -------------------------------------------------------------------------------------------------------

    def of(self, name: str, card: str = "") -> Need:
        """The need of a start of `name` on the CPU, or on `card`."""
        machine = self.memory(name, card), self.memory_alone(name, card)
        return Need(*machine, self.on_card(name, card), self.on_card_alone(name, card)) if card else Need(*machine)

    def memory(self, name: str, card: str = "") -> int:
        """The machine's memory for a start of `name` and the jobs after it, on the CPU or on `card`."""
        load = self._load(name, card)
        jobs = self._learnt(name, card, load=False)
        return max(load, jobs) if jobs else max(load, self._guess(name, card)) or UNKNOWN_WORKER

    def memory_alone(self, name: str, card: str = "") -> int:
        """The same with no other worker: never the size of one past large job."""
        return min(self.memory(name, card), self._load(name, card) or self._guess(name, card) or UNKNOWN_WORKER)

    def on_card(self, name: str, card: str) -> int:
        """The memory of `card` for a start of `name`; if unknown, that on another card rather than a guess."""
        learnt = self._table.get(f"{base(name)}@{card}")
        return max(self._on_cards(name), default=self._guess_of_card(name)) if learnt is None else learnt

    def on_card_alone(self, name: str, card: str) -> int:
        """The same with no other worker: the size of the model itself."""
        return min(self.on_card(name, card), self._table.get(f"{base(name)}@{card}:ready") or self._guess_of_card(name))

    def uses_cards(self, name: str) -> bool:
        """Returns whether a start of `name` may take memory of a card."""
        sizes = self._on_cards(name)
        return not name.startswith("models/") and (not sizes or any(sizes))

    def _on_cards(self, name: str) -> list[int]:
        prefix = f"{base(name)}@"
        sizes = ((key.removeprefix(prefix), size) for key, size in self._table.items() if key.startswith(prefix))
        return [size for card, size in sizes if not card.startswith("cuda") and not card.endswith(":ready")]

    def _load(self, name: str, card: str) -> int:
        """The memory that loading was seen to take; 0 if never seen."""
        return max(self._learnt(name, card, load=True), self._killed.get(base(name), 0))

    def _learnt(self, name: str, card: str, *, load: bool) -> int:
        """The size learnt on such a device, else the one on the CPU but at least the estimate, else 0."""
        base_name = base(name)
        here = self._table.get(_key(base_name, card, load=load), 0)
        if here or not card:
            return here
        on_cpu = self._table.get(_key(base_name, "", load=load), 0)
        return max(on_cpu, self._guess(name, card) if self._estimated(base_name).beside_card else 0) if on_cpu else 0

    def _guess(self, name: str, card: str) -> int:
        """The configured size, else the estimate for the CPU or for beside a card, else 0."""
        if configured := self._configured(base(name)):
            return configured
        estimated = self._estimated(base(name))
        return (estimated.beside_card if card else 0) or estimated.memory

    def _configured_size(self, base_name: str) -> int:
        return int(self._settings.for_worker(base_name).memory_mb * 1_000_000)

    def _guess_of_card(self, name: str) -> int:
        configured = int(self._settings.for_worker(name).vram_mb * 1_000_000)
        return configured or self._estimated(base(name)).card or UNKNOWN_ON_CARD


def _key(base_name: str, card: str, *, load: bool) -> str:
    return base_name + ("@cuda" if card else "") + (":load" if load else "")
