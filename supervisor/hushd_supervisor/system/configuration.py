"""Reloads the configuration while the supervisor runs, and applies it to every part that uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Error, Result
from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action, Configure, ToClient
from hushd_supervisor.core.events import Configured, Event
from hushd_supervisor.core.failures import scarce

from .source import REFUSALS, Outcome, Perform, Source, WriteLog

if TYPE_CHECKING:
    from .sd_notify import ServiceManager


class Follower(Protocol):
    """A part that applies the configuration."""

    def configure(self, settings: Settings) -> None:
        """Applies `settings`. Raises HushdError, and keeps the old ones, if it cannot."""


class Configuration(Source):
    """Reads the configuration again on request, and configures the `followers` in their order."""

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        followers: Sequence[Follower],
        record: WriteLog,
        manager: ServiceManager | None = None,
    ) -> None:
        self._settings = settings
        self._read = read
        self._followers = followers
        self._record = record
        self._manager = manager

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Configure: self._configure}

    def reload(self, _: float) -> Iterator[Event]:
        """Reads the configuration for no client, as on SIGHUP; yields `Configured` unless it is invalid."""
        for outcome in self._configure(Configure(b"", b"")):
            assert not isinstance(outcome, ToClient)
            yield outcome

    def _configure(self, action: Configure) -> Iterator[Outcome]:
        """Reads the configuration; an error goes to the client that asked, and changes nothing."""
        answer: Result | Error = Result(id=action.id)
        settings = None
        if self._manager:
            self._manager.reload(begins=True)
        try:
            settings = self._read()
            self._follow(settings)
        except (HushdError, *REFUSALS) as failure:
            settings, error = None, failure if isinstance(failure, HushdError) else scarce(failure)
            self._record("error", f"the configuration stays as it was: {error}")
            answer = Error.of(action.id, error)
        if self._manager:
            self._manager.reload(begins=False)
        if action.route:
            yield ToClient(action.route, answer)
        if settings:
            self._settings = settings
            yield Configured(settings)

    def _follow(self, settings: Settings) -> None:
        """Applies `settings` to all followers; if one cannot, the earlier ones get the old settings back.
        Raises what that follower raises."""
        for number, follower in enumerate(self._followers):
            try:
                follower.configure(settings)
            except (HushdError, *REFUSALS):
                for earlier in self._followers[:number]:
                    earlier.configure(self._settings)
                raise
