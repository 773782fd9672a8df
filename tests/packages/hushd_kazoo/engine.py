"""An engine that hears a hum in everything, and live a hum for each half second."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hushd_protocol.system import paths
from hushd_schema import engines
from hushd_worker_stt.engine import RATE, Engine, EngineStream, Hypothesis, Model, Options, Segment


class Kazoo(Engine):
    SPEC = engines.get("kazoo")
    feed_s = 0.5

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        own = (file.stem for file in sorted((paths.find().models / "kazoo").glob("*.kazoo")))
        return (*super().models(), *(Model(name, ("tlh", "en"), 60) for name in own))

    @classmethod
    def installed(cls, model: str) -> bool:
        return (paths.find().models / "kazoo" / f"{model}.kazoo").is_file()

    def load(self, model: str, report: Callable[[str], None]) -> None:
        self.busy = False

    def begin(self, options: Options) -> EngineStream:
        return Breath(self)

    def transcribe(self, samples: Any, options: Options) -> Iterable[Segment]:
        if self.busy:
            raise RuntimeError("one breath at a time")
        yield Segment(0.0, len(samples) / RATE, "Humming, all of it.")


class Breath(EngineStream):
    def __init__(self, kazoo: Kazoo) -> None:
        if kazoo.busy:
            raise RuntimeError("one breath at a time")
        kazoo.busy = True
        self._kazoo = kazoo
        self._seconds = 0.0
        self._over = False

    def feed(self, samples: Any) -> Hypothesis:
        self._check()
        self._seconds += len(samples) / RATE
        return Hypothesis("hm " * int(2 * self._seconds), "m")

    def finish(self) -> list[Segment]:
        self._check()
        self.cancel()
        return [Segment(0.0, self._seconds, f"Hummed in a breath of {self._seconds:.0f} s.")] if self._seconds else []

    def cancel(self) -> None:
        if not self._over:
            self._over, self._kazoo.busy = True, False

    def _check(self) -> None:
        if self._over:
            raise RuntimeError("this breath is out")
