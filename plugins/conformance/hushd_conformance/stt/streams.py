"""Cases of an engine's streams, if its model has any: any feeds, any end, one stream after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hushd_worker_stt.engine import RATE, EngineStream, Hypothesis, Samples, Segment

from hushd_conformance.case import Case, LeftOut

from .trial import Trial, wrong


def cases() -> Iterator[Case[Trial]]:
    yield Case("stream.same", "Segments are inside the sound, and the same feeds have the same words.", _same)
    yield Case("stream.feeds", "Words do not depend on the lengths of feeds, if the engine promises that.", _feeds)
    yield Case("stream.committed", "Committed text of a stream is not changed by a later feed.", _committed)
    yield Case("stream.nothing", "A stream that ends without a feed has no text.", _nothing)
    yield Case("stream.over", "A feed or an end after the end is refused.", _over)
    yield Case("stream.cancel", "A stream can be cancelled at any time, even twice, before another.", _cancel)


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


def _usual(trial: Trial, times: float = 1.0) -> list[Samples]:
    """Returns speech in feeds of the engine's preferred length, or of `times` that."""
    size = max(1, round(trial.engine.feed_s * times * RATE))
    return [trial.speech[start : start + size] for start in range(0, len(trial.speech), size)]


def _heard(trial: Trial, feeds: Sequence[Samples], **options: object) -> tuple[list[Hypothesis], list[Segment]]:
    """Returns a stream's text after each feed, and its segments."""
    with _opened(trial, **options) as stream:
        return [stream.feed(samples) for samples in feeds], stream.finish()


def _text(segments: Sequence[Segment]) -> str:
    return " ".join(segment.text for segment in segments)


def _same(trial: Trial) -> Iterator[str]:
    first, second = (_heard(trial, _usual(trial)) for _ in range(2))
    yield from wrong(first[1], len(trial.speech) / RATE)
    if first != second:
        yield f"they differ: {_text(first[1])!r:.200} and {_text(second[1])!r:.200}"


def _feeds(trial: Trial) -> Iterator[str]:
    _, segments = _heard(trial, _usual(trial))
    if not trial.engine.any_feeds:
        raise LeftOut("by its description its words depend on the feeds")
    for times in (0.3, 2.0, 100.0):
        _, others = _heard(trial, _usual(trial, times))
        if _text(others) != _text(segments):
            yield f"feeds {times:g} times as long have {_text(others)!r:.200}, not {_text(segments)!r:.200}"


def _committed(trial: Trial) -> Iterator[str]:
    committed = ""
    for hypothesis in _heard(trial, _usual(trial))[0]:
        if not hypothesis.committed.startswith(committed):
            yield f"{committed!r:.200} becomes {hypothesis.committed!r:.200}"
        committed = hypothesis.committed


def _nothing(trial: Trial) -> Iterator[str]:
    if text := _text(_heard(trial, [])[1]):
        yield f"it has {text!r:.200}"


def _over(trial: Trial) -> Iterator[str]:
    for end in ("finish", "cancel"):
        with _opened(trial) as stream:
            stream.feed(trial.speech)
            getattr(stream, end)()
            for what, call in (("feed", lambda: stream.feed(trial.speech)), ("end", stream.finish)):
                try:
                    call()
                except Exception:
                    continue
                yield f"a {what} after its {end} is accepted"


def _cancel(trial: Trial) -> Iterator[str]:
    feeds = _usual(trial)
    before = _heard(trial, feeds)
    for count in (0, 1, len(feeds)):
        with _opened(trial) as stream:
            for samples in feeds[:count]:
                stream.feed(samples)
            stream.cancel()
        if _heard(trial, feeds) != before:
            yield f"a stream after one that was cancelled after {count} feeds has a different text"
