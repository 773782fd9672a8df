"""The answer to `unload`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Unloaded(list[str]):
    """The names of the workers that have ended.

    Attributes:
        busy: by the name of each worker that goes on for now, the number of other programs' jobs there.
    """

    def __init__(self, names: Iterable[str], busy: Mapping[str, int]) -> None:
        super().__init__(names)
        self.busy = dict(busy)

    @classmethod
    def from_data(cls, data: object) -> Unloaded:
        """From the supervisor's answer."""
        from hushd_schema.controls import EndedWorkers

        ended = EndedWorkers.from_data(data)
        return cls(ended.unloaded, ended.busy)
