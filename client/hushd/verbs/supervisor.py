"""The verbs besides speech: turns of the floor, workers, the supervisor, models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Result
from hushd_schema.description import Descriptions
from hushd_schema.status import EndedWorkers, Status, Turns

from hushd.transport.call import new_id
from hushd.transport.connection import Connection
from hushd.transport.link import own_link, refuse_borrowed
from hushd.transport.retry import with_connection
from hushd.transport.steps import RunInThread, Steps, verb
from hushd.warnings import unused_device

from . import requests
from .base import ClientBase
from .requests import KeepAlive, OnProgress

if TYPE_CHECKING:
    from hushd_schema.operations.models import ModelResult
    from hushd_schema.results import ResultWarning


class SupervisorVerbs(ClientBase):
    """Turns, workers and models; a base of both clients. Every verb raises `HushdError`."""

    @verb
    def control(self, /, action: str, *names: str, **options: Any) -> Steps[dict[str, Any]]:
        """Sends a control message of docs/PROTOCOL.md; returns the data of its result.

        The methods below are what programs need of them.
        """
        return self._controlled(action, *names, **options)

    # --- the floor ---------------------------------------------------------------------------------------------------

    @verb
    def stop_speaking(self, *who: str, current: bool = False) -> Steps[list[int]]:
        """Ends all speech, also speech that still waits; returns the numbers of the turns it ended.

        Args:
            who: numbers of turns, clients as in `status`, or `self`; without any, everybody.
            current: ends only the speech that is heard now; the next one begins.
        """
        return self._turned("stop" if current else "cancel", *who)

    @verb
    def pause(self, *who: str) -> Steps[list[int]]:
        """Pauses all speech until `resume`; nothing is lost. Without names, speech yet to come is paused too, also by a
        later supervisor of this login."""
        return self._turned("pause", *who)

    @verb
    def resume(self, *who: str) -> Steps[list[int]]:
        """Resumes where `pause` interrupted."""
        return self._turned("resume", *who)

    # --- workers -----------------------------------------------------------------------------------------------------

    @verb
    def preload(
        self, *workers: str, keep_alive: KeepAlive = None, wait: bool = True, language: str | None = None
    ) -> Steps[list[ResultWarning]]:
        """Starts workers (`stt`, `tts/hibari`, `stt/moonshine/tiny-en`), all at once; returns when they are ready.

        With `wait=False` it returns once the requests are sent. `stt` alone is the worker that is configured for
        `language`. A worker serves every client once it has started.

        Returns a warning for each that computes on the CPU, and why, where a card was named or configured for it.
        """
        code = languages.checked(language) if language else None  # the settings have models by codes
        warm = [requests.warm(worker, keep_alive, code) for worker in workers]
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
        return [unused_device(each) for each in data if each.get("why_there")]

    @verb
    def unload(self, *workers: str, force: bool = False) -> Steps[Unloaded]:
        """Ends workers, all of them when none is named; returns the names of those that ran, once they have ended.

        This client's own requests there end at once with `cancelled`. A worker with jobs of other programs ends after
        the last of them. That is not waited for: `busy` of the returned list counts them.
        `force`: also ends the jobs of others; those of which nothing is lost are repeated by themselves.
        """
        return Unloaded.from_data((yield from self._controlled("unload", *workers, force=force)))

    @verb
    def status(self) -> Steps[Status]:
        """Returns the supervisor, its workers, memory, and who speaks or listens."""
        return Status.from_data((yield from self._controlled("status")))

    @verb
    def reload(self) -> Steps[None]:
        """Makes the supervisor read its configuration again; requests under way go on. Raises `bad_request` for an
        error in the configuration; nothing has changed then."""
        yield from self._controlled("reload")

    @verb
    def describe(self, *roles: str) -> Steps[Descriptions]:
        """Returns the engines, models and voices, by role (`stt`, `tts`)."""
        return Descriptions.from_data((yield from self._controlled("describe", *roles)))

    @verb
    def shutdown(self, timeout: float = 10.0) -> Steps[bool]:
        """Makes the supervisor finish running requests and exit; returns whether it had after `timeout` seconds."""
        return self._left("shutdown", timeout)

    @verb
    def restart(self, timeout: float | None = None) -> Steps[bool]:
        """Makes the supervisor finish running requests and exit; new requests are served by the next supervisor.

        Returns whether it had exited after `timeout` seconds. The next request starts the new one, or a service manager
        does.
        """
        return self._left("restart", timeout)

    # --- models ------------------------------------------------------------------------------------------------------

    @verb
    def pull(self, model: str, *, on_progress: OnProgress | None = None) -> Steps[ModelResult]:
        """Downloads `ENGINE/NAME`, or verifies it if it is installed; returns its `model`, `size` and `location`.

        A second pull of a model waits for the first one. When a download breaks off, the next one continues it.

        Args:
            on_progress: called with a description of the step, the bytes received, and the total or 0.
        """
        return self._changed("pull", requests.pull_params(model), on_progress)

    # --- procedures ------------------------------------------------------------------------------------------------

    def _turned(self, action: str, *who: str) -> Steps[list[int]]:
        """Changes turns of the floor; returns their numbers."""
        return list(Turns.from_data((yield from self._controlled(action, *who, by=own_link(self.link)))).turns)

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


def _end(connection: Connection, action: str) -> None:
    """Sends `shutdown` or `restart`, unless the supervisor leaves already."""
    try:
        connection.start(Control(id=new_id(), action=action)).result()
    except HushdError as error:
        if error.code != "shutting_down":
            raise


class Unloaded(list[str]):
    """The names of the workers that have ended.
    `busy`: by the name of each worker that goes on for now, the number of other programs' jobs there."""

    def __init__(self, names: Iterable[str], busy: Mapping[str, int]) -> None:
        super().__init__(names)
        self.busy = dict(busy)

    @classmethod
    def from_data(cls, data: object) -> Unloaded:
        """Reads the supervisor's answer."""
        ended = EndedWorkers.from_data(data)
        return cls(ended.unloaded, ended.busy)
