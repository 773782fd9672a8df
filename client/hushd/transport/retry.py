"""A request and its answers, sent a second time where nothing can be lost by it.

Five things end a call that is not at fault, and each has its remedy here, as long as the whole input is still at hand
and no output was returned:

* the supervisor exits or dies: the next one is found or started;
* the worker is stopped: the supervisor starts another (and repeats by itself what it can);
* the worker crashes under a streamed input, which only we have (the supervisor repeats the others itself), or in the
  middle of a download, which continues where it was;
* the worker cannot open our path: the bytes are sent instead;
* the model is not installed, and the configuration says `auto_pull`: it is pulled first.

Of a transcript that was returned in part before the worker or the supervisor died, the rest is requested: hours of work
are not lost with them. With speakers there is no rest, so the whole is requested again, and what was returned is left
out as long as it comes out the same. A second death that brought nothing new is raised.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Message, Partial, Request, Result

from .call import Call, new_id
from .connection import Connection
from .source import Source

GONE = ("supervisor_lost", "shutting_down")
_BLAMELESS = (*GONE, "worker_stopped")  # whatever the request was
AGAIN_S = 5.0  # in which a supervisor must stay for long enough to answer
_LASTING = ("segment", "sentence")  # kinds of partials; the others are sent anew

T = TypeVar("T")


class RetryingCall(Iterator[Message]):
    """Iterates over the messages of a request, the last being its `Result`.

    Args:
        pull: downloads a model, `ENGINE/NAME`; None: a missing model is an error.

    Raises:
        HushdError: at once when there is no supervisor, else while iterating.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        request: Request,
        source: Source | None,
        pull: Callable[[str], object] | None = None,
    ) -> None:
        self._connect = connect
        self._pull = pull
        self._source = source
        self._request = replace(request, **source.fields()) if source else request
        self._handed_out = False  # whether the caller has a part of the answer, which cannot be taken back
        self._rest: dict[str, Any] = {}  # of a recording: the parameters that ask for what is missing of it
        self._repeated = False
        self._returned: list[Partial] | None = [] if _is_repeated_whole(request) else None  # where no rest can be had
        self._known: deque[Partial] = deque()  # of these, what a repeated answer has not brought yet
        self._failure: HushdError | None = None  # for which it was repeated
        self._over = False
        self._call: Call | None = None
        try:
            self._ask()
        except BaseException:  # Ctrl-C, too, after the request was sent
            self.close()
            raise

    def __next__(self) -> Message:
        while self._call and not self._over:
            try:
                message = self._call.get()
            except HushdError as error:
                if not self._recover(error):
                    self._over = True
                    raise
                continue
            except BaseException:  # Ctrl-C, too, means that nobody waits for the rest
                self.close()
                raise
            if self._known and (_lasts(message) or isinstance(message, Result)):
                self._skip(message)
                continue
            if _lasts(message):
                self._handed_out = True
                self._rest = _rest(message.data) if isinstance(message, Partial) else {}
                if self._returned is not None and isinstance(message, Partial):
                    self._returned.append(message)
            self._over = isinstance(message, Result)
            return message
        raise StopIteration

    def _skip(self, message: Message) -> None:
        """Leaves out what the caller has already; raises the failure where the repeated answer is another one."""
        if isinstance(message, Partial) and message.data == self._known.popleft().data:
            return
        self.close()
        assert self._failure
        raise self._failure

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        if self._call and not self._over:
            self._over = True
            self._call.cancel()

    def __del__(self) -> None:
        if hasattr(self, "_call"):
            self.close()

    def _ask(self) -> None:
        call = with_connection(self._connect, self._send)
        if self._source and self._request.input == "stream":
            call.upload(self._source.pieces())

    def _send(self, connection: Connection) -> Call:
        # Known before it is sent, so that an interrupt at any time finds it and cancels it.
        self._call = call = Call(self._request, connection.post)
        connection.carry(call, self._request)
        return call

    def _recover(self, error: HushdError) -> bool:
        """Sends the request again if that helps against `error` and nothing is lost by it; returns whether it did."""
        if self._source and not self._source.whole:
            return False
        streamed = self._request.input == "stream"
        if self._handed_out and self._returned is not None and error.code in _BLAMELESS:
            again = replace(self._request, id=new_id())
            self._known, self._failure = deque(self._returned), error
            self._handed_out, self._repeated = False, True
        elif self._handed_out:
            if error.code not in (*_BLAMELESS, "worker_crashed") or not _has_a_rest(self._request):
                return False
            params = {**self._request.params, **self._rest}
            again = replace(self._request, id=new_id(), params=params, attempt=0)
            self._handed_out = self._repeated = False
        elif error.code == "path_unreachable" and not streamed:
            again = replace(self._request, id=new_id(), input="stream", path="", device=0, inode=0, size=0)
        elif error.code == "model_missing" and error.detail.get("pull") and self._pull:
            pull, self._pull = self._pull, None  # once: a second attempt would not help
            pull(error.detail["model"])
            again = replace(self._request, id=new_id())
        elif self._repeated:
            return False
        elif error.code == "worker_crashed" and self._request.input in ("stream", "none"):
            # Under the same id, so that a second crash is attributed to this input, and to no other request.
            again = replace(self._request, attempt=1)
            self._repeated = True
        elif error.code in _BLAMELESS:
            again = replace(self._request, id=new_id())
            self._repeated = True
        else:
            return False
        self._request = again
        self._ask()
        return True


def _lasts(message: Message) -> bool:
    """Whether a caller must not get it twice; an unstable text, say, is replaced by the next one."""
    return isinstance(message, Chunk) or (isinstance(message, Partial) and message.data.get("kind") in _LASTING)


def _rest(segment: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parameters that request the rest of a recording.

    It begins where the worker says that it is done (else at the end of the segment). The language is passed on, since
    it might be detected differently in the rest.
    """
    start = max(float(segment.get("end", 0.0)), float(segment.get("rest", 0.0)))
    return {"start_s": start} | ({"language": segment["language"]} if segment.get("language") else {})


def _has_a_rest(request: Request) -> bool:
    """Whether its answer can be requested in parts. Diarization needs the whole recording."""
    return request.op == "transcribe" and not request.session and not request.params.get("diarize")


def _is_repeated_whole(request: Request) -> bool:
    """Whether its answer can only be requested as a whole, and comes out the same then."""
    return request.op == "transcribe" and not request.session and bool(request.params.get("diarize"))


def with_connection(connect: Callable[[], Connection], use: Callable[[Connection], T]) -> T:
    """Returns what `use` returns for a connection; tries again with a new one when the supervisor was lost.

    Once at least, and for `AGAIN_S`: several supervisors in a row may be about to end.
    """
    give_up = time.monotonic() + AGAIN_S
    last = False
    while True:
        connection = connect()
        try:
            return use(connection)
        except HushdError as error:
            if error.code not in GONE or last:
                raise
        last = time.monotonic() >= give_up
