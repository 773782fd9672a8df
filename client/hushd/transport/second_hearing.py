"""A transcription whose beginning another model hears again, where the usual one has probably invented it.

    unjudged text ─► another model is here ─► held back ─► judged ─► plausible ─► returned
                     └► none: returned at once                       └► unlikely or doubtful ─► the other hears it

Where nobody named a model or a language, the text of any model that is unsure of its language is marked, but none
below two seconds or four words: of those only what the other model hears otherwise, unsure too. Where that hears
nothing, the usual model's text stands.
Nothing is held back but a text whose verdict follows it at once: that of the first piece or utterance, and on a busy
machine of later utterances. Only the first is heard again. The other model's text is marked where it is unsure of its
language.

Until its verdict a text is not its caller's: if the worker is lost, all of it is requested again. Where a turn of live
speech is heard more than once, it begins and ends for the caller once.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard

from hushd_models import preferences
from hushd_models.languages import UNSPACED
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Message, Partial, Request, Result
from hushd_protocol.system import paths
from msgspec.structs import replace

from hushd.warnings import UNLIKELY

from .retry import TURNS, RetryingCall
from .steps import Brief, Steps

_MIN_DOUBTED_S, _MIN_DOUBTED_WORDS = 2.0, 4  # below either, no model's doubt of its language counts
_WORD = f"[{UNSPACED}]|[^\\W{UNSPACED}][^\\s{UNSPACED}]*"  # a letter where no space parts words
HEARD_AGAIN = "heard_again"  # the code of the warning that another model has heard it
_ENGLISH = "en"
# The least probability of the language that is found; of English, which the usual model has just denied, it is more:
# Whisper base finds it in short French with 0.76 at most (`scripts/bench short`, docs/BENCHMARKS.md).
_LEAST_KNOWN, _LEAST_ENGLISH = 0.5, 0.8


class SecondHearing:
    """A transcription under way, as `RetryingCall`.

    Args:
        has_other: returns whether another model may be here, by files alone: it runs while the worker works.
        instead: returns the request to the other model; None: there is none after all.
        unnamed: whether the request names neither model nor language, so that text whose language is unsure is marked.
    """

    def __init__(
        self,
        call: RetryingCall,
        has_other: Callable[[], bool],
        instead: Callable[[Request], Steps[Request | None]],
        *,
        unnamed: bool = False,
    ) -> None:
        self._unnamed = unnamed
        self._call = call
        self._has_other = has_other
        self._instead = instead
        self._holds: bool | None = None  # whether unjudged text waits for its verdict; None: not looked yet
        self._held: list[Message] = []  # the text without a verdict, and what came after it
        self._ready: deque[Message] = deque()
        self._returned = False  # whether a text was returned
        self._sends = 0  # the call's number of sends at the last message
        self._turns = self._turns_returned = 0  # events of turns since it was sent last, and those of the caller
        self._model = ""  # the other worker's name
        self._again = False  # whether that hears what the usual model has heard
        self._first: list[Partial] = []  # what the usual model has heard of it
        self._denied = False  # whether the usual model's verdict on it was that it is not English
        self._unsure: list[JsonObject] = []  # the stretches whose language the other model doubts
        self._doubted = False  # whether the last segment's words were doubtful

    def hold(self) -> None:
        """Has unjudged text wait for its verdict, whether another model is here or not."""
        self._holds = True

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        self._call.close()

    def receive(self) -> Steps[Message | None]:
        """Receives as `RetryingCall.receive` does."""
        try:
            if self._holds is None:
                self._holds = yield Brief(self._has_other)
            while not self._ready:
                if (message := (yield from self._call.receive(taken=False))) is None:
                    return None
                yield from self._handle(message)
        except BaseException:  # Ctrl-C, or the task was cancelled: nobody waits for the rest
            self.close()
            raise
        return self._ready.popleft()

    def _handle(self, message: Message) -> Steps[None]:
        data: Any = message.data if isinstance(message, Partial) else {}
        kind = data.get("kind")
        if self._sends != self._call.sends:  # the held messages come again
            self._sends, self._turns, self._held = self._call.sends, 0, []
        self._turns += kind in TURNS
        if kind in TURNS and self._turns <= self._turns_returned:
            return
        if data.get("unjudged") and self._holds:
            self._held.append(message)
        elif kind == "judged" and self._held:
            unlikely = bool(data.get("unlikely"))
            held, self._held = self._held, []
            if not ((unlikely or data.get("doubtful")) and (yield from self._move(held, unlikely))):
                self._return(_marked(each, unlikely) for each in held)
        elif isinstance(message, Result):
            stands = self._standing()
            last = _of_the_first(message, stands) if stands else self._with_warnings(message)
            self._return((*self._held, *stands, last))
        elif isinstance(message, Partial) and kind == "nothing" and (stands := self._standing()):
            self._return((*stands, replace(message, data={**message.data, "kind": "ended"})))
        elif self._held:
            self._held.append(message)
        else:  # a segment marked if its model, which nobody named, doubts its language
            asked = kind == "segment" and (self._unnamed or self._call.moved)
            self._return((_marked(message, True) if asked and self._doubts(data) else message,))
            self._again = self._again and not (self._call.moved and kind in ("ended", "nothing"))

    def _standing(self) -> list[Partial]:
        """Returns what the usual model has heard, once the other one has heard nothing there."""
        return self._first if self._call.moved and self._again and not (self._returned or self._held) else []

    def _return(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._call.mark_taken(message)
            kind = message.data.get("kind") if isinstance(message, Partial) else None
            self._returned = self._returned or kind == "segment"
            self._turns_returned += kind in TURNS
            self._ready.append(message)

    def _move(self, held: list[Message], denied: bool) -> Steps[bool]:
        """Sends the input to the other model; returns whether there is one, and the input is still whole."""
        if self._model or self._returned or not self._call.repeatable:
            return False
        try:
            request = yield from self._instead(self._call.request)
        except HushdError:
            request = None
        if request is None:
            return False
        self._model, self._again, self._denied = request.worker, True, denied
        self._first = [_mark(each, denied) for each in held if _is_segment(each)]
        yield from self._call.move(request)
        return True

    def _with_warnings(self, result: Result) -> Result:
        """Returns the result, with the model that heard it again, and warnings of that and of an unsure language."""
        added, data, who = [], dict(result.data), "the model is unsure of its language"
        if self._call.moved:
            data["model"] = model = self._model.partition("/")[2]
            why, who = "the usual model read it differently each time", "that model, too, is unsure of its language"
            if result.data.get("language") not in ("", None, _ENGLISH):
                why = "this is not English"
            added = [{"code": HEARD_AGAIN, "message": f"Heard by {model}, since {why}."}]
        if self._unsure:
            added += [{"code": UNLIKELY, "message": f"It is probably not the spoken text: {who}, {_way_on()}."}]
            data["unlikely"] = [*data.get("unlikely", ()), *self._unsure]
        return replace(result, data={**data, "warnings": [*data.get("warnings", ()), *added]}) if added else result

    def _doubts(self, data: JsonObject) -> bool:
        """Returns whether the model doubts the language of a segment that it has heard, and notes it for the result."""
        language, known = data.get("language", ""), data.get("language_probability")
        unsure = is_unsure(language, known, denied=self._denied and self._again)
        before, self._doubted = self._doubted, unsure and (_is_long(data) or self._differs(data))
        if self._doubted and before:
            self._unsure[-1]["end"] = data["end"]
        elif self._doubted:
            self._unsure.append({"start": data["start"], "end": data["end"]})
        return self._doubted

    def _differs(self, segment: JsonObject) -> bool:
        """Returns whether the usual model has heard other words where the other one hears `segment`."""
        again = self._again and segment["start"] < self._first[-1].data["end"]
        return again and _letters(segment) not in "".join(_letters(each.data) for each in self._first)


def _is_long(segment: JsonObject) -> bool:
    seconds, words = segment["end"] - segment["start"], re.findall(_WORD, segment["text"])
    return bool(seconds >= _MIN_DOUBTED_S and len(words) >= _MIN_DOUBTED_WORDS)


def _way_on() -> str:
    """Returns the end of a sentence: how whoever knows the language names it."""
    own = preferences.own_languages(paths.find().config)
    return f"which `--language {own[0] if own else _ENGLISH}` names if it is that one"


def is_unsure(language: str, probability: float | None, *, denied: bool) -> bool:
    """Returns whether another model may be wrong about its language, by its own probability; `denied`: the usual model
    has found that it is not English."""
    known = 1.0 if probability is None else probability
    return known < (_LEAST_ENGLISH if denied and language == _ENGLISH else _LEAST_KNOWN)


def _letters(segment: JsonObject) -> str:
    return "".join(filter(str.isalnum, segment["text"].casefold()))


def _of_the_first(result: Result, segments: list[Partial]) -> Result:
    """Returns another model's result, which is of no text, as that of the usual model's `segments`."""
    warnings = [each for each in result.data.get("warnings", ()) if each["code"] != "no_speech"]
    language = segments[0].data.get("language", "")
    return replace(result, data={**result.data, "language": language, "segments": len(segments), "warnings": warnings})


def _is_segment(message: Message) -> TypeGuard[Partial]:
    return isinstance(message, Partial) and message.data.get("kind") == "segment"


def _marked(message: Message, unlikely: bool) -> Message:
    return _mark(message, unlikely) if _is_segment(message) else message


def _mark(segment: Partial, unlikely: bool) -> Partial:
    return replace(segment, data={**segment.data, "unlikely": unlikely})
