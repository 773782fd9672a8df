"""A request and its answers, sent again where that helps.

`Attempts` decides, and is pure; `RetryingCall` does it, by procedures, which threads and tasks run alike.

Six things end a call that is not at fault, and each has its remedy here, as long as the whole input is still at hand
and no output was returned:

* the supervisor exits or dies: the next one is found or started; who comes while one closes may meet it once more, so
  this holds a few times;
* the worker is stopped: the supervisor starts another (and repeats by itself what it can);
* this program stood still, by Ctrl-Z say, or its caller took nothing for a minute: the supervisor gave the request up;
* the worker crashes under a streamed input, which only we have (the supervisor repeats the others itself), or in the
  middle of a download, which continues where it was;
* the worker cannot open our path: the bytes are sent instead;
* the model is not installed, and the configuration says `auto_pull`: it is pulled first.

Of a transcript that was returned in part before the worker or the supervisor died, or gave it up, the rest is
requested: hours of work are not lost. With speakers, and of live speech, there is no rest, so the whole is requested
again, and what was returned is left out as long as it comes out the same. A second end that brought nothing new is
raised, but for that of a supervisor that was about to leave.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Accepted, Chunk, Message, Partial, Request, Result
from msgspec.structs import replace

from .call import Call, new_id
from .connection import Connection
from .link import GONE, Link, refuse_borrowed
from .source import Input, InputDiscardedError
from .steps import Connect, Receive, Steps

_BLAMELESS = (*GONE, "worker_stopped", "slow_consumer")  # whatever the request was
_MISSING = ("engine_missing", "model_missing", "bad_request")  # as for a voice
# Supervisors lost in a row while the caller has nothing of the answer: with one that a request kills, there is an end.
MAX_LOST = 3
_LASTING = ("segment", "sentence")  # kinds of partials; the others are sent anew
TURNS = ("began", "ended", "nothing")  # kinds of partials that each turn of live speech has once
RETRY_WINDOW_S = 5.0  # seconds in which a supervisor must stay for long enough to answer

T = TypeVar("T")


class Attempts:
    """A request, and how far it was answered.

    Args:
        pulls: whether a missing model can be pulled.

    Attributes:
        request: the one to send.
        missing: the model, `ENGINE/NAME`, to pull before it is sent again; else empty.
        language: of the text, for which another voice is to be found before it is sent again; else empty.
    """

    def __init__(self, request: Request, source: Input | None, pulls: bool) -> None:
        self._source = source
        self._pulls = pulls
        self._arrived = False  # whether a part of the answer has come, of which the caller may have nothing yet
        self._handed_out = False  # whether the caller has a part of it, which cannot be taken back
        self._remaining_params: JsonObject = {}  # parameters of a recording that ask for what is missing of it
        self._repeated = False
        self._lost = 0  # supervisors, while the caller had nothing of the answer
        # Parts returned so far, where the rest cannot be had.
        self._returned: list[Partial] | None = [] if _is_repeated_whole(request) else None
        self._known: deque[Partial] = deque()  # those of them that a repeated answer has not brought yet
        self._failure: HushdError | None = None  # the failure for which it was sent again
        self.request = replace(request, **source.fields()) if source else request
        self.missing = self.language = ""

    @property
    def answered(self) -> bool:
        """True if the caller has a part of the answer."""
        return self._handed_out

    def is_new(self, message: Message, *, taken: bool = True) -> bool:
        """Returns whether the caller has not had the content of `message` yet. Raises HushdError: the failure for which
        the request was repeated, since the answer is another one now.
        `taken`: whether the caller gets it now; else `take` says so later, and until then it may come again."""
        if self._known and (_lasts(message) or isinstance(message, Result)):
            if isinstance(message, Partial) and _content(message) == _content(self._known.popleft()):
                return False
            assert self._failure
            raise self._failure
        self._arrived = self._arrived or _lasts(message)
        if taken:
            self.mark_taken(message)
        if not (self._known and isinstance(message, Partial) and self.request.session):
            return True
        return message.data.get("kind") in TURNS

    def mark_taken(self, message: Message) -> None:
        """Notes that the caller has a message that was new."""
        if _lasts(message):
            if not self._handed_out and isinstance(message, Partial) and message.data.get("speaker"):
                self._returned = self._returned or []  # channels heard apart have no rest
            self._handed_out, self._lost = True, MAX_LOST
            self._remaining_params = _remaining_params(message.data) if isinstance(message, Partial) else {}
            if self._source and not self._source.whole:
                self._returned = None  # much live speech: it cannot be repeated
            elif self._returned is not None and isinstance(message, Partial):
                self._returned.append(message)

    def again(self, error: HushdError) -> bool:
        """Returns whether to send `request`, changed to that end, again: it helps against `error` and loses nothing.

        Raises:
            HushdError: as the failure before it, whose remedy `error` was: the input has outgrown its room meanwhile.
        """
        if isinstance(error, InputDiscardedError) and self._failure:
            raise HushdError(self._failure.code, error.message) from self._failure
        self.missing = self.language = ""
        if self._source and not self._source.whole:
            return False
        request = self.request
        live = ("worker_crashed",) if request.session else ()
        if self._handed_out and self._returned is not None and error.code in (*_BLAMELESS, *live):
            self.request = replace(request, id=new_id())
            self._known = deque(self._returned)
            self._handed_out, self._repeated = False, True
            self._lost = MAX_LOST - 1  # one may leave once its worker has died: the next has not heard of it
        elif self._handed_out:
            lost = error.code in (*_BLAMELESS, "worker_crashed")
            if not lost or self._returned is not None or not _has_a_rest(request):
                return False
            params = {**request.params, **self._remaining_params}
            self.request = replace(request, id=new_id(), params=params, attempt=0)
            self._handed_out = self._repeated = False
        elif error.code == "path_unreachable" and request.input != "stream":
            self.request = replace(request, id=new_id(), input="stream", path="", device=0, inode=0, size=0)
        elif error.code == "model_missing" and error.detail.get("pull") and self._pulls:
            self._pulls = False  # a second attempt would not help
            self.missing = error.detail["model"]
            self.request = replace(request, id=new_id())
        elif error.code == "other_language" and request.params.get("languages") is not None:
            self.language = str(error.detail.get("language", ""))
        elif error.code in GONE and self._lost < MAX_LOST:
            self._lost += 1
            self._repeated = True
            self.request = replace(request, id=new_id())
        elif self._repeated:
            return False
        elif error.code == "worker_crashed" and request.input in ("stream", "none"):
            # The request keeps its id, so that a second crash is attributed to this input, and to no other request; a
            # kill from outside is not.
            self.request = replace(request, attempt=int(not error.detail.get("from_outside")))
            self._repeated = True
        elif error.code in _BLAMELESS or (self._arrived and error.code == "worker_crashed"):
            self.request = replace(request, id=new_id())
            self._repeated = True
        else:
            return False
        self._failure, self._arrived = error, False
        return True


def _lasts(message: Message) -> bool:
    """Returns whether a caller must not get it twice; an unstable text, say, is replaced by the next one."""
    return isinstance(message, Chunk) or (isinstance(message, Partial) and message.data.get("kind") in _LASTING)


def _content(partial: Partial) -> JsonObject:
    """Returns what a caller has of a partial, but for the verdict on it, which may come with it or after it."""
    return {name: value for name, value in partial.data.items() if name not in ("unjudged", "unlikely")}


def _remaining_params(segment: Mapping[str, Any]) -> JsonObject:
    """Returns the parameters that request the rest of a recording.

    It begins where the worker says that it is done (else at the end of the segment). The language is passed on, since
    it might be detected differently in the rest.
    """
    start = max(float(segment.get("end", 0.0)), float(segment.get("rest", 0.0)))
    return {"start_s": start} | ({"language": segment["language"]} if segment.get("language") else {})


def _has_a_rest(request: Request) -> bool:
    """Returns whether its answer can be requested in parts. Diarization needs the whole recording."""
    return request.op == "transcribe" and not request.session and not request.params.get("diarize")


def _is_repeated_whole(request: Request) -> bool:
    """Returns whether its answer can only be requested as a whole, and comes out the same then."""
    return request.op == "transcribe" and (request.session or bool(request.params.get("diarize")))


class RetryingCall:
    """A request under way, whichever attempt it is. Several tasks may receive its messages, and any may close it.

    Args:
        calls: the class of its attempts: `Call` for threads, `AsyncCall` for tasks.
        pull: downloads a model, `ENGINE/NAME`; None: a missing model is an error.
        voiced: returns a request whose text has a language that its voice does not speak as one for a voice that does.
        own_only: whether a supervisor at the end of the user's pointer is refused.
        on_wait: called with what the request waits for, and with an empty text once it runs or has its result.
        on_missing: called when the request fails for an engine, a model or a voice that is not there, or may not be.
    """

    def __init__(
        self,
        link: Link,
        calls: type[Call],
        request: Request,
        source: Input | None,
        pull: Callable[[str], Steps[object]] | None = None,
        voiced: Callable[[str, Request], Steps[Request]] | None = None,
        *,
        own_only: bool = False,
        on_wait: Callable[[str], object] | None = None,
        on_missing: Callable[[], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_missing = on_missing
        self._over = False
        self._on_wait = on_wait
        self._call: Call | None = None
        self._source = source
        self._link = link
        self._calls = calls
        self._pull = pull
        self._voiced = voiced
        self._own_only = own_only
        self._attempts = Attempts(request, source, pull is not None)
        self._former: Attempts | None = None  # attempts of the model from which the request was moved
        self._clock = clock
        self._ends = math.inf  # time when the request is useless, whoever answers it
        self.sends = 0  # number of times that it was sent

    @property
    def request(self) -> Request:
        """The request as it was sent last."""
        return self._attempts.request

    @property
    def repeatable(self) -> bool:
        """True if the whole input is still at hand."""
        return self._source is not None and self._source.whole

    @property
    def moved(self) -> bool:
        """True if another model answers than the one first asked."""
        return self._former is not None

    def move(self, request: Request) -> Steps[None]:
        """Cancels the present attempt and sends `request`, of the same input; if that fails before there is text, the
        former one is sent once more."""
        assert self._call is not None
        self._call.cancel()
        self._former = self._afresh(self._attempts.request)
        self._attempts = self._afresh(request)
        yield from self.begin()

    def _afresh(self, request: Request) -> Attempts:
        return Attempts(replace(request, id=new_id(), attempt=0), self._source, self._pull is not None)

    def begin(self) -> Steps[None]:
        """Sends the request."""
        try:
            yield from with_connection(self._link, self._send, own_only=self._own_only)
        except BaseException:  # Ctrl-C, too, after the request was sent
            self.close()
            raise

    def receive(self, *, taken: bool = True) -> Steps[Message | None]:
        """Returns the next message, the last being the `Result`; None after that. Raises HushdError if the request has
        failed, and it does not help to send it again. `taken`: as for `Attempts.is_new`."""
        while not self._over:
            try:
                message: Message = yield Receive(self._call)
            except HushdError as error:
                yield from self._recover(error)
                continue
            except EOFError:  # another task has received the result
                break
            except BaseException:  # Ctrl-C, or the task was cancelled: nobody waits for the rest
                self.close()
                raise
            if self._on_wait and isinstance(message, Accepted | Result):
                self._on_wait(message.note if isinstance(message, Accepted) else "")  # a preload never runs
            if self._is_new(message, taken):
                if isinstance(message, Result):
                    self._end()
                return message
        return None

    def close(self) -> None:
        """Cancels the request, unless it has ended. Safe on any thread."""
        if not self._over:
            self._end()
            if self._call is not None:
                self._call.cancel()

    def __del__(self) -> None:
        self.close()

    def _send(self, connection: Connection) -> Steps[None]:
        # Known before it is sent, so that an interrupt at any time finds it and cancels it.
        request, now = self._attempts.request, self._clock()
        if request.deadline_ms is not None:
            self._ends = min(self._ends, now + request.deadline_ms / 1000)
            request = replace(request, deadline_ms=max(1, round((self._ends - now) * 1000)))
        self.sends += 1
        call = self._call = self._calls(request, connection.post)
        connection.carry(call, request)
        if self._over:  # closed meanwhile
            call.cancel()
        elif self._source is not None and request.input == "stream":
            call.send_input(self._source)
        yield from ()  # a procedure, as its caller takes it, though without a step

    def mark_taken(self, message: Message) -> None:
        """Notes that the caller has a message that was received without being `taken`."""
        self._attempts.mark_taken(message)

    def _is_new(self, message: Message, taken: bool) -> bool:
        try:
            return self._attempts.is_new(message, taken=taken)
        except HushdError:
            self.close()
            raise

    def _recover(self, error: HushdError) -> Steps[None]:
        """Sends the request again if that helps, else raises `error`."""
        if self._on_missing and error.code in _MISSING:
            self._on_missing()
        try:
            if not self._attempts.again(error):
                if self._former is None or self._attempts.answered:
                    raise error
                self._attempts, self._former = self._former, None
            if self._attempts.missing and self._pull:
                yield from self._pull(self._attempts.missing)
            if self._attempts.language:
                if self._voiced is None:
                    raise error
                self._attempts.request = yield from self._voiced(self._attempts.language, self._attempts.request)
            yield from self.begin()
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        self._over = True
        if self._source is not None:
            self._source.close()


def with_connection(
    link: Link,
    use: Callable[[Connection], Steps[T]],
    *,
    own_only: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Steps[T]:
    """Returns what `use` returns for a connection; tries again with a new one when the supervisor was lost.

    Once at least, and for `RETRY_WINDOW_S` from the first loss: several supervisors in a row may be about to end.

    Args:
        own_only: whether `use` changes or ends the supervisor, which `refuse_borrowed` may forbid.
    """
    give_up = math.inf
    last = False
    while True:
        connection = yield Connect(link)
        if own_only:
            refuse_borrowed(connection)
        try:
            return (yield from use(connection))
        except HushdError as error:
            if error.code not in GONE or last:
                raise
        now = clock()
        give_up = min(give_up, now + RETRY_WINDOW_S)
        last = now >= give_up
