"""Cases of a speech-to-text engine: any sound, word times, batches and options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from hushd_protocol.errors import HushdError
from hushd_worker_stt.engine import RATE, Samples

from hushd_conformance.case import Case, LeftOut
from hushd_conformance.trial import ill_said

from .trial import Trial, wrong

_OPTIONS: dict[str, object] = {
    "prompt": "Estragon and " * 150, "hotwords": "Beckett, Worstward", "beam": 2, "temperature": 0.4,
}  # fmt: skip


def cases() -> Iterator[Case[Trial]]:
    for name in SOUNDS:
        claim = f"Segments of the sound {name} are inside it, in order, or it is refused in a sentence."
        yield Case(f"sound.{name}", claim, partial(_heard, name))
    yield Case("sound.unchanged", "The engine does not change its input samples.", _unchanged)
    yield Case("words.times", "Words come only on request, inside their segment, in order.", _words)
    yield Case("batch.same", "Pieces that are read together have the same text as alone.", _batch)
    for name in _OPTIONS:
        claim = f"The option {name} is used or ignored, without a failure."
        yield Case(f"option.{name}", claim, partial(_option, name))


def sound(name: str, speech: Samples) -> Samples:
    """Returns a sound: float32, mono, 16 kHz."""
    import numpy as np

    return SOUNDS[name](np, speech).astype(np.float32)


SOUNDS: dict[str, Callable[..., Samples]] = {
    "silence": lambda np, speech: np.zeros(RATE),
    "nothing": lambda np, speech: np.zeros(0),
    "one-sample": lambda np, speech: np.zeros(1),
    "short": lambda np, speech: np.zeros(RATE // 10),
    "full-scale": lambda np, speech: np.ones(RATE),
    "huge": lambda np, speech: np.full(RATE, 1e30),
    "nan": lambda np, speech: np.full(RATE, np.nan),
    "infinite": lambda np, speech: np.full(RATE, np.inf),
    "noise": lambda np, speech: np.random.default_rng(1).normal(0, 0.1, RATE),
    "tone": lambda np, speech: 0.3 * np.sin(np.arange(RATE) / RATE * 2 * np.pi * 310),
    "speech": lambda np, speech: speech,
    "some-nan": lambda np, speech: np.where(np.arange(len(speech)) % 5000 == 2500, np.nan, speech),
    "longest": lambda np, speech: np.resize(speech, 60 * RATE),
}


def _heard(name: str, trial: Trial) -> Iterator[str]:
    samples = sound(name, trial.speech)[: int(trial.engine.PIECE.longest * RATE)]
    try:
        yield from wrong(trial.hear(samples), len(samples) / RATE)
    except HushdError as error:
        yield from ill_said("the piece", error)


def _unchanged(trial: Trial) -> Iterator[str]:
    samples = trial.speech.copy()
    trial.hear(samples)
    if (samples != trial.speech).any():
        yield "they have changed"
    samples.flags.writeable = False
    trial.hear(samples)


def _words(trial: Trial) -> Iterator[str]:
    if any(segment.words for segment in trial.hear(trial.speech)):
        yield "it yields words without a request"
    if not trial.abilities.word_times:
        raise LeftOut("it has no word times")
    yield from wrong(trial.hear(trial.speech, word_times=True), len(trial.speech) / RATE)


def _batch(trial: Trial) -> Iterator[str]:
    pieces = [trial.speech, trial.speech[: len(trial.speech) // 2]]
    answers = trial.engine.transcribe_batch(pieces, [trial.options()] * 2)
    if len(answers) != 2:
        yield f"transcribe_batch has {len(answers)} answers for 2 pieces"
    for answer, piece in zip(answers, pieces, strict=False):
        yield from wrong(answer, len(piece) / RATE)
        together, alone = ([segment.text for segment in segments] for segments in (answer, trial.hear(piece)))
        if together != alone:
            yield f"together they are {together!r:.300}, but alone {alone!r:.300}"


def _option(name: str, trial: Trial) -> Iterator[str]:
    yield from wrong(trial.hear(trial.speech, **{name: _OPTIONS[name]}), len(trial.speech) / RATE)
