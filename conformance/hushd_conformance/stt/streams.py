"""Cases of an engine's streams, if its model has any: any feeds, any end, one stream after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_worker_stt.engine import RATE, EngineStream, Hypothesis, Segment

from hushd_conformance.case import Case, LeftOut
from hushd_conformance.trial import faults_in_cancel, ill_said
from hushd_conformance.working import private_bytes

from .sounds import SOUNDS
from .trial import Trial, wrong

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

_SOUNDS = ("silence", "white", "loud", "tone", "nan", "infinite", "huge", "denormal", "some-nan", "read-only")
_STREAMS = 12
_GROWTH = 24_000_000  # bytes by which some streams may make a process grow, since allocators round


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of streams."""
    yield Case("stream.speech", "A stream of speech has segments inside it, in order.", _speech)
    yield Case("stream.same", "The same feeds have the same words, and the same texts in between.", _same)
    yield Case("stream.feeds", "Words do not depend on the lengths of feeds.", _feeds)
    yield Case("stream.committed", "Committed text of a stream is not changed by a later feed.", _committed)
    yield Case("stream.nothing", "A stream that ends without a feed has no text.", _nothing)
    yield Case("stream.tiny", "Feeds without samples, with one and with few are accepted.", _tiny)
    for name in _SOUNDS:
        what, _ = SOUNDS[name]
        claim = f"{what} as a stream has segments inside it, in order, or is refused in a sentence."
        yield Case(f"stream.{name}", claim, partial(_sound, name))
    yield Case("stream.longest", "A stream of the engine's longest piece is heard.", _longest)
    yield Case("stream.words", "Words of a stream are inside its segments, and only come if requested.", _words)
    yield Case("stream.unchanged", "A stream does not change its input samples.", _unchanged)
    yield Case("stream.after-finish", "A feed after the end is refused, and so is a second end.", _after_finish)
    yield Case("stream.after-cancel", "A feed to a cancelled stream is refused.", _after_cancel)
    yield Case(
        "stream.cancel",
        "A stream can be cancelled at any time, even twice, before another.",
        _cancel,
    )
    yield Case("stream.client-gone", "No call of a stream catches an exception of its engine's check.", _client_gone)
    yield Case("stream.threads", "A stream can be fed by several threads, one at a time.", _threads)
    yield Case("stream.then-piece", "A piece after a stream has the same text as before.", _then_piece)
    yield Case("stream.memory", f"{_STREAMS} streams leave the process as large as a few.", _memory)


@contextmanager
def _opened(trial: Trial, **options: object) -> Iterator[EngineStream]:
    """Yields a stream, which is cancelled at the end in any case."""
    if not trial.engine.feed_s:
        raise LeftOut("its model has no streams")
    stream = trial.engine.begin(trial.options(**options))
    try:
        yield stream
    finally:
        stream.cancel()


def _cut(samples: Samples, size: int) -> list[Samples]:
    return [samples[start : start + size] for start in range(0, len(samples), size)]


def _usual(trial: Trial, samples: Samples) -> list[Samples]:
    """Returns `samples` in feeds of the engine's preferred length."""
    return _cut(samples, max(1, round(trial.engine.feed_s * RATE)))


def _heard(trial: Trial, feeds: Sequence[Samples], **options: object) -> tuple[list[Hypothesis], list[Segment]]:
    """Returns a stream's text after each feed, and its segments."""
    with _opened(trial, **options) as stream:
        return [stream.feed(samples) for samples in feeds], stream.finish()


def _text(segments: Sequence[Segment]) -> str:
    return " ".join(segment.text for segment in segments)


def _speech(trial: Trial) -> Iterator[str]:
    _, segments = _heard(trial, _usual(trial, trial.speech))
    yield from wrong(segments, len(trial.speech) / RATE)
    if not _text(segments).strip() and _text(trial.hear(trial.speech)).strip():
        yield "it has no text, but the same sound as a piece has one"


def _same(trial: Trial) -> Iterator[str]:
    first, second = (_heard(trial, _usual(trial, trial.speech)) for _ in range(2))
    if first != second:
        yield f"they differ: {_text(first[1])!r:.200} and {_text(second[1])!r:.200}"


def _feeds(trial: Trial) -> Iterator[str]:
    usual = max(1, round(trial.engine.feed_s * RATE))
    with _opened(trial):
        pass
    if not trial.engine.any_feeds:
        raise LeftOut("by its description its words depend on the feeds")
    _, segments = _heard(trial, _cut(trial.speech, usual))
    for size in (RATE // 10, usual // 3 + 1, 2 * usual, len(trial.speech)):
        _, others = _heard(trial, _cut(trial.speech, size))
        if _text(others) != _text(segments):
            feeds = f"{size / RATE:g} and {usual / RATE:g} s"
            yield f"feeds of {feeds} have {_text(others)!r:.200} and {_text(segments)!r:.200}"


def _committed(trial: Trial) -> Iterator[str]:
    hypotheses, _ = _heard(trial, _usual(trial, trial.speech))
    committed = ""
    for hypothesis in hypotheses:
        if not hypothesis.committed.startswith(committed):
            yield f"{committed!r:.200} becomes {hypothesis.committed!r:.200}"
        committed = hypothesis.committed


def _nothing(trial: Trial) -> Iterator[str]:
    if text := _text(_heard(trial, [])[1]):
        yield f"it has {text!r:.200}"


def _tiny(trial: Trial) -> Iterator[str]:
    speech = trial.speech
    feeds = [speech[:0], speech[:1], speech[1:100], speech[100:100], *_cut(speech[100:], RATE)]
    yield from wrong(_heard(trial, feeds)[1], len(speech) / RATE)


def _sound(name: str, trial: Trial) -> Iterator[str]:
    samples = SOUNDS[name][1](trial)
    try:
        yield from wrong(_heard(trial, _usual(trial, samples))[1], len(samples) / RATE)
    except HushdError as error:
        yield from ill_said("the stream", error)


def _longest(trial: Trial) -> Iterator[str]:
    import numpy as np

    samples = np.resize(trial.speech, int(min(60.0, trial.engine.PIECE.longest) * RATE))
    yield from wrong(_heard(trial, _usual(trial, samples))[1], len(samples) / RATE)


def _words(trial: Trial) -> Iterator[str]:
    _, segments = _heard(trial, _usual(trial, trial.speech))
    if any(segment.words for segment in segments):
        yield "it yields words without a request"
    _, segments = _heard(trial, _usual(trial, trial.speech), word_times=True)
    yield from wrong(segments, len(trial.speech) / RATE)
    if trial.abilities.word_times and _text(segments).strip() and not any(segment.words for segment in segments):
        yield "it yields no words on request, although its model can time them"


def _unchanged(trial: Trial) -> Iterator[str]:
    samples = trial.speech.copy()
    _heard(trial, _usual(trial, samples))
    if (samples != trial.speech).any():
        yield "they have changed"


def _refused(stream: EngineStream, trial: Trial, when: str) -> Iterator[str]:
    for what, call in (("feed", lambda: stream.feed(trial.speech[:RATE])), ("end", stream.finish)):
        try:
            call()
        except Exception:
            continue
        yield f"the {what} {when} is accepted"


def _after_finish(trial: Trial) -> Iterator[str]:
    with _opened(trial) as stream:
        stream.feed(trial.speech)
        stream.finish()
        yield from _refused(stream, trial, "after its end")


def _after_cancel(trial: Trial) -> Iterator[str]:
    with _opened(trial) as stream:
        stream.feed(trial.speech[:RATE])
        stream.cancel()
        yield from _refused(stream, trial, "after its cancel")


def _cancel(trial: Trial) -> Iterator[str]:
    feeds = _usual(trial, trial.speech)
    before = _heard(trial, feeds)
    for count in (0, 1, len(feeds)):
        with _opened(trial) as stream:
            for samples in feeds[:count]:
                stream.feed(samples)
            stream.cancel()
            stream.cancel()
        if _heard(trial, feeds) != before:
            yield f"a stream after one that was cancelled after {count} feeds has a different text"


def _client_gone(trial: Trial) -> Iterator[str]:
    feeds = _usual(trial, trial.speech)
    before = _heard(trial, feeds)
    with _opened(trial) as stream:
        yield from faults_in_cancel(trial.engine, lambda: stream.feed(trial.speech), "the feed")
    with _opened(trial) as stream:
        stream.feed(trial.speech)
        yield from faults_in_cancel(trial.engine, stream.finish, "the end")
    if _heard(trial, feeds) != before:
        yield "the next stream has a different text"


def _threads(trial: Trial) -> Iterator[str]:
    feeds = _usual(trial, trial.speech)
    _, segments = _heard(trial, feeds)
    with ThreadPoolExecutor(1) as even, ThreadPoolExecutor(1) as odd, _opened(trial) as stream:
        for number, samples in enumerate(feeds):
            (even, odd)[number % 2].submit(stream.feed, samples).result()
        again = odd.submit(stream.finish).result()
    if again != segments:
        yield f"it has {_text(again)!r:.200}, but on one thread {_text(segments)!r:.200}"


def _then_piece(trial: Trial) -> Iterator[str]:
    before = trial.hear(trial.speech)
    _heard(trial, _usual(trial, trial.speech))
    if (after := trial.hear(trial.speech)) != before:
        yield f"it has {_text(after)!r:.200}, but before {_text(before)!r:.200}"


def _memory(trial: Trial) -> Iterator[str]:
    feeds = _usual(trial, trial.speech)
    for _ in range(4):
        _heard(trial, feeds)
    before = private_bytes()
    for number in range(_STREAMS - 4):
        with _opened(trial) as stream:
            for samples in feeds:
                stream.feed(samples)
            if number % 2:
                stream.finish()
    if (grown := private_bytes() - before) > _GROWTH:
        yield f"{_STREAMS - 4} more streams made it grow by {grown / 1e6:.0f} MB"
