"""Checks the names of engines in the configuration against the installed engines, for `hushd config check` alone.

A running supervisor takes any name, and reads no package metadata: that costs 40 ms, and the worker itself reports best
that it has no such engine.
"""

from __future__ import annotations

from collections.abc import Iterator

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, listed, quoted

from hushd_supervisor.core.names import ENGINES
from hushd_supervisor.core.settings import Settings


def check(settings: Settings, file: str) -> None:
    """Checks every engine that `settings` name, except where the user's own `command` stands in for it.

    Raises:
        HushdError: `bad_request`, naming the key of the first that is not installed.
    """
    for role in ENGINES:
        known = installed(role)
        for where, name in _named(settings, role):
            engine = name.split("/")[1]
            if known and engine not in known and not settings.for_worker(name).command:
                raise HushdError(
                    "bad_request",
                    f"{file}: {where} names the engine {quoted(engine)}, which is not installed"
                    f"{did_you_mean(engine, known)}: use {listed(sorted(known))}, or set its command.",
                )


def installed(role: str) -> set[str]:
    """The engines of a role: hushd's own, and those that other packages add by an entry point."""
    from importlib.metadata import entry_points

    return {point.name for point in entry_points(group=f"hushd.{role}_engines")}


def _named(settings: Settings, role: str) -> Iterator[tuple[str, str]]:
    """Yields the keys that name engines of a role, with the names of the workers."""
    yield role, f"{role}/{settings.default_model(role)}"
    if small := settings.small_model(role):
        yield f"{role}_small", f"{role}/{small}"
    for name in settings.standby:
        if name.startswith(f"{role}/"):
            yield "standby", name
    for name in settings.worker:
        if name.startswith(f"{role}/"):
            yield f'worker."{name}"', name
