"""The memory that workers need, by device: learnt from their lives, or configured, or guessed. Sizes in bytes."""

from __future__ import annotations

from collections.abc import Mapping

from hushd_protocol.limits import UNKNOWN_WORKER
from hushd_protocol.names import base
from hushd_schema.settings import Settings

UNKNOWN_ON_CARD = 2_000_000_000  # of a card, for a worker that never ran on one and has no `vram_mb`


class Needs:
    """The needs of all workers, which the loop keeps over restarts.

    A life that took more raises a need, and one that took less brings it halfway down to its own highest size: one
    large job does not count for ever.

    Attributes:
        table: bytes by key: `stt/a/x` is memory of the machine on the CPU, `stt/a/x@cuda` the same on a card,
            `stt/a/x@0000:65:00.0` memory of that card, 0 where the engine does not use it, and with `:ready` at its
            end the part of it that was taken when the model was loaded.
    """

    def __init__(self, settings: Settings, table: Mapping[str, int] | None = None) -> None:
        self._settings = settings
        self.table: dict[str, int] = dict(table or {})
        self._peaks: dict[str, dict[str, int]] = {}  # of the present lives

    def configure(self, settings: Settings) -> None:
        """Applies other sizes for workers that never ran."""
        self._settings = settings

    # --- learning ----------------------------------------------------------------------------------------------------

    def record(self, name: str, memory: int, card: str = "", taken: int = 0, *, ready: bool = False) -> None:
        """Records a worker's sizes, on the CPU or on `card`; `ready`: they are those of its loaded model.

        Not of `models`, whose jobs differ: a conversion says nothing of a pull.
        """
        if name.startswith("models/"):
            return
        own = base(name)
        sizes = {f"{own}@cuda": memory, f"{own}@{card}": taken} if card else {own: memory}
        peaks = self._peaks.setdefault(name, {})
        for key, size in sizes.items():
            peaks[key] = max(size, peaks.get(key, 0))
            if size > self.table.get(key, 0):
                self.table[key] = size
        if ready and card and taken:
            self.table[f"{own}@{card}:ready"] = taken

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
        """The machine's memory for a start of `name`, on the CPU or on `card`."""
        own = base(name)
        return (self.table.get(f"{own}@cuda", 0) if card else 0) or self.table.get(own) or self._least(name)

    def memory_alone(self, name: str, card: str = "") -> int:
        """The same beside no other worker: never what a large job once took."""
        return min(self.memory(name, card), self._least(name))

    def on_card(self, name: str, card: str) -> int:
        """The memory of `card` for a start of `name`; another card's says more than a guess."""
        known = self.table.get(f"{base(name)}@{card}")
        return max(self._on_cards(name), default=self._guess(name)) if known is None else known

    def on_card_alone(self, name: str, card: str) -> int:
        """The same beside no other worker: what the model itself takes."""
        return min(self.on_card(name, card), self.table.get(f"{base(name)}@{card}:ready") or self._guess(name))

    def uses_cards(self, name: str) -> bool:
        """Whether a start of `name` may take memory of a card."""
        sizes = self._on_cards(name)
        return not name.startswith("models/") and (not sizes or any(sizes))

    def _on_cards(self, name: str) -> list[int]:
        prefix = f"{base(name)}@"
        sizes = ((key.removeprefix(prefix), size) for key, size in self.table.items() if key.startswith(prefix))
        return [size for card, size in sizes if card != "cuda" and not card.endswith(":ready")]

    def _least(self, name: str) -> int:
        return int(self._settings.for_worker(name).memory_mb * 1_000_000) or UNKNOWN_WORKER

    def _guess(self, name: str) -> int:
        return int(self._settings.for_worker(name).vram_mb * 1_000_000) or UNKNOWN_ON_CARD
