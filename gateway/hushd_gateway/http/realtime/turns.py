"""Items and their text, as events, made of a stream of sound. Pure.

A stream is the sound that is transcribed in one go. With turn detection each utterance in it becomes an item; without,
or once the program has committed it, all of it is one item. Everything about an item has its `item_id`, since turns may
complete out of order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hushd.transcripts.second_pass_plan import Revision, revised
from hushd.transcripts.segment import Segment
from hushd.transcripts.spacing import between, joined
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema.voiceprint import is_label

from ..errors import ApiError
from ..transcription.formats import letters, log_probabilities, usage
from .items import MOST, Items

Event = JsonObject
_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class _Item:
    def __init__(self, name: str, start_s: float) -> None:
        self.name = name
        self.start_s = start_s  # since the start of the session
        self.texts: list[str] = []  # final
        self.drafts: list[Segment] = []  # with these texts
        self.revisions: list[Revision] = []  # of them
        self.complete = False
        self.logprobs: list[JsonObject] = []
        self.end_s = 0.0  # of the last of them, since the start of the stream
        self.seconds = 0.0  # that they took
        self._sent = ""  # in deltas of the utterance

    @property
    def silent(self) -> bool:
        """True if no text of the utterance was sent yet."""
        return not self._sent

    def partial(self, text: str) -> Iterator[Event]:
        """The text of the utterance that is new; `completed` corrects what it contradicts of the text before."""
        text = text.strip()
        delta = _beyond(self._sent, text)
        if delta:
            if not self._sent and self.texts:
                delta = between(self.texts[-1], text) + delta
            yield self.event("delta", content_index=0, delta=delta)
            self._sent = text

    def final(self, segment: Segment) -> Iterator[Event]:
        """The whole text of the utterance, or of its next part where it is long; another one begins."""
        yield from self.partial(segment.text)
        self.logprobs += log_probabilities([segment], before=self.texts[-1] if self.texts else "")
        self.texts.append(segment.text)
        self.drafts.append(segment)
        self.end_s = segment.end
        self.seconds += segment.end - segment.start
        self._sent = ""

    def event(self, kind: str, **more: Any) -> Event:
        return {"type": f"{_TRANSCRIPTION}.{kind}", "item_id": self.name, **more}


def _beyond(sent: str, text: str) -> str:
    """The part of `text` beyond `sent`; where the two differ, the words after as many as were sent."""
    if text.startswith(sent):
        return text[len(sent) :]
    return "".join(f" {word}" for word in text.split()[len(sent.split()) :])


def _letter(speaker: str) -> str:
    """`SPEAKER_00` as OpenAI names the first one: A. A person who is known keeps their name."""
    if not is_label(speaker):
        return speaker
    return letters(int(speaker.rpartition("_")[2]))


class Stream:
    """One stream of sound. Where its segments say who speaks, each is an event of its own.

    Args:
        items: of the session.
        start_s: seconds of sound that the session had before.
        vad: whether each utterance becomes an item.
        eager: whether the first text of an utterance is sent before it is certain.
        unstable: whether the unfinished utterance is sent too, with the text that may still change.
        logprobs: whether a turn that is complete says how likely each of its words is.
        second_pass: whether its segments will be revised.
    """

    def __init__(
        self,
        items: Items,
        start_s: float,
        *,
        vad: bool,
        eager: bool = False,
        unstable: bool = False,
        logprobs: bool = False,
        second_pass: bool = False,
    ) -> None:
        self._items = items
        self._eager = eager
        self._unstable = unstable
        self._logprobs = logprobs
        self._second_pass = second_pass
        self._vad = vad
        self._start_s = start_s
        self._item: _Item | None = None
        self._owners: dict[int, _Item] = {}  # of segments that may still be revised
        self._speaker = ""  # of the unfinished utterance
        self._spoken: dict[int, Event] = {}  # the youngest segments with speakers, by number
        self.committed = False

    def began(self, start_s: float) -> Iterator[Event]:
        """Somebody has begun to speak."""
        if self._vad and not self.committed and self._item is None:
            item = self._begin(start_s)
            yield {
                "type": "input_audio_buffer.speech_started",
                "audio_start_ms": round(1000 * item.start_s),
                "item_id": item.name,
            }

    def nothing(self, end_s: float) -> Iterator[Event]:
        """It was a cough: the item that began is an empty one."""
        if self._item is not None and self._finds_turns:
            yield from self._complete(end_s)

    def partial(self, stable: str, text: str = "") -> Iterator[Event]:
        """An unfinished utterance: the beginning, which will not change, and `text` behind it, which may."""
        if self._eager and not stable and (self._item is None or self._item.silent):
            stable = text
        if self._unstable and (stable or text):
            who = {"speaker": self._speaker} if self._speaker else {}
            yield self._ongoing().event("unstable", stable=stable, text=text, **who)
        if stable:
            yield from self._ongoing().partial(stable)

    def segment(self, segment: Segment) -> Iterator[Event]:
        """An utterance, or a part of a long one, has its text."""
        if self._finds_turns:
            yield from self.began(segment.start)
        item = self._ongoing()
        if self._second_pass:
            self._owners[segment.id] = item
        yield from item.final(segment)
        if segment.speaker:
            yield self._segment(item, segment)

    def speaks(self, speaker: str) -> Iterator[Event]:
        """Somebody, such as `SPEAKER_00` or a person who is known, says the unfinished utterance."""
        self._speaker = _letter(speaker)
        return iter(())

    def renamed(self, numbers: Iterable[int], speaker: str) -> Iterator[Event]:
        """Segments turn out to be another's. As an event of its own: programs would take a second one for another."""
        for number in numbers:
            if number in self._spoken:
                self._spoken[number] = {**self._spoken[number], "speaker": _letter(speaker)}
                yield {**self._spoken[number], "type": f"{_TRANSCRIPTION}.segment.revised"}

    def revised(self, revision: Revision) -> Iterator[Event]:
        """A larger model has read an utterance once more, or all of a committed turn: its item has another text."""
        for item in {
            owner.name: owner for each in revision.replaces if (owner := self._owners.pop(each, None))
        }.values():
            item.revisions.append(revision)
            if item.complete:
                yield from self._revise(item)

    def finished(self) -> Iterator[Event]:
        """The utterance has ended."""
        if self._item is not None and self._finds_turns:
            yield from self._complete(self._item.end_s)

    def commit(self, end_s: float) -> Iterator[Event]:
        """Takes the program's end of the turn; sound not transcribed yet belongs to this turn."""
        item = self._ongoing()
        if self._vad:
            yield self._stopped(item, end_s)
        self.committed = True
        yield from self._commit(item)

    def ended(self, seconds: float, error: HushdError | None = None) -> Iterator[Event]:
        """All of the stream, `seconds` long, was transcribed; or it cannot be."""
        item, self._item = self._item, None
        if error is not None and item is not None:
            if not self.committed:
                yield from self._commit(item)
            yield item.event("failed", content_index=0, error=ApiError.of(error).data())
        elif error is not None:
            yield {"type": "error", "error": {**ApiError.of(error).data(), "event_id": None}}
        elif item is not None and self.committed:
            yield from self._finish(item, seconds)
        elif item is not None and self._vad:
            self._item = item
            yield from self._complete(seconds)

    def _segment(self, item: _Item, segment: Segment) -> Event:
        event = item.event(
            "segment",
            content_index=0,
            id=f"seg_{item.name}_{segment.id}",
            start=round(self._start_s + segment.start, 3),
            end=round(self._start_s + segment.end, 3),
            text=segment.text,
            speaker=_letter(segment.speaker),
        )
        self._spoken[segment.id] = event
        self._spoken.pop(segment.id - MOST, None)
        return event

    @property
    def _finds_turns(self) -> bool:
        return self._vad and not self.committed

    def _ongoing(self) -> _Item:
        return self._item or self._begin(0.0)

    def _begin(self, start_s: float) -> _Item:
        self._item = _Item(self._items.name(), self._start_s + start_s)
        return self._item

    def _complete(self, end_s: float) -> Iterator[Event]:
        item, self._item = self._item, None
        assert item is not None
        yield self._stopped(item, end_s)
        yield from self._commit(item)
        yield from self._finish(item, item.seconds)

    def _stopped(self, item: _Item, end_s: float) -> Event:
        end_ms = round(1000 * (self._start_s + end_s))
        return {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": end_ms, "item_id": item.name}

    def _commit(self, item: _Item) -> Iterator[Event]:
        content = [{"type": "input_audio", "transcript": None}]
        shown: Event = {"id": item.name, "object": "realtime.item", "type": "message", "status": "completed"}
        shown |= {"role": "user", "content": content}
        before = self._items.add(shown)
        yield {"type": "input_audio_buffer.committed", "item_id": item.name, "previous_item_id": before}
        for kind in ("added", "done"):
            yield {"type": f"conversation.item.{kind}", "previous_item_id": before, "item": shown}

    def _finish(self, item: _Item, seconds: float) -> Iterator[Event]:
        item.seconds, item.complete = seconds, True
        yield self._text(item, "completed", joined(item.texts), item.logprobs)
        if item.revisions:
            yield from self._revise(item)

    def _revise(self, item: _Item) -> Iterator[Event]:
        segments = revised(tuple(item.drafts), tuple(item.revisions))
        texts = [segment.text for segment in segments]
        yield self._text(item, "revised", joined(texts), log_probabilities(segments))

    def _text(self, item: _Item, kind: str, transcript: str, logprobs: list[JsonObject]) -> Event:
        self._items.transcribed(item.name, transcript)
        doubts = {"logprobs": logprobs} if self._logprobs else {}
        return item.event(kind, content_index=0, transcript=transcript, **doubts, usage=usage(item.seconds))
