"""Checks of hushd's places: folders, sockets, configuration, models, service."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from hushd.client import Client
from hushd_models import advice, user_models
from hushd_models.inventory import rows
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.commands.config.file import checked

from .finding import Finding

_PATHS = ("HUSHD_CONFIG", "HUSHD_MODELS_DIR", "HUSHD_RUNTIME_DIR", "HUSHD_STATE_DIR")
FULL_MB = 500  # of free disk, below which models have no room


def endpoint() -> Iterator[Finding]:
    """Checks whether hushd on the machine of HUSHD_ENDPOINT answers, and how fast."""
    began = time.monotonic()
    with Client(holder="cli") as client:
        version = client.status().supervisor.version
        took = time.monotonic() - began
        yield Finding(
            "endpoint",
            "ok",
            f"programs ask hushd {version} on {client.link.place}, which answers after {took:.1f} s; what follows is "
            "about this machine",
        )


def folders() -> Iterator[Finding]:
    """Checks the runtime folder and its sockets, which only the user may access, and the state folder."""
    try:
        places = paths.find()
    except HushdError as error:
        yield Finding("folders", "broken", error.message, "export HUSHD_RUNTIME_DIR=/tmp/hushd-$UID")
        return
    if not os.path.lexists(places.runtime):
        yield Finding("folders", "ok", f"{places.runtime} is made when a supervisor starts")
    else:
        yield _runtime(places)
        yield from _sockets(places)
    yield _writable("state", places.state, "HUSHD_STATE_DIR")


def _runtime(places: paths.Paths) -> Finding:
    try:
        paths.prepare_runtime(places)
    except HushdError as error:
        return Finding.of_error("folders", error)
    return Finding("folders", "ok", f"runtime folder {places.runtime}, mode {_mode(places.runtime):04o}")


def _sockets(places: paths.Paths) -> Iterator[Finding]:
    for path in (places.client_socket, places.worker_socket):
        if path.is_socket():
            mode = _mode(path)
            state, remedy = ("warning", f"chmod 0700 {path}") if mode & 0o077 else ("ok", "")
            yield Finding("folders", state, f"socket {path}, mode {mode:04o}", remedy)


def _writable(what: str, folder: Path, variable: str) -> Finding:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if os.access(existing, os.W_OK | os.X_OK):
        room = os.statvfs(existing)
        if not room.f_bavail or (room.f_files and not room.f_favail):  # some file systems count no files
            remedy = "make room: logs and records are not written meanwhile, and speech and hearing go on"
            return Finding("folders", "warning", f"{what} folder {folder} is full", remedy)
        return Finding("folders", "ok", f"{what} folder {folder}")
    remedy = f"chown -R $USER {existing}, or set {variable} to a folder of yours"
    return Finding("folders", "broken", f"{what} folder {folder} cannot be written", remedy)


def _mode(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def configuration() -> Iterator[Finding]:
    """Checks the configuration file, as the supervisor reads it."""
    config_path = paths.find().config
    try:
        text = checked(config_path).rstrip(".")
    except HushdError as error:
        yield Finding("configuration", "broken", error.message.rstrip("."), "hushd config edit")
    else:
        if os.environ.get("HUSHD_CONFIG") and not config_path.exists():
            yield Finding(
                "configuration", "warning", f"HUSHD_CONFIG is set, and {text}", "unset HUSHD_CONFIG, or write it"
            )
        else:
            yield Finding("configuration", "ok", text)
    for name in sorted(key for key in os.environ if key.startswith("HUSHD_")):
        value = f": {os.environ[name]}" if name in _PATHS else ""  # other values may be secrets
        yield Finding("configuration", "note", f"{name} is set in this shell{value}")


def models() -> Iterator[Finding]:
    """Checks the installed models for completeness, and the disk space for more."""
    here = paths.find()
    listed = rows(Store(here), user_models.configured(here.config))
    usable = [row for row in listed if row.usable]
    size = sum(row.size for row in usable) / 1e6
    yield Finding("models", "ok", f"{len(usable)} models are here, {size:.0f} MB besides those in packages")
    for row in listed:
        if row.state == "broken":
            yield Finding("models", "broken", f"{row.model}: {row.problem}", f"hushd models pull {row.model}")
        elif row.state == "half":
            remedy = f"hushd models pull {row.model}, or hushd models prune"
            yield Finding("models", "warning", f"{row.model} was interrupted during its download", remedy)
    lacking = sorted({row.engine for row in usable if row.known and not advice.engine_installed(row.known.engine)})
    for engine in lacking:
        if engine not in user_models.engines_elsewhere(here.config):
            remedy = advice.engine_command(engine)
            yield Finding("models", "warning", f"models of {engine} are here, and {engine} is not installed", remedy)
    existing = next(place for place in (here.models, *here.models.parents) if place.exists())
    free = shutil.disk_usage(existing).free / 1e6
    if free < FULL_MB:
        yield Finding(
            "models", "warning", f"{free:.0f} MB are free at {existing}", "hushd models prune, hushd models rm"
        )


def service() -> Iterator[Finding]:
    """Checks whether hushd is a service of the session, by its files and by the service manager."""
    from hushd_cli.commands.service import units

    installed = units.find()
    missing = installed.missing()
    files = [path for path in installed.files if path.exists()]
    if not files:
        yield Finding(
            "service", "note", "hushd is not a service here: commands start it", "hushd service install, if wanted"
        )
    elif missing:
        names = ", ".join(path.name for path in missing)
        yield Finding("service", "warning", f"{names} differ from this installation", "hushd service install")
    elif reason := units.run(installed.active):
        yield Finding("service", "broken", f"{installed.manager} does not listen ({reason})", "hushd service install")
    else:
        yield Finding("service", "ok", f"{installed.manager} listens")
