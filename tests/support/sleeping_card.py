"""A worker whose engine waits as for a card, which takes no CPU, and hears of each piece its digest.

`sleeping_card.py [--pace N]`: N seconds of sound a second, 1000 if left out. All else is the real worker's: slots,
batches, decoding, the detector of speech.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, ClassVar

from hushd_worker.harness import serve
from hushd_worker_stt import worker
from hushd_worker_stt.engine import RATE, Engine, EngineInfo, ModelInfo, Options, Segment

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples


class SleepingCard(Engine):
    """The engine."""

    INFO: ClassVar[EngineInfo] = EngineInfo(
        "sleeping", "", "one", (ModelInfo("one", ("en",), 100),), streaming=False, word_times=False
    )
    compute_device = "cuda"
    batch = 16
    pace = 1000.0

    @classmethod
    def installed(cls, model: str) -> bool:
        return True

    def load(self, model: str, report: Callable[[str], None]) -> None:
        pass

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        return self.transcribe_batch([samples], [options])[0]

    def transcribe_batch(self, pieces: Sequence[Samples], options: Sequence[Options]) -> list[list[Segment]]:
        time.sleep(sum(map(len, pieces)) / RATE / self.pace)
        return [[Segment(0.0, len(each) / RATE, hashlib.sha256(each.tobytes()).hexdigest())] for each in pieces]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pace", type=float, default=SleepingCard.pace)
    SleepingCard.pace = parser.parse_known_args()[0].pace
    worker.REGISTRY = SimpleNamespace(find=lambda name: SleepingCard)  # type: ignore[assignment]
    serve(worker.SpeechToText("sleeping", "one"))


if __name__ == "__main__":
    main()
