"""Becomes the one supervisor of this user, and serves until nobody needs it; or finds that there is one."""

from __future__ import annotations

import functools
import gc
import os
import sys
from pathlib import Path
from typing import NoReturn

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import escaped
from hushd_protocol.system import best_effort, log_files
from hushd_protocol.system.paths import Paths, make_state, prepare_runtime
from hushd_schema.settings import Settings, load
from msgspec.structs import replace

from .arguments import Options
from .assembly import Assembly, Start
from .system import activation
from .system.sd_notify import from_environment
from .system.sockets import lock


def run(options: Options, paths: Paths) -> None:
    """Serves until there is nothing left to do; returns at once when another supervisor answers."""
    os.umask(0o077)
    os.environ.pop("HUSHD_ENDPOINT", None)  # our gateway is our client, not another machine's
    prepare_runtime(paths)
    with best_effort.writing(paths.logs):
        make_state(paths)
    start = _start(options, paths)
    settings = _settings(options, paths)
    if other := _other(start, settings):
        _report_ready(options)
        if options.serve:
            _hand_over(settings)
        if not options.auto:
            complain(f"Another supervisor already listens on {other / 'client.sock'}.")
        return
    if start.unattended:
        _open_log(paths)
    try:
        _serve(start, settings)
    finally:
        lock.withdraw_pointer(paths)


def _open_log(paths: Paths) -> None:
    """Makes the log our standard error; if it cannot be opened, we keep the standard error that we were given."""
    with best_effort.writing(paths.supervisor_log):
        output = log_files.open_file(paths.supervisor_log)
        os.dup2(output, 2)
        os.close(output)


def _serve(start: Start, settings: Settings) -> None:
    """Serves, as the one supervisor."""
    paths = start.paths
    parts = Assembly(start, settings, functools.partial(_settings, start.options, paths))
    parts.record("info", f"hushd {__version__} (pid {os.getpid()}) listens on {paths.client_socket}")
    if os.environ.get("HUSHD_CONFIG") and not paths.config.exists():
        parts.record("warning", f"HUSHD_CONFIG names {paths.config}, which does not exist: the defaults hold")
    parts.history.begin()
    _report_ready(start.options)
    if start.manager:
        start.manager.ready()
    gc.collect()  # uses the time in which a client connects
    gc.freeze()  # the objects of the start stay: no collection need walk them
    try:
        parts.loop.run()
    finally:
        parts.signals.ignore()
    parts.close()
    parts.record("info", "left")


def _settings(options: Options, paths: Paths) -> Settings:
    """The configuration, with the addresses of the command line."""
    settings = load(paths.config)
    if options.http:
        settings = replace(settings, http=replace(settings.http, listen=options.http))
    if options.wyoming:
        settings = replace(settings, wyoming=replace(settings.wyoming, listen=options.wyoming))
    return settings


def _hand_over(settings: Settings) -> NoReturn:
    """Becomes the client that has the running supervisor listen at the addresses of `settings`.
    Raises `bad_request` if there are none."""
    if not (settings.http.listen or settings.wyoming.listen):
        raise HushdError(
            "bad_request",
            "A supervisor runs already, and no address to serve at is given: name one, as in "
            "`hushd serve --http 127.0.0.1:8000`, or set http.listen.",
        )
    listen = [*(f"http={text}" for text in settings.http.listen)]
    listen += [f"wyoming={text}" for text in settings.wyoming.listen]
    os.execv(sys.executable, [sys.executable, "-P", "-m", "hushd", "serve", "--beside", *listen])


def _other(start: Start, settings: Settings) -> Path | None:
    """The runtime folder of another supervisor of this user that serves already; None when we are the one to serve."""
    paths, activated = start.paths, start.inherited is not None
    patience = lock.LOCK_TIMEOUT_S
    if activated:  # the other one finishes its jobs first, under the same configuration
        patience = settings.longest_drain + lock.AFTER_JOBS_S
    if lock.acquire(paths, patience, activated=activated) is None:
        return paths.runtime
    return lock.claim_pointer(paths, patience, activated=activated)


def _start(options: Options, paths: Paths) -> Start:
    """Returns the circumstances of our start: the sockets that a service manager has for us, where to notify it."""
    inherited, passed = activation.inherited(paths.client_socket)
    return Start(options, paths, inherited, tuple(passed), from_environment())


def complain(message: str) -> None:
    """Writes a sentence for the user."""
    print(f"hushd: {escaped(message)}", file=sys.stderr)  # a terminal, or a log that is shown on one


def _report_ready(options: Options) -> None:
    """Writes a line to who has started us."""
    if options.ready_fd is not None:
        try:
            os.write(options.ready_fd, b"\n")
        except OSError:
            pass  # the process that waited is gone; others may still need this supervisor
        os.close(options.ready_fd)
