"""Cases of requests to a wake-word engine: words, rates, thresholds, and several sessions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from hushd_worker_wake.engine import RATE

from hushd_conformance.case import Case, LeftOut
from hushd_conformance.trial import Answer
from hushd_conformance.working import private_bytes

from .trial import Trial, noise, wrong

_RATES = (4_000, 8_000, 22_050, 44_100, 48_000, 384_000)
_WRONG: dict[str, tuple[object, ...]] = {
    "rate": (0, -1, 3_999, 384_001, 16_000.5, math.nan, math.inf, "16000", [16_000], True),
    "channels": (0, -1, 17, math.nan, "two", [1]),
    "threshold": (0, 0.009, 1, -1, math.nan, math.inf, "much", [0.5], True),
    "words": ((), "alexa", [""], [" "], ["a" * 81], ["a"] * 21, [7], [None], {"a": 1}, 3),
}
_ODD_WORDS = (
    "no such word", "\0", "\x1b[31m", "a\nb", "../../etc/passwd", "/", ":", "#", "@", "\ud800",
    "\N{CJK UNIFIED IDEOGRAPH-4E2D}", "\N{PILE OF POO}", "a" * 80, "--help", "%s%n", "\N{RIGHT-TO-LEFT OVERRIDE}abc",
)  # fmt: skip
_MANY = 16  # sessions
_GROWTH = 4_000_000  # bytes by which five rounds of them may make a process grow, since allocators round


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of requests."""
    yield Case("word.heard", "The recording's word is heard, at a time inside the recording.", _heard)
    yield Case("word.pieces", "The same words are heard in pieces of any length.", _pieces)
    yield Case("word.each", "Each of the first words can be requested, by its name and by its phrase.", _each)
    yield Case("word.together", "A request can have the maximum number of words.", _together)
    yield Case("word.odd", "A word of unusual characters is accepted, or refused in a sentence.", _odd)
    for name, values in _WRONG.items():
        claim = f"Invalid {name} are refused in a sentence."
        yield Case(f"{name}.wrong", claim, partial(_wrong, name, values))
    for level in (0.01, 0.999):
        yield Case(f"threshold.{level}", f"A threshold of {level} is accepted.", partial(_threshold, level))
    for rate in _RATES:
        yield Case(f"rate.{rate}", f"Samples of {rate} Hz are heard.", partial(_rate, rate))
    yield Case("rate.channels", "Samples of two channels and of sixteen are heard.", _channels)
    yield Case("session.two", "Two sessions at once hear the same as alone.", _two)
    yield Case("session.memory", f"{_MANY} ended sessions leave the process as large as it was.", _memory)


def _heard(trial: Trial) -> Iterator[str]:
    answer = trial.hear(trial.spoken)
    yield from wrong(answer, "the recording")
    if not answer.partials:
        yield "nothing is heard"


def _pieces(trial: Trial) -> Iterator[str]:
    whole = _words(trial.hear(trial.speech))
    for piece in (len(trial.speech), 8_191, 333):
        answer = trial.hear(trial.speech, piece)
        yield from wrong(answer, f"the sound in pieces of {piece} bytes")
        if _words(answer) != whole:
            yield f"in pieces of {piece} bytes they are {_words(answer)!r:.200}, otherwise {whole!r:.200}"


def _words(answer: Answer) -> list[str]:
    return [word["name"] for word in answer.partials]


def _each(trial: Trial) -> Iterator[str]:
    if not trial.info.words:
        raise LeftOut("it has no words of its own")
    for word in trial.info.words[:8]:
        for words in (word.name, word.phrase):
            yield from wrong(trial.hear(bytes(RATE), words=[words]), f"the word {words!r:.80}")


def _together(trial: Trial) -> Iterator[str]:
    known = trial.phrases or [word.phrase for word in trial.info.words]
    yield from wrong(trial.hear(noise(2, 0.1), words=[*known, *known * 20][:20]), "the request")


def _odd(trial: Trial) -> Iterator[str]:
    for word in _ODD_WORDS:
        answer = trial.hear(bytes(RATE), words=[word])
        yield from answer.faults(f"the word {word!r:.40}", may_refuse=True)
        if answer.error and answer.error.code != "bad_request":
            yield f"the word {word!r:.40} has the code {answer.error.code}, not bad_request"


def _wrong(name: str, values: Sequence[Any], trial: Trial) -> Iterator[str]:
    for value in values:
        answer = trial.hear(bytes(RATE), **{name: value})
        yield from answer.faults(f"{name} = {value!r:.40}", may_refuse=True)
        if answer.error is None and not answer.raised:
            yield f"{name} = {value!r:.40} is accepted"


def _threshold(level: float, trial: Trial) -> Iterator[str]:
    yield from wrong(trial.hear(trial.speech, threshold=level), "the sound")


def _rate(rate: int, trial: Trial) -> Iterator[str]:
    yield from _lasts(trial.hear(bytes(2 * 2 * rate), rate, rate=rate))


def _channels(trial: Trial) -> Iterator[str]:
    for channels in (2, 16):
        yield from _lasts(trial.hear(bytes(2 * 2 * RATE * channels), channels=channels))


def _lasts(answer: Answer) -> Iterator[str]:
    """Yields the faults of the answer to two seconds of silence; samples held back by resampling may be missing."""
    yield from wrong(answer, "the sound")
    if answer.partials or not 1.8 <= answer.result.get("duration", 0.0) <= 2.01:
        yield f"the result of two seconds of silence is {answer.result!r:.100}"


def _two(trial: Trial) -> Iterator[str]:
    sounds: tuple[Callable[[], Answer], ...] = (
        lambda: trial.hear(trial.speech), lambda: trial.hear(noise(10, 0.1)), lambda: trial.hear(trial.speech * 3),
    )  # fmt: skip
    alone = [trial.gist(hear()) for hear in sounds]
    with ThreadPoolExecutor(len(sounds)) as threads:
        together = [trial.gist(answer) for answer in threads.map(lambda hear: hear(), sounds)]
    if together != alone:
        yield f"together they hear {together!r:.300}, but alone {alone!r:.300}"


def _memory(trial: Trial) -> Iterator[str]:
    words = list(trial.phrases)

    def sessions() -> None:
        listeners = [trial.engine.listener(words, None) for _ in range(_MANY)]
        for listener in listeners:
            list(listener.hear(bytes(2 * RATE)))
        for listener in listeners:
            listener.close()
            listener.close()  # a second close is safe

    sessions()
    before = private_bytes()
    for _ in range(5):
        sessions()
    if (grown := private_bytes() - before) > _GROWTH:
        yield f"{5 * _MANY} more sessions made it grow by {grown / 1e6:.0f} MB"
