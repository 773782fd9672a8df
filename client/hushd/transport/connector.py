"""Requests on a connection to the supervisor, which is made at the first of them, and again when it was lost."""

from __future__ import annotations

from typing import Any, Self

from hushd_protocol.messages import Control, Request, Result

from . import model_requests
from .call import new_id
from .connection import Connection
from .link import Link
from .retry import RetryingCall, with_connection
from .source import Source

# What changes or ends the supervisor or its workers. To stop and pause speech is part of using it.
CHANGES = ("listen", "reload", "restart", "shutdown", "unload", "yield")


class Connector:
    """A connection that is established when it is needed; a context manager. Args as for `hushd.Client`."""

    def __init__(
        self,
        *,
        holder: str | None = None,
        start: bool = True,
        on_pull: model_requests.OnProgress | None = None,
        compute_device: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        self._link = Link(holder, start, compute_device, endpoint)
        self._on_pull = on_pull

    @classmethod
    def on(cls, link: Link, on_pull: model_requests.OnProgress | None) -> Self:
        """Returns one on a connection that another one has too."""
        connector = cls.__new__(cls)
        connector._link, connector._on_pull = link, on_pull
        return connector

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection. Requests under way are cancelled; the next one connects again."""
        self._link.close()

    def _call(self, request: Request, input: Source | None) -> RetryingCall:
        link = self._link
        return RetryingCall(link.connect, link.placed(request), link.sent(input), self._pull_missing)

    def _pull_missing(self, model: str) -> None:
        on_pull = self._on_pull
        report = on_pull and (lambda _, done, total: on_pull(model, done, total))
        model_requests.pull(self._link.connect, model, on_progress=report)

    def _control(self, action: str, *names: str, **options: Any) -> dict[str, Any]:
        def ask(connection: Connection) -> Result:
            return connection.start(Control(id=new_id(), action=action, names=list(names), **options)).result()

        return with_connection(self._link.connect_own if action in CHANGES else self._link.connect, ask).data
