"""Turns a stream's transcript into items and their events. Pure.

A stream is the sound of one transcription. With turn detection each of its utterances becomes an item; without, or once
the program has committed, the whole stream is one item. Each event of an item has its `item_id`, since turns may
complete out of order.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from typing import Any

from hushd.transcripts.segment import Segment, between, joined
from hushd.warnings import UNLIKELY
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError

from ..errors import ApiError
from ..transcription.formats import log_probabilities, usage

Event = JsonObject
_TRANSCRIPTION = "conversation.item.input_audio_transcription"
_DOUBT = "This is probably not the spoken text"
_FOREIGN = ": the model seems not to know the language."


class Items:
    """Names the items of a session, and knows the last one."""

    def __init__(self) -> None:
        self._start = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._last: str | None = None

    def name(self) -> str:
        return f"item_{self._start}{next(self._numbers):06d}"

    def follow(self, name: str) -> str | None:
        """Makes an item the last one; returns the name of the one before."""
        before, self._last = self._last, name
        return before


class _Item:
    def __init__(self, name: str, start_s: float) -> None:
        self.name = name
        self.start_s = start_s  # seconds since the start of the session
        self.texts: list[str] = []  # final
        self.logprobs: list[Event] = []  # log probabilities of their words
        self.end_s = 0.0  # end of the last text, in seconds since the start of the stream
        self.seconds = 0.0  # seconds that the texts took
        self.unlikely = False  # whether a text is probably wrong
        self._sent = ""  # the utterance's text sent in deltas

    def partial(self, text: str) -> Iterator[Event]:
        """Yields the new text of the utterance; `completed` corrects earlier text that it contradicts."""
        text = text.strip()
        delta = _beyond(self._sent, text)
        if delta:
            if not self._sent and self.texts:
                delta = between(self.texts[-1], text) + delta
            yield self.event("delta", content_index=0, delta=delta)
            self._sent = text

    def final(self, segment: Segment) -> Iterator[Event]:
        """Yields the final text of the utterance, or of a part of a long one; the next utterance begins."""
        yield from self.partial(segment.text)
        self.logprobs += log_probabilities([segment], joined(self.texts))
        self.texts.append(segment.text)
        self.unlikely = self.unlikely or segment.unlikely
        self.end_s = segment.end
        self.seconds += segment.end - segment.start
        self._sent = ""

    def event(self, kind: str, **more: Any) -> Event:
        return {"type": f"{_TRANSCRIPTION}.{kind}", "item_id": self.name, **more}


def _beyond(sent: str, text: str) -> str:
    """Returns the part of `text` beyond `sent`; if the two differ, skips as many words as were sent."""
    if text.startswith(sent):
        return text[len(sent) :]
    return "".join(f" {word}" for word in text.split()[len(sent.split()) :])


class HeardStream:
    """One stream of sound.

    Args:
        start_s: seconds of sound that the session had before.
        vad: whether each utterance becomes an item.
        unstable: whether an unfinished utterance is sent too, with text that may still change.
        logprobs: whether `completed` has the probabilities of the words that the model rates.

    Attributes:
        advice: a sentence for whoever speaks a language that the model does not know; empty if it knows several.
    """

    def __init__(
        self, items: Items, start_s: float, *, vad: bool, unstable: bool = False, logprobs: bool = False
    ) -> None:
        self._items = items
        self._logprobs = logprobs
        self._unstable = unstable
        self._vad = vad
        self._start_s = start_s
        self._item: _Item | None = None
        self.committed = False
        self._end: tuple[float, HushdError | None] | None = None  # what `ended` was told
        self.advice = ""

    def began(self, start_s: float) -> Iterator[Event]:
        """Yields the events of a begun utterance."""
        if self._vad and not self.committed and self._item is None:
            item = self._begin(start_s)
            yield {
                "type": "input_audio_buffer.speech_started",
                "audio_start_ms": round(1000 * item.start_s),
                "item_id": item.name,
            }

    def nothing(self, end_s: float) -> Iterator[Event]:
        """Yields the events of a noise that was not speech: the begun item is empty."""
        if self._item is not None and self._finds_turns:
            yield from self._complete(end_s)

    def partial(self, stable: str, text: str = "") -> Iterator[Event]:
        """Yields the events of an unfinished utterance: `stable` will not change, `text` after it may."""
        if stable or text:
            yield from self.began(0.0)
        if self._unstable and (stable or text):
            yield self._ongoing().event("unstable", stable=stable, text=text)
        if stable:
            yield from self._ongoing().partial(stable)

    def segment(self, segment: Segment) -> Iterator[Event]:
        """Yields the events of a transcribed utterance, or of a part of a long one."""
        if self._finds_turns:
            yield from self.began(segment.start)
        item = self._ongoing()
        yield from item.final(segment)

    def finished(self) -> Iterator[Event]:
        """Yields the events of an utterance's end."""
        if self._item is not None and self._finds_turns:
            yield from self._complete(self._item.end_s)

    def commit(self, end_s: float) -> Iterator[Event]:
        """Ends the turn for the program; sound not transcribed yet belongs to this turn."""
        if self._vad and self._item is not None:
            yield self._stopped(self._item, end_s)
        self.committed = True
        yield from self._commit(self._ongoing())
        if self._end is not None:  # before the commit
            yield from self.ended(*self._end)

    def ended(self, seconds: float, error: HushdError | None = None) -> Iterator[Event]:
        """Yields the last events of the stream, which is `seconds` long; `error` if it failed."""
        self._end = seconds, error
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
        event_item: Event = {"id": item.name, "object": "realtime.item", "type": "message", "status": "completed"}
        event_item |= {"role": "user", "content": content}
        before = self._items.follow(item.name)
        yield {"type": "input_audio_buffer.committed", "item_id": item.name, "previous_item_id": before}
        for kind in ("added", "done"):
            yield {"type": f"conversation.item.{kind}", "previous_item_id": before, "item": event_item}

    def _finish(self, item: _Item, seconds: float) -> Iterator[Event]:
        transcript = joined(item.texts)
        warning = {"code": UNLIKELY, "message": _DOUBT + (f"{_FOREIGN} {self.advice}" if self.advice else ".")}
        more: Event = {"warnings": [warning]} if item.unlikely else {}
        if self._logprobs:
            more["logprobs"] = item.logprobs or None
        yield item.event("completed", content_index=0, transcript=transcript, **more, usage=usage(seconds))
