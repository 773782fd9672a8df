"""Cases of the engine alone with a piece of any sound: segments are inside it, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_worker_stt.engine import RATE

from hushd_conformance.case import Case, LeftOut
from hushd_conformance.trial import ill_said

from .trial import Trial, wrong

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

Make = Callable[[Trial], "Samples"]


def cases() -> Iterator[Case[Trial]]:
    """Yields a case for each kind of sound."""
    for name, (what, make) in SOUNDS.items():
        yield Case(
            f"sound.{name}", f"{what} yields segments inside it, in order, or a sentence.", partial(_heard, make)
        )
    yield Case("sound.economy", "Speech is heard even if memory is short.", _economy)
    yield Case("sound.unchanged", "The engine does not change its input samples.", _unchanged)
    yield Case("sound.longest", "The longest piece that the engine accepts is heard.", _longest)


def _heard(make: Make, trial: Trial) -> Iterator[str]:
    samples = make(trial)
    try:
        yield from wrong(trial.hear(samples), len(samples) / RATE)
    except HushdError as error:
        yield from ill_said("the piece", error)


def _economy(trial: Trial) -> Iterator[str]:
    trial.engine.economy = True
    try:
        yield from wrong(trial.hear(trial.speech), len(trial.speech) / RATE)
    finally:
        trial.engine.economy = False


def _unchanged(trial: Trial) -> Iterator[str]:
    samples = trial.speech.copy()
    trial.hear(samples)
    if (samples != trial.speech).any():
        yield "they have changed"


def _longest(trial: Trial) -> Iterator[str]:
    import numpy as np

    longest = trial.engine.PIECE.longest
    if longest > 600:
        raise LeftOut(f"its longest piece has {longest:g} s")
    samples = np.resize(trial.speech, int(longest * RATE))
    yield from wrong(trial.hear(samples), longest)


# --- sounds: float32, mono, 16 kHz ---------------------------------------------------------------------------------


def _constant(value: float, seconds: float) -> Make:
    def make(trial: Trial) -> Samples:
        import numpy as np

        return np.full(round(seconds * RATE), value, np.float32)

    return make


def _noise(loudness: float) -> Make:
    def make(trial: Trial) -> Samples:
        import numpy as np

        return np.random.default_rng(1).normal(0, loudness, RATE).astype(np.float32)

    return make


def _brown(trial: Trial) -> Samples:
    import numpy as np

    steps = np.cumsum(np.random.default_rng(2).normal(0, 1, 2 * RATE))
    rumble: Samples = (0.5 * steps / np.abs(steps).max()).astype(np.float32)
    return rumble


def _tone(trial: Trial) -> Samples:
    import numpy as np

    return (0.3 * np.sin(np.arange(RATE) / RATE * 2 * np.pi * 310)).astype(np.float32)


def _sweep(trial: Trial) -> Samples:
    import numpy as np

    time = np.arange(2 * RATE) / RATE
    return (0.3 * np.sin(2 * np.pi * (50 + 1950 * time) * time)).astype(np.float32)


def _clicks(trial: Trial) -> Samples:
    import numpy as np

    samples = np.zeros(2 * RATE, np.float32)
    samples[:: RATE // 10] = 1.0
    return samples


def _speech(change: Callable[[Samples], Samples]) -> Make:
    return lambda trial: change(trial.speech)


def _with(value: float, every: int) -> Callable[[Samples], Samples]:
    def change(samples: Samples) -> Samples:
        samples = samples.copy()
        samples[every // 2 :: every] = value
        return samples

    return change


def _read_only(samples: Samples) -> Samples:
    samples = samples.copy()
    samples.flags.writeable = False
    return samples


def _strided(samples: Samples) -> Samples:
    import numpy as np

    gaps: Samples = np.repeat(samples, 2)[::2]
    return gaps


SOUNDS: dict[str, tuple[str, Make]] = {
    "silence": ("A second of silence", _constant(0.0, 1.0)),
    "nothing": ("No sample at all", _constant(0.0, 0.0)),
    "one-sample": ("One sample", _constant(0.0, 1 / RATE)),
    "short": ("A tenth of a second", _constant(0.0, 0.1)),
    "odd-length": ("A length that is a prime number of samples", _constant(0.0, 16_411 / RATE)),
    "offset": ("A constant offset", _constant(0.5, 1.0)),
    "full-scale": ("Full scale", _constant(1.0, 1.0)),
    "denormal": ("Denormal numbers", _constant(1e-40, 1.0)),
    "huge": ("Samples far beyond full scale", _constant(1e30, 1.0)),
    "nan": ("A second of NaN", _constant(float("nan"), 1.0)),
    "infinite": ("A second of infinity", _constant(float("inf"), 1.0)),
    "white": ("White noise", _noise(0.1)),
    "loud": ("Clipped noise", _noise(10.0)),
    "faint": ("Inaudible noise", _noise(1e-6)),
    "brown": ("A rumble", _brown),
    "tone": ("A tone", _tone),
    "sweep": ("A sweep", _sweep),
    "clicks": ("Clicks", _clicks),
    "speech": ("Speech", _speech(lambda samples: samples)),
    "backwards": ("Speech backwards", _speech(lambda samples: samples[::-1].copy())),
    "clipped": ("Clipped speech", _speech(lambda samples: (samples * 100).clip(-1, 1))),
    "some-nan": ("Speech with a few NaN samples", _speech(_with(float("nan"), 5_000))),
    "some-infinite": ("Speech with a few infinite samples", _speech(_with(float("inf"), 5_000))),
    "read-only": ("Speech in memory that cannot be written", _speech(_read_only)),
    "strided": ("Speech in an array with gaps", _speech(_strided)),
}
