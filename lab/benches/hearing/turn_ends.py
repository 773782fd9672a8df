"""Turns cut off by pauses within sentences, where silence alone would be waited for as long at a turn's end.

A moment is a speaker who falls quiet, in the middle of a sentence or at the end of the turn (`turn_material`). A policy
makes of it the quiet that it waits for, given `silence_s`. Then

- the *mean delay* is the mean of that wait over the ends of turns: what a person waits for who has finished;
- a *false cut-off* is a pause within a sentence that lasts longer than the wait. How long a speaker pauses is not known
  of sound that was cut, so each moment counts with every length from `SHORTEST_S` to `LONGEST_S`, all ratios of lengths
  being as likely: the rate is the mean over moments and lengths;
- the *rate at a delay* is that with the longest `silence_s` whose mean delay is no longer: each policy at its best
  setting. Silence alone waits for `silence_s` always, so that its rate at a delay follows from the lengths alone.

Delays are counted in sound, from the last frame that the voice detector takes for speech; it is the same detector with
and without a policy. Texts are those of the engine moonshine, and so of English only: of other languages' clips the
policy is given no text, and only the model hears them. Texts and the model's probabilities are kept under build/: the
first run takes ten minutes of two busy cores, and the next ones less than one.
"""

from __future__ import annotations

import hashlib
import json
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from hushd_worker_stt.audio.level import normalise, trim
from hushd_worker_stt.engine import Options
from hushd_worker_stt.engines.moonshine import Moonshine
from hushd_worker_stt.turns import smart_turn
from hushd_worker_stt.turns.detector import SoundDetector, TextDetector, TurnDetector, wait_s

from ..stage import Row
from . import turn_odds
from .live import RATE, Samples
from .turn_material import CHOSEN, GROUPS, REPORTED, Moment, moments

SHORTEST_S, LONGEST_S = 0.2, 2.0  # of pauses within sentences
DELAYS_S = (0.3, 0.4, 0.6, 0.8, 1.0, 1.5)
GOAL_S = 0.4
LENGTHS = np.geomspace(SHORTEST_S, LONGEST_S, 181)
_HEARD_S = 12.0  # of a turn, as the engine is given them: a session cuts what is longer

_FILE = Path(__file__).parents[3] / "build" / "turn-ends.json"
_WRITE_S = 10.0
_TIMED = 20  # moments, for the processor time of a decision

T = TypeVar("T")
Probabilities = Sequence[float | None]
Wait = Callable[[float | None, float], float]


def turn_ends(options: Namespace) -> Iterator[Row]:
    """False cut-offs at the same mean delay as silence alone, by text and with smart-turn; --audio DIR adds people."""
    chosen = [moment for moment in moments(options.audio) if moment.half in (CHOSEN, REPORTED)]
    memo = _Memo(_FILE)
    texts = _texts(chosen, memo)
    by_text = _judge(TextDetector(), chosen, texts)
    yield from _rows("text", chosen, by_text, wait_s)
    yield from _cost("text", TextDetector(), chosen, texts)
    if (path := smart_turn.weights()) is None:
        yield Row("turn-ends: text and smart-turn", None, "", note=f"not measured: {smart_turn.INSTALL}")
        return
    model = smart_turn.SmartTurn(path)
    sounds = [memo.value(path.stem, moment.samples, model.probability) for moment in chosen]
    memo.write()
    both = SoundDetector(_Known(chosen, sounds))
    yield from _rows("text and smart-turn", chosen, _judge(both, chosen, texts), wait_s)
    yield from _cost("text and smart-turn", SoundDetector(model), chosen, texts)
    yield from _odds(chosen, by_text, sounds)


def _judge(detector: TurnDetector, chosen: Sequence[Moment], texts: Sequence[str]) -> Probabilities:
    return [
        detector.probability(moment.samples, text, moment.language if text else "")
        for moment, text in zip(chosen, texts, strict=True)
    ]


def _cost(name: str, detector: TurnDetector, chosen: Sequence[Moment], texts: Sequence[str]) -> Iterator[Row]:
    began = time.process_time()
    _judge(detector, chosen[:_TIMED], texts[:_TIMED])
    cost = 1000 * (time.process_time() - began) / _TIMED
    yield Row(f"turn-ends: {name}, CPU a pause", cost, "ms", note="the transcription of the pause is not in it")


def _odds(chosen: Sequence[Moment], by_text: Probabilities, sounds: Sequence[float]) -> Iterator[Row]:
    """The wait as a function of both scores, which is not built in."""
    half = [place for place, moment in enumerate(chosen) if moment.half == CHOSEN]
    weights = turn_odds.fit(
        [by_text[place] for place in half], [sounds[place] for place in half], [chosen[place].over for place in half]
    )
    going_on = [float(odds) for odds in turn_odds.odds(weights, by_text, sounds)]
    for name, least_s in (("odds of both", None), (f"odds of both, from {turn_odds.LEAST_S:g} s", turn_odds.LEAST_S)):
        yield from _rows(name, chosen, going_on, partial(turn_odds.wait_s, least_s=least_s))


def _rows(name: str, chosen: Sequence[Moment], judged: Probabilities, wait: Wait) -> Iterator[Row]:
    for group in ("all", *GROUPS):
        picked = [
            (moment.over, probability)
            for moment, probability in zip(chosen, judged, strict=True)
            if moment.half == REPORTED and group in ("all", moment.group)
        ]
        ends = [probability for over, probability in picked if over]
        inner = [probability for over, probability in picked if not over]
        if not ends or not inner:
            continue
        for delay_s in DELAYS_S if group == "all" else (GOAL_S,):
            rate, alone = cut_offs(ends, inner, delay_s, wait), cut_offs([None], [None], delay_s, wait_s)
            goal = delay_s == GOAL_S and group == "all"
            yield Row(
                f"turn-ends: {name}, {group}, at {delay_s:g} s", rate, "", f"<= {alone / 2:.2f}" if goal else "", alone,
                rate <= alone / 2 if goal else None, f"floor: silence alone; {len(ends)} ends, {len(inner)} pauses",
            )  # fmt: skip


def cut_offs(ends: Probabilities, inner: Probabilities, delay_s: float, wait: Wait) -> float:
    """The rate of false cut-offs at a mean delay.

    Args:
        ends: a policy's probability of each end of a turn; None: it cannot tell, and silence decides.
        inner: the same of each pause within a sentence.
        wait: the quiet waited for, by one of these and `silence_s`.
    """
    silence_s = _longest(lambda silence_s: float(_waits(ends, silence_s, wait).mean()) <= delay_s)
    return float((LENGTHS[None] > _waits(inner, silence_s, wait)[:, None]).mean())


def _longest(fits: Callable[[float], bool]) -> float:
    """The longest `silence_s` that fits, to a millisecond."""
    low, high = 0.001, 2 * LONGEST_S
    while high - low > 0.001:
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _waits(probabilities: Probabilities, silence_s: float, wait: Wait) -> npt.NDArray[np.float64]:
    return np.array([wait(probability, silence_s) for probability in probabilities])


class _Memo:
    """Answers of models to samples, by their content, in a file: a run that was ended goes on where it was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self._written = time.monotonic()

    def value(self, model: str, samples: Samples, compute: Callable[[Samples], T]) -> T:
        name = f"{model} {hashlib.sha256(samples.tobytes()).hexdigest()}"
        if name not in self._values:
            self._values[name] = compute(samples)
            if time.monotonic() - self._written > _WRITE_S:
                self.write()
        value: T = self._values[name]
        return value

    def write(self) -> None:
        self._path.parent.mkdir(exist_ok=True)
        partly = self._path.with_suffix(".part")
        partly.write_text(json.dumps(self._values))
        partly.replace(self._path)
        self._written = time.monotonic()


class _Known:
    """A model that was asked about all moments before."""

    def __init__(self, chosen: Sequence[Moment], sounds: Sequence[float]) -> None:
        self._sounds = {id(moment.samples): sound for moment, sound in zip(chosen, sounds, strict=True)}

    def probability(self, samples: Samples) -> float:
        return self._sounds[id(samples)]


def _texts(chosen: Sequence[Moment], memo: _Memo) -> list[str]:
    """The engine's text of each moment; empty for a language that it does not know."""
    engine = Moonshine()
    engine.load(model := engine.INFO.default_model, lambda note: None)
    texts = [
        memo.value(model, moment.samples, partial(_text, engine)) if moment.language == "en" else ""
        for moment in chosen
    ]
    memo.write()
    return texts


def _text(engine: Moonshine, samples: Samples) -> str:
    _, heard = trim(normalise(samples[-int(_HEARD_S * RATE) :], engine.LEVEL), RATE // 5)
    return " ".join(segment.text for segment in engine.transcribe(heard, Options()))
