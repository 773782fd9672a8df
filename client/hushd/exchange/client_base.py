"""Procedures of both clients at their connection, which each runs in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hushd_protocol import JsonObject, duration
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Request, Result
from hushd_protocol.suggest import quoted

from hushd.transport import model_requests, requests
from hushd.transport.call import Call, new_id
from hushd.transport.connection import Connection
from hushd.transport.link import Link, refuse_borrowed
from hushd.transport.requests import KeepAlive
from hushd.transport.retry import RetryingCall, with_connection
from hushd.transport.source import Input
from hushd.transport.steps import Receive, RunInThread, Steps
from hushd.transport.warning import ResultWarning, elsewhere

from .preparation import Preparation

if TYPE_CHECKING:
    from hushd_schema.description import Descriptions
    from hushd_schema.operations.models import ModelResult
    from hushd_schema.status import Status

# What changes or ends the supervisor or its workers. To stop and pause speech is part of using it.
CHANGES = ("listen", "reload", "restart", "shutdown", "unload")


class ClientBase:
    """A connection that is established when it is needed. Args as for `hushd.Client`.

    Attributes:
        link: the connection, for programs that send messages of their own.
    """

    calls: ClassVar[type[Call]] = Call

    def __init__(
        self,
        *,
        holder: str | None = None,
        start: bool = True,
        on_pull: model_requests.OnProgress | None = None,
        on_wait: Callable[[str], object] | None = None,
        compute_device: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        self.link = Link(holder, start, compute_device, endpoint)
        self._on_pull, self._on_wait = on_pull, on_wait

    @classmethod
    def on(cls, link: Link, on_pull: model_requests.OnProgress | None) -> Self:
        """Returns a client on a connection that another one has too."""
        client = cls.__new__(cls)
        client.link, client._on_pull, client._on_wait = link, on_pull, None
        return client

    @cached_property
    def _preparation(self) -> Preparation:
        return Preparation(self._described, self._status, self.link.paths.config)

    def _ducking(self) -> Callable[[bool], None]:
        """The function that makes other programs quieter while a floor is held; a guest's, without which none is."""
        try:
            from hushd_desktop.ducking.holder import Ducking  # for few
        except ModuleNotFoundError:
            return lambda held: None
        hold: Callable[[bool], None] = Ducking().hold
        return hold

    def _send(self, request: Request, source: Input | None = None) -> Steps[RetryingCall]:
        """Sends a request; returns it under way."""
        link = self.link
        request, given = link.placed(request), link.sent(source)
        call = RetryingCall(link, self.calls, request, given, self._pulled, on_wait=self._on_wait)
        yield from call.begin()
        return call

    def _controlled(self, action: str, *names: str, by: Link | None = None, **options: Any) -> Steps[JsonObject]:
        """Sends a control message, `by` another link if given; returns the data of its result."""

        def ask(connection: Connection) -> Steps[Result]:
            control = Control(id=new_id(), action=action, names=list(names), **options)
            call = self.calls(control, connection.post)
            try:
                connection.carry(call, control)
                while not isinstance(message := (yield Receive(call)), Result):
                    pass
            except BaseException:  # Ctrl-C, or the task was cancelled
                call.cancel()
                raise
            return message

        return (yield from with_connection(by or self.link, ask, own_only=action in CHANGES)).data

    def _turned(self, action: str, *who: str) -> Steps[list[int]]:
        """Changes turns of the floor; returns their numbers."""
        from hushd_schema.controls import Turns

        from hushd.transport.link import own_link

        return list(Turns.from_data((yield from self._controlled(action, *who, by=own_link(self.link)))).turns)

    def _ended(
        self, workers: tuple[str, ...], force: bool, keep_away: float | str | None, hold: bool, everywhere: bool
    ) -> Steps[Unloaded]:
        """See `Client.unload`."""
        for_s = -1.0 if keep_away is None else duration.parse(keep_away)
        if for_s is None or (for_s < 0 and keep_away is not None):
            sentence = f"{quoted(keep_away)} is not a length of time: use one such as 90s or 10m."
            raise HushdError("bad_request", sentence)
        away: dict[str, Any] = {"for_s": for_s, "hold": hold, "everywhere": everywhere}
        return Unloaded.from_data((yield from self._controlled("unload", *workers, force=force, **away)))

    def _status(self) -> Steps[Status]:
        """See `Client.status`."""
        from hushd_schema.status import Status

        return Status.from_data((yield from self._controlled("status")))

    def _described(self, *roles: str) -> Steps[Descriptions]:
        """See `Client.describe`."""
        from hushd_schema.description import Descriptions

        return Descriptions.from_data((yield from self._controlled("describe", *roles)))

    def _preloaded(
        self, workers: tuple[str, ...], keep_alive: KeepAlive, wait: bool, language: str | None
    ) -> Steps[list[ResultWarning]]:
        """See `Client.preload`."""
        warm = [self.link.placed(requests.warm(worker, keep_alive, language)) for worker in workers]
        if not wait:

            def start(connection: Connection) -> Steps[None]:
                for request in warm:
                    connection.start(request)
                yield from ()

            yield from with_connection(self.link, start)
            return []
        calls = []
        for request in warm:
            calls.append((yield from self._send(request)))
        data: list[JsonObject] = []
        for call in calls:
            while (message := (yield from call.receive())) is not None:
                data += [message.data] if isinstance(message, Result) else []
        return [elsewhere(each) for each in data if each.get("why_there")]

    def _left(self, action: str, timeout: float | None) -> Steps[bool]:
        """Ends the supervisor; returns whether it left in time."""
        connections: list[Connection] = []
        over = False

        def find() -> Connection:
            connections.append(self.link.find())
            if over:  # the task that wanted it was cancelled meanwhile
                connections[0].close()
            return connections[0]

        try:
            connection = yield find
            refuse_borrowed(connection)
            yield partial(_end, connection, action)
            has_left: bool = yield RunInThread(partial(connection.wait_lost, timeout), stop=connection.close)
            if has_left and (current := self.link.connection):
                current.left(connection)
            return has_left
        finally:
            over = True
            for connection in connections:
                connection.close()

    def _changed(
        self, op: str, params: JsonObject, on_progress: model_requests.OnProgress | None, *, own_only: bool = True
    ) -> Steps[ModelResult]:
        """Has the worker for models do `op`; returns its result.

        Args:
            on_progress: called with a description of the step, its bytes so far and in all (0 while unknown).
            own_only: whether somebody has commanded it; else a request needs it.
        """
        call = RetryingCall(self.link, self.calls, model_requests.request(op, params), None, own_only=own_only)
        yield from call.begin()
        report = model_requests.Report(on_progress)
        while (message := (yield from call.receive())) is not None:
            if isinstance(message, Result):
                return model_requests.result(message)
            report(message)
        raise AssertionError("a call ends with a result")

    def _pulled(self, model: str) -> Steps[ModelResult]:
        """Downloads a model that a request needs."""
        on_pull = self._on_pull
        report = on_pull and (lambda _, done, total: on_pull(model, done, total))
        return self._changed("pull", model_requests.pull_params(model), report, own_only=False)


def _end(connection: Connection, action: str) -> None:
    """Sends `shutdown` or `restart`, unless the supervisor leaves already."""
    try:
        connection.start(Control(id=new_id(), action=action)).result()
    except HushdError as error:
        if error.code != "shutting_down":
            raise


class Unloaded(list[str]):
    """The names of the workers that have ended.

    Attributes:
        busy: by the name of each worker that goes on for now, the number of other programs' jobs there.
    """

    def __init__(self, names: Iterable[str], busy: Mapping[str, int]) -> None:
        super().__init__(names)
        self.busy = dict(busy)

    @classmethod
    def from_data(cls, data: object) -> Unloaded:
        """From the supervisor's answer."""
        from hushd_schema.controls import EndedWorkers

        ended = EndedWorkers.from_data(data)
        return cls(ended.unloaded, ended.busy)
