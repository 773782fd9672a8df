"""The memory that workers need, by device: learnt from their lives, or configured, or estimated. Sizes in bytes.

What counts is private memory at its peak. Pages of mapped files are the page cache's: the kernel drops them before it
refuses memory to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from hushd_protocol.limits import UNKNOWN_WORKER
from hushd_protocol.names import base
from hushd_schema.settings import Settings

MAX_ESTIMATES = 64  # that are remembered
UNKNOWN_ON_CARD = 2_000_000_000  # of a card, for a worker that never ran on one, without `vram_mb` and an estimate


class Estimated(NamedTuple):
    """The needs of a worker as estimated before its first life; 0 where nothing is known of it.

    Attributes:
        memory: of the machine, for jobs on the CPU.
        beside_card: of the machine, for jobs on a card.
        card: of the card, for which weights that are mapped on the CPU are copied.
    """

    memory: int = 0
    beside_card: int = 0
    card: int = 0


class Needs:
    """The needs of all workers, which the loop keeps over restarts.

    A load and the jobs after it are learnt apart, since many lives have no job and many loads take more than any. A
    life that took more raises a need, and one that took less brings it halfway down to its own highest size: one large
    job does not count for ever. A start that was killed raises the need by the memory it had taken, and lowers nothing.

    Args:
        settings: the user's configuration, with `memory_mb` for workers that never ran.
        table: as below, of earlier lives.
        estimate: estimates a worker of this name; asked before its first job.

    Attributes:
        table: bytes by key: `stt/a/x` is memory of the machine for jobs on the CPU, `stt/a/x@cuda` the same on a card,
            `stt/a/x@0000:65:00.0` memory of that card, 0 where the engine does not use it. With `:load` at its end the
            first two are what the load took, and with `:ready` the third is what was taken when the model was loaded.
    """

    def __init__(
        self,
        settings: Settings,
        table: Mapping[str, int] | None = None,
        estimate: Callable[[str], Estimated] = lambda _: Estimated(),
    ) -> None:
        self._settings = settings
        self._estimate = estimate
        self._sizes: dict[str, int] = {}  # as the configuration says
        self._estimates: dict[str, Estimated] = {}  # for one configuration: models come and go
        self.table: dict[str, int] = dict(table or {})
        self._peaks: dict[str, dict[str, int]] = {}  # of the present lives
        self._starved: dict[str, int] = {}  # more than a start had when the kernel killed it; until the next success

    def configure(self, settings: Settings) -> None:
        """Applies other sizes for workers that never ran."""
        self._settings = settings
        self._sizes.clear()
        self._estimates.clear()
        self._starved.clear()

    # --- learning ----------------------------------------------------------------------------------------------------

    def record(self, name: str, memory: int, card: str = "", taken: int = 0, *, ready: bool = False) -> None:
        """Records the peak of private memory in a worker's jobs, or with `ready` in its load, and `taken` of `card`.

        Not of `models`, whose jobs differ: a conversion says nothing of a pull.
        """
        if name.startswith("models/"):
            return
        own = base(name)
        sizes = {_key(own, card, load=ready): memory} | ({f"{own}@{card}": taken} if card else {})
        peaks = self._peaks.setdefault(name, {})
        for key, size in sizes.items():
            peaks[key] = max(size, peaks.get(key, 0))
            if size > self.table.get(key, 0):
                self.table[key] = size
        if ready:
            self._starved.pop(own, None)
            if card and taken:
                self.table[f"{own}@{card}:ready"] = taken

    def grew(self, name: str, memory: int, card: str = "") -> None:
        """Records the private memory that a start has taken so far: where that is more than was known, the need is."""
        known = self._load(name, card) or self._guess(name, card) or UNKNOWN_WORKER
        if not name.startswith("models/") and memory > known:
            self.table[_key(base(name), card, load=True)] = memory

    def starved(self, name: str, memory: int) -> None:
        """Records that a start was killed, out of memory, when it had taken so much: it needs a quarter more, at least.

        A second time it needs a quarter more than that, since it was last seen a while before its end. Not kept over a
        restart: other programs may have taken the memory.
        """
        own = base(name)
        seen = max(memory, self._starved.get(own, 0))
        self._starved[own] = seen + seen // 4

    def passes_over(self, name: str, card: str) -> None:
        """Records that the engine of a worker does not use a card that it was given."""
        self.table[f"{base(name)}@{card}"] = 0

    def outgrew(self, name: str, card: str, free: int) -> None:
        """Records that the model did not fit into the free memory of a card.

        It counts for twice as large, at most: another program may have taken the memory meanwhile.
        """
        for key, need in (("", self.on_card(name, card)), (":ready", self.on_card_alone(name, card))):
            self.table[f"{base(name)}@{card}{key}"] = max(need, min(free, 2 * need))

    def life_ended(self, name: str) -> None:
        """Brings the needs of a worker nearer to what its process took, now that it is gone."""
        for key, peak in self._peaks.pop(name, {}).items():
            if 0 < peak < (need := self.table.get(key, 0)):
                self.table[key] = (need + peak) // 2

    # --- needs -------------------------------------------------------------------------------------------------------

    def memory(self, name: str, card: str = "") -> int:
        """The machine's memory for a start of `name` and the jobs after it, on the CPU or on `card`."""
        load = self._load(name, card)
        jobs = self._learnt(name, card, load=False)
        return max(load, jobs) if jobs else max(load, self._guess(name, card)) or UNKNOWN_WORKER

    def memory_alone(self, name: str, card: str = "") -> int:
        """The same beside no other worker: never what a large job once took."""
        return min(self.memory(name, card), self._load(name, card) or self._guess(name, card) or UNKNOWN_WORKER)

    def on_card(self, name: str, card: str) -> int:
        """The memory of `card` for a start of `name`; another card's says more than a guess."""
        known = self.table.get(f"{base(name)}@{card}")
        return max(self._on_cards(name), default=self._guess_of_card(name)) if known is None else known

    def on_card_alone(self, name: str, card: str) -> int:
        """The same beside no other worker: what the model itself takes."""
        return min(self.on_card(name, card), self.table.get(f"{base(name)}@{card}:ready") or self._guess_of_card(name))

    def uses_cards(self, name: str) -> bool:
        """Returns whether a start of `name` may take memory of a card."""
        sizes = self._on_cards(name)
        return not name.startswith("models/") and (not sizes or any(sizes))

    def _on_cards(self, name: str) -> list[int]:
        prefix = f"{base(name)}@"
        sizes = ((key.removeprefix(prefix), size) for key, size in self.table.items() if key.startswith(prefix))
        return [size for card, size in sizes if not card.startswith("cuda") and not card.endswith(":ready")]

    def _load(self, name: str, card: str) -> int:
        """The memory that the load takes, as far as it was seen; 0 where it never was."""
        return max(self._learnt(name, card, load=True), self._starved.get(base(name), 0))

    def _learnt(self, name: str, card: str, *, load: bool) -> int:
        """The size learnt on such a device, else the one on the CPU, but no less than the estimate, else 0."""
        own = base(name)
        here = self.table.get(_key(own, card, load=load), 0)
        if here or not card:
            return here
        on_cpu = self.table.get(_key(own, "", load=load), 0)
        return max(on_cpu, self._guess(name, card) if self._estimated(name).beside_card else 0) if on_cpu else 0

    def _guess(self, name: str, card: str) -> int:
        """The configured size, else the estimate for the CPU or for beside a card, else 0."""
        if configured := self._configured(name):
            return configured
        estimated = self._estimated(name)
        return (estimated.beside_card if card else 0) or estimated.memory

    def _configured(self, name: str) -> int:
        """The configured size, 0 for none, kept: while workers wait for memory, each event asks for everybody's."""
        own = base(name)
        if own not in self._sizes:
            if len(self._sizes) >= MAX_ESTIMATES:
                self._sizes.clear()
            self._sizes[own] = int(self._settings.for_worker(own).memory_mb * 1_000_000)
        return self._sizes[own]

    def _estimated(self, name: str) -> Estimated:
        own = base(name)
        if own not in self._estimates:
            if len(self._estimates) >= MAX_ESTIMATES:
                self._estimates.clear()
            self._estimates[own] = self._estimate(own)
        return self._estimates[own]

    def _guess_of_card(self, name: str) -> int:
        configured = int(self._settings.for_worker(name).vram_mb * 1_000_000)
        return configured or self._estimated(name).card or UNKNOWN_ON_CARD


def _key(own: str, card: str, *, load: bool) -> str:
    return own + ("@cuda" if card else "") + (":load" if load else "")
