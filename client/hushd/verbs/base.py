"""The connection of a client, a request under way at it, and a control message: every verb stands on these."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, Self

from hushd_protocol import JsonObject
from hushd_protocol.messages import Control, Request, Result
from hushd_schema.entry_points import entry_points, loaded
from hushd_schema.operations.models import ModelResult

from hushd.floor import Floor
from hushd.transport.call import Call, new_id
from hushd.transport.connection import Connection
from hushd.transport.link import Link, floor_link
from hushd.transport.retry import RetryingCall, with_connection
from hushd.transport.source import Input
from hushd.transport.steps import Receive, Steps, verb
from hushd.verbs import requests
from hushd.verbs.preparation import Preparation

# Verbs that change or end the supervisor or its workers. To stop and pause speech is part of using it.
CHANGES = ("listen", "reload", "restart", "shutdown", "unload")


class ClientBase:
    """A connection that is established when it is needed. Args as for `hushd.Client`.
    `link`: the connection, for programs that send messages of their own."""

    calls: ClassVar[type[Call]] = Call

    def __init__(
        self,
        *,
        holder: str | None = None,
        start: bool = True,
        on_pull: requests.OnProgress | None = None,
        on_wait: Callable[[str], object] | None = None,
        endpoint: str | None = None,
    ) -> None:
        self.link = Link(holder, start, endpoint)
        self._on_pull, self._on_wait = on_pull, on_wait

    @classmethod
    def on(cls, link: Link, on_pull: requests.OnProgress | None) -> Self:
        """Returns a client on a connection that another one has too."""
        client = cls.__new__(cls)
        client.link, client._on_pull, client._on_wait = link, on_pull, None  # noqa: SLF001 - a second way to make one
        return client

    @cached_property
    def _preparation(self) -> Preparation:
        return Preparation(self._controlled)

    @verb
    def close(self) -> Steps[None]:
        """Closes the connection. Requests under way are cancelled; the next one connects again."""
        yield self.link.close

    def _claim(
        self, devices: tuple[str, ...], priority: str, on_wait: Callable[[str], None] | None = None, duck: bool = False
    ) -> Floor:
        """See `Client.floor`."""
        requests.check_priority(priority)

        return Floor(floor_link(self.link), devices, priority, on_wait, _ducking() if duck else None)

    def _send(
        self,
        request: Request,
        source: Input | None = None,
        voiced: Callable[[str, Request], Steps[Request]] | None = None,
    ) -> Steps[RetryingCall]:
        """Sends a request; returns it under way. `voiced`: see `RetryingCall`."""
        link = self.link
        given = link.sent(source)
        forget = self._preparation.forget
        call = RetryingCall(
            link, self.calls, request, given, self._pulled, voiced, on_wait=self._on_wait, on_missing=forget
        )
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

    def _changed(
        self, op: str, params: JsonObject, on_progress: requests.OnProgress | None, *, own_only: bool = True
    ) -> Steps[ModelResult]:
        """Has the worker for models do `op`; returns its result.

        Args:
            on_progress: called with a description of the step, its bytes so far and in all (0 while unknown).
            own_only: whether somebody has commanded it; else a request needs it.
        """
        call = RetryingCall(self.link, self.calls, requests.of_models(op, params), None, own_only=own_only)
        yield from call.begin()
        report = requests.Report(on_progress)
        while (message := (yield from call.receive())) is not None:
            if isinstance(message, Result):
                self._preparation.forget()
                return ModelResult.from_data(message.data)
            report(message)
        raise AssertionError("a call ends with a result")

    def _pulled(self, model: str) -> Steps[ModelResult]:
        """Downloads a model that a request needs."""
        on_pull = self._on_pull
        report = on_pull and (lambda _, done, total: on_pull(model, done, total))
        return self._changed("pull", requests.pull_params(model), report, own_only=False)


def _ducking() -> Callable[[bool], None]:
    """The function that makes other programs quieter while a floor is held; a plugin's, without which none is."""
    ducking = entry_points("hushd.client").get("ducking")
    return loaded(ducking)() if ducking else lambda held: None
