"""The stretches of a live session that a larger model reads once more, and when it may. Pure.

The draft of a session comes at once, from a small model. Its second pass comes behind it: of each utterance once it has
ended, of those of a minute that wait together, or of all of it once the session has. Nobody waits for a copy, so while
there is no memory for both models those that are due wait for the session's end, when the small one can leave.
"""

from __future__ import annotations

from typing import Literal

from hushd_protocol.light_dataclass import dataclass, replace

from .segment import Segment

Each = Literal["utterance", "minute", "session"]
MAX_BATCH_S = 60.0  # of utterances that wait and are read as one, with `minute`
LEAD_S = 1.0  # before an utterance's first segment: a soft beginning, and the quiet that a model likes
TAIL_S = 0.5  # behind its last, likewise: sound may come faster than it is heard, so more of it may be the next one's


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds of the session, and the segments of the draft that their text replaces."""

    start: float
    end: float
    drafts: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Revision:
    """The second pass of a stretch: `segments` take the place of the draft's segments with the ids in `replaces`."""

    start: float
    end: float
    replaces: tuple[int, ...]
    segments: tuple[Segment, ...]


class SecondPassPlan:
    """The stretches of one session. Times are seconds of its audio.

    Args:
        each: what is read at once: each `utterance`, those of a `minute` that wait, or the `session`.

    Attributes:
        over: whether the session has ended.
    """

    def __init__(self, each: Each = "utterance") -> None:
        self._each = each
        self._said: list[Segment] = []  # of the utterance in progress
        self._due: list[Stretch] = []
        self._held = each == "session"  # until the session's end
        self._read_s = 0.0  # how far the audio is not needed any more
        self._heard_s = 0.0  # the end of the last utterance's last segment
        self.over = False

    def segment(self, segment: Segment) -> None:
        """Takes a segment of the draft."""
        self._said.append(segment)

    def ended(self, now_s: float) -> None:
        """Takes the end of an utterance, when the session is `now_s` long."""
        if not self._said:
            return
        begins, ends = self._said[0].start, self._said[-1].end
        between = (self._heard_s + begins) / 2  # the middle of the quiet before it
        if self._due and self._due[-1].end > between:
            self._due[-1] = replace(self._due[-1], end=between)
        earliest_s = self._due[-1].end if self._due else min(self._read_s, between)
        end = max(ends, min(now_s, ends + TAIL_S))
        self._due.append(Stretch(max(earliest_s, begins - LEAD_S), end, tuple(self._said)))
        self._said, self._heard_s = [], ends

    def end(self, duration: float) -> None:
        """Takes the end of the session: whatever is due may be read now."""
        if not self.over:
            self.ended(duration)
            self._held, self.over = False, True
            if self._each == "session" and self._due:
                drafts = tuple(draft for stretch in self._due for draft in stretch.drafts)
                self._due = [Stretch(0.0, duration, drafts)]

    def next(self) -> Stretch | None:
        """Returns the stretch to read now; None while there is none, or no memory for it."""
        return None if self._held or not self._due else self._merged()

    def busy(self) -> None:
        """Notes that memory was short for the stretch that `next` named: it waits for the session's end, if any."""
        self._held = not self.over

    def read(self, stretch: Stretch, segments: tuple[Segment, ...]) -> Revision:
        """Takes the text of the stretch that `next` named, with times from its beginning."""
        self.skip(stretch)
        moved = tuple(_later(segment, stretch.start) for segment in segments)
        return Revision(stretch.start, stretch.end, tuple(draft.id for draft in stretch.drafts), moved)

    def skip(self, stretch: Stretch) -> None:
        """Notes that the stretch that `next` named cannot be read: its draft stays."""
        last = stretch.drafts[-1].id
        self._due = [due for due in self._due if due.drafts[-1].id > last]
        self._read_s = stretch.end

    def needed_s(self, now_s: float) -> float:
        """Returns the second from which on the audio is needed, when it is `now_s` long."""
        if self._each == "session":
            return 0.0
        if self._due:
            return self._due[0].start
        return max(self._read_s, self._said[0].start - LEAD_S if self._said else now_s - MAX_BATCH_S)

    def _merged(self) -> Stretch:
        first, *others = self._due
        if self._each == "utterance":
            return first
        for stretch in others:
            if stretch.end - first.start > MAX_BATCH_S:
                break
            first = replace(first, end=stretch.end, drafts=first.drafts + stretch.drafts)
        return first


def revised(drafts: tuple[Segment, ...], revisions: tuple[Revision, ...]) -> tuple[Segment, ...]:
    """Returns the segments of a session with those of its second passes in their places, numbered anew."""
    replaced = {draft for revision in revisions for draft in revision.replaces}
    segments = [draft for draft in drafts if draft.id not in replaced]
    segments += [segment for revision in revisions for segment in revision.segments]
    segments.sort(key=lambda segment: segment.start)
    return tuple(replace(segment, id=number) for number, segment in enumerate(segments))


def _later(segment: Segment, by: float) -> Segment:
    words = tuple(replace(word, start=word.start + by, end=word.end + by) for word in segment.words)
    return replace(segment, start=segment.start + by, end=segment.end + by, words=words)
