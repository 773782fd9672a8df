"""Judges the utterances of a live session by `plausibility`, on a thread beside it.

It reads only while nobody has spoken for half a second, so that no words on the screen wait for it, and begins before
the silence is long enough to end the utterance. A text waits for its verdict no longer than the reading of 2 s of sound
takes. What is not known by then is sent unjudged, and its verdict follows, as that of the first text always does: by
which another model is asked, also on a machine so busy that the verdict is there before the text is sent. The session's
result waits for the last verdict.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from hushd_worker_stt.engine import RATE, Rating, Samples, Segment
from hushd_worker_stt.partials import Judged
from hushd_worker_stt.plausibility import Plausibility, UnlikelyText

_HELD_TEXT_S = 2.0  # seconds of sound for whose reading a text may wait
_PACE = 0.05  # seconds to read a second of sound, before that was measured
# Seconds that the result waits for the last verdict, and what follows an unjudged text for its own: invented text must
# not pass because a machine is busy.
_VERDICT_TIMEOUT_S = 20.0
_QUIET_AFTER_WORD_S = 0.5  # seconds after the last word when a reading may begin
_BEHIND = 2  # texts that wait to be judged; earlier ones are not judged
_CANCEL_LOOK_INTERVAL_S = 0.1  # seconds between two checks whether the session was cancelled


class _DroppedError(Exception):
    """The text was replaced before it was judged."""


@dataclass(eq=False)
class _Judgement:
    """A final text and what came of it.

    Attributes:
        first: whether no text was sent before it.
        spoken: the start and end of its segments, once these are sent; until then more speech may replace it.
        unlikely: False until the verdict is there.
        doubtful: as in `Plausibility`; of the first text alone, which another model may hear.
    """

    samples: Samples | None
    text: str
    first: bool
    spoken: tuple[float, float] | None = None
    dropped: bool = False
    unlikely: bool = False
    doubtful: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class LiveJudge:
    """Judges one session.

    Args:
        read: transcribes samples again; called on the judge's thread.
        rating: as `Engine.rating`; called there, too.
        unlikely_text: collects the stretches with unlikely text.
    """

    def __init__(
        self,
        read: Callable[[Samples], str],
        rating: Callable[[], Rating | None],
        unlikely_text: UnlikelyText,
    ) -> None:
        self._read = read
        self._unlikely_text = unlikely_text
        self._plausibility = Plausibility(self._read_again, rating)
        self._pace = _PACE
        self._waiting: deque[_Judgement] = deque()
        self._more = threading.Condition()
        self._thread: threading.Thread | None = None
        self._judging: _Judgement | None = None
        self._last: _Judgement | None = None  # judgement of the last final text
        self._sent: deque[_Judgement] = deque()  # texts that were sent, whose verdicts are not collected yet
        self._first = True
        self._unjudged: _Judgement | None = None  # judgement of the last text that was sent without a verdict
        self._closed = False
        self._may_read = threading.Event()
        self._may_read.set()

    def begin(self, samples: Samples, text: str) -> None:
        """Begins to judge a final `text` of `samples`, which replaces one that was not sent."""
        with self._more:
            if self._last is not None and self._last.spoken is None:
                self._last.dropped = True
            self._last = _Judgement(samples, text, self._first)
            self._waiting.append(self._last)
            while len(self._waiting) > _BEHIND:
                self._waiting.popleft().done.set()
            self._more.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="plausibility", daemon=True)
            self._thread.start()

    def mark(self, segment: Segment) -> Segment:
        """Returns a segment of the last text, marked if it is unlikely; may wait as the module says."""
        judgement = self._last
        if judgement is None:
            return segment
        self._may_read.set()
        if judgement.spoken is None:
            judgement.spoken = segment.start, segment.end
            self._sent.append(judgement)
            if self._first or not judgement.done.wait(_HELD_TEXT_S * self._pace):
                self._unjudged = judgement
            self._first = False
        else:
            judgement.spoken = judgement.spoken[0], segment.end
        self._collect(before=judgement)
        return replace(segment, unlikely=judgement.unlikely, unjudged=judgement is self._unjudged)

    def news(self) -> Iterator[Judged]:
        """Yields the verdict on a text that was sent without one, if it is there now."""
        if self._unjudged is not None and self._unjudged.done.is_set():
            judgement, self._unjudged = self._unjudged, None
            self._collect(before=judgement)
            yield Judged(judgement.unlikely, judgement.doubtful)

    def verdict(self, check: Callable[[], None]) -> Iterator[Judged]:
        """Yields the verdict on a text that was sent without one, once it is there; `check` as in `finish`."""
        if self._unjudged is not None:
            self._wait(self._unjudged, check)
        yield from self.news()

    def hear(self, quiet_s: float) -> None:
        """Goes on reading or pauses, by the seconds for which nobody has spoken."""
        if (quiet_s >= _QUIET_AFTER_WORD_S) is not self._may_read.is_set():
            (self._may_read.set if quiet_s >= _QUIET_AFTER_WORD_S else self._may_read.clear)()

    def finish(self, check: Callable[[], None]) -> None:
        """Waits for the verdicts on the texts that were sent; an exception of `check` ends the wait."""
        if self._sent:
            self._wait(self._sent[-1], check)
        self._collect()

    def close(self) -> None:
        """Ends the thread after its present reading."""
        with self._more:
            self._closed = True
            self._may_read.set()
            self._more.notify_all()
        if self._thread is not None:
            self._thread.join(_VERDICT_TIMEOUT_S)

    def _wait(self, judgement: _Judgement, check: Callable[[], None]) -> None:
        self._may_read.set()
        end = time.monotonic() + _VERDICT_TIMEOUT_S
        while not judgement.done.wait(_CANCEL_LOOK_INTERVAL_S) and time.monotonic() < end:
            check()

    def _collect(self, before: _Judgement | None = None) -> None:
        """Moves the verdicts that are there to the result, up to the text `before`, whose end is not known yet."""
        while self._sent and self._sent[0] is not before and self._sent[0].done.is_set():
            judgement = self._sent.popleft()
            if judgement.spoken is not None:
                self._unlikely_text.add(*judgement.spoken, judgement.unlikely)

    def _run(self) -> None:
        while judgement := self._next():
            assert judgement.samples is not None
            try:
                if judgement.first:
                    judgement.doubtful = self._plausibility.doubtful(judgement.samples, judgement.text)
                judgement.unlikely = self._plausibility.unlikely(judgement.samples, judgement.text)
            except Exception:  # replaced, cancelled, or without memory: the session itself is told of the latter two
                pass
            judgement.samples = None
            judgement.done.set()

    def _next(self) -> _Judgement | None:
        """Waits for the next text to judge; returns None at the end."""
        with self._more:
            while not self._closed:
                while self._waiting:
                    self._judging = self._waiting.popleft()
                    if not self._judging.dropped:
                        return self._judging
                self._more.wait()
        return None

    def _read_again(self, samples: Samples) -> str:
        self._may_read.wait()
        assert self._judging is not None
        if self._judging.dropped or self._closed:
            raise _DroppedError
        began = time.monotonic()
        text = self._read(samples)
        self._pace = (time.monotonic() - began) * RATE / max(len(samples), RATE)
        return text
