"""A transcription whose beginning another model hears again, where the usual one has probably invented it.

    first text ─► another model is here ─► held back ─► judged ─► plausible ─► returned
                  └► none: returned at once                       └► unlikely or doubtful ─► the other hears the input

Nothing is held back but the text of the first piece, or of the first utterance, whose verdict follows it at once; and,
of a caller that waits for verdicts, the other model's text, whose own doubt comes with its result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import replace
from hushd_protocol.messages import Message, Partial, Request, Result

from hushd.warnings import UNLIKELY

from .retry import RetryingCall
from .steps import Brief, Steps

HEARD_AGAIN = "heard_again"  # the code of the warning that another model has heard it
_ENGLISH = "en"
# The least probability of the language that is found; of English, which the usual model has just denied, it is more:
# Whisper base finds it in short French with 0.76 at most (`scripts/bench short`, docs/BENCHMARKS.md).
_LEAST_KNOWN, _LEAST_ENGLISH = 0.5, 0.8


class SecondHearing:
    """A transcription under way, as `RetryingCall`.

    Args:
        look: returns whether another model may be here, by files alone: it runs while the worker works.
        instead: returns the request to the other model; None: there is none after all.
    """

    def __init__(
        self, call: RetryingCall, look: Callable[[], bool], instead: Callable[[Request], Steps[Request | None]]
    ) -> None:
        self._call = call
        self._look = look
        self._instead = instead
        self._holds: bool | None = None  # whether the first text waits for its verdict; None: not looked yet
        self._waits = False  # whether the other model's text waits for its result
        self._held: list[Message] = []  # the text without a verdict, and what came after it
        self._ready: deque[Message] = deque()
        self._before = self._model = ""  # the workers' names
        self._denied = False  # whether the usual model's verdict was that this is not English

    def hold(self) -> None:
        """Has every text wait for its verdict, whether another model is here or not."""
        self._holds = self._waits = True

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        self._call.close()

    def receive(self) -> Steps[Message | None]:
        """As `RetryingCall.receive`."""
        try:
            if self._holds is None:
                self._holds = yield Brief(self._look)
            while not self._ready:
                if (message := (yield from self._call.receive())) is None:
                    return None
                yield from self._take(message)
        except BaseException:  # Ctrl-C, or the task was cancelled: nobody waits for the rest
            self.close()
            raise
        return self._ready.popleft()

    def _take(self, message: Message) -> Steps[None]:
        data: Any = message.data if isinstance(message, Partial) else {}
        kind = data.get("kind")
        waits = self._waits and self._call.moved and kind == "segment"
        if waits or (data.get("unjudged") and self._holds):
            self._held.append(message)
        elif kind == "judged" and self._held:
            self._denied = unlikely = bool(data.get("unlikely"))
            held, self._held = self._held, []
            if not ((unlikely or data.get("doubtful")) and (yield from self._move())):
                self._ready += (_marked(each, unlikely) for each in held)
        elif isinstance(message, Result):
            result = self._told(message)
            unsure = self._call.moved and "unlikely" in result.data
            self._ready += (*(_marked(each, unsure) if unsure else each for each in self._held), result)
        elif self._held:
            self._held.append(message)
        elif not (self._call.moved and kind == "began"):  # of an utterance that has begun before
            self._ready.append(message)

    def _move(self) -> Steps[bool]:
        """Sends the input to the other model; returns whether there is one, and the input is still whole."""
        if self._model or not self._call.repeatable:
            return False
        try:
            request = yield from self._instead(self._call.request)
        except HushdError:
            request = None
        if request is None:
            return False
        self._before, self._model = self._call.request.worker, request.worker
        yield from self._call.move(request)
        return True

    def _told(self, result: Result) -> Result:
        """Returns the result with the model that has heard it again, and a warning that says so."""
        if not self._call.moved:
            return result
        model = self._model.partition("/")[2]
        why = "the usual model read it differently each time"
        if result.data.get("language") not in ("", None, _ENGLISH):
            why = "this is not English"
        told = [{"code": HEARD_AGAIN, "message": f"Heard by {model}, since {why}."}]
        data = {**result.data, "model": model}
        if is_unsure(data.get("language", ""), data.get("language_probability"), denied=self._denied):
            told += [{"code": UNLIKELY, "message": "It is probably not the spoken text: that model, too, is unsure."}]
            data["unlikely"] = [{"start": 0.0, "end": data["duration"]}]
        return replace(result, data={**data, "warnings": [*data.get("warnings", ()), *told]})


def is_unsure(language: str, probability: float | None, *, denied: bool) -> bool:
    """Returns whether another model may be wrong about its language, by its own probability; `denied`: the usual model
    has found that it is not English."""
    return (probability or 1.0) < (_LEAST_ENGLISH if denied and language == _ENGLISH else _LEAST_KNOWN)


def _marked(message: Message, unlikely: bool) -> Message:
    if not (isinstance(message, Partial) and message.data.get("kind") == "segment"):
        return message
    return replace(message, data={**message.data, "unlikely": unlikely})
