"""Speech comes at most once, as a prefix without holes; the segments of a transcript come in order, none left out.

Both hold over every repetition and every supervisor that is lost on the way: positions count over the whole request.
"""

from __future__ import annotations

from ..events import Event
from ..story import History, Story, Verdict

SPEECH, TRANSCRIPT = "speech", "transcript"
CLOSE = 1e-6  # of positions that were rounded


def check(history: History, verdict: Verdict) -> None:
    """Judges every speech and every transcript."""
    for story in history.stories.values():
        _prefix(story, story.of("audio"), verdict)
        if segments := story.of("segment"):
            _in_order(story, segments, verdict)
        if story.end and story.end.kind == "ok":
            _whole(story, verdict)


def _prefix(story: Story, stretches: list[Event], verdict: Verdict) -> None:
    """Judges that each stretch begins where the last one has ended, the first one at 0."""
    reached = 0.0
    for stretch in stretches:
        start, stop = stretch.more["start"], stretch.more["stop"]
        how = "leaves out" if start > reached else "repeats"
        sentence = f"{how} {stretch.kind} from {min(start, reached):g} to {max(start, reached):g}, at {stretch.at:.3f}"
        right = abs(start - reached) <= CLOSE and stop >= start
        verdict.judge(SPEECH, story, right, sentence)
        if not right:
            return  # one sentence a request: what follows is moved as well
        reached = stop


def _in_order(story: Story, segments: list[Event], verdict: Verdict) -> None:
    """Judges that segments are numbered without gaps, and that none begins before the last one has ended."""
    gapless = story.invoke is not None and story.invoke.more.get("gapless", False)
    reached = 0.0
    for number, segment in enumerate(segments):
        index, start, stop = (segment.more[name] for name in ("index", "start", "stop"))
        right = index == number and start >= reached - CLOSE and stop >= start
        if gapless:
            right = right and start <= reached + CLOSE
        sentence = f"has segment {index} from {start:g} at {segment.at:.3f}, where {number} from {reached:g} is next"
        verdict.judge(TRANSCRIPT, story, right, sentence)
        if not right:
            return
        reached = stop


def _whole(story: Story, verdict: Verdict) -> None:
    """Judges that a request that ended well gave all of it, where its length is known."""
    assert story.invoke is None or story.end is not None
    lengths = (event.more.get("length") for event in (story.invoke, story.end) if event)
    length = next((length for length in lengths if length is not None), None)
    if length is None:
        return
    if audio := story.of("audio"):
        reached = audio[-1].more["stop"]
        verdict.judge(SPEECH, story, abs(reached - length) <= CLOSE, f"ended well at {reached:g} of {length:g}")
    if story.op == "transcribe" and (segments := story.of("segment")):
        reached = segments[-1].more["stop"]
        verdict.judge(TRANSCRIPT, story, reached <= length + CLOSE, f"has {reached:g} of {length:g}")
        if story.invoke is not None and story.invoke.more.get("gapless", False):
            verdict.judge(TRANSCRIPT, story, reached >= length - CLOSE, f"ended well at {reached:g} of {length:g}")
