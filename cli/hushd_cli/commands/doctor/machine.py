"""Checks of the installation and the machine; none of them wakes a graphics card."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import landlock, paths, seccomp
from hushd_protocol.system.graphics_cards import cards
from hushd_schema.settings import load

from hushd_cli.commands import config
from hushd_cli.commands import service as of_session

from .finding import Finding

_DRIVER_TIMEOUT_S = 5.0  # seconds for which the supervisor waits for the driver, too


def python() -> Iterator[Finding]:
    yield Finding("ok", f"Python {sys.version.split()[0]} in {sys.prefix}, hushd {__version__}")


def commands() -> Iterator[Finding]:
    """Checks that the shell finds no other programs of the same names, such as macOS's `say`."""
    for name in ("hushd", "say", "listen"):
        ours, program = os.path.join(os.path.dirname(sys.executable), name), shutil.which(name)
        if program and os.path.exists(ours) and not os.path.samefile(program, ours):
            yield Finding("note", f"{name} on PATH is another program, {program}", f"hushd {name}, or {ours}")


def configuration() -> Iterator[Finding]:
    """Checks the configuration file: a running supervisor goes on with the one before."""
    try:
        yield Finding("ok", config.checked(paths.find().config).rstrip("."))
    except HushdError as error:
        yield Finding("broken", error.message.rstrip("."), "edit it, then `hushd config check`")


def confinement() -> Iterator[Finding]:
    """Checks whether engines can be kept from what they do not need."""
    setting, version = "", landlock.version()
    with suppress(HushdError):  # a mistake of the configuration has a finding of its own
        setting = load(paths.find().config).security.confine
    if setting == "off":
        text = 'engines reach all that you reach, by [security] confine = "off"'
        yield Finding("warning", text, "hushd config unset security.confine")
    elif not version:
        yield Finding("note", "engines are not confined: this system has no Landlock, or a container forbids it")
    elif not seccomp.available():
        yield Finding("note", "engines are confined in part: this system has no seccomp that hushd knows")
    else:
        yield Finding("ok", f"engines reach only their models and their jobs (Landlock {version}, seccomp)")


def graphics_cards() -> Iterator[Finding]:
    """Checks NVIDIA's cards, as the kernel lists them, and as the supervisor asks the driver."""
    nvidia = [card for card in cards() if card.vendor == "NVIDIA"]
    for card in nvidia:
        text = f"NVIDIA card {card.place}, driver {card.driver or 'none'}{f', {card.power}' if card.power else ''}"
        if card.driver != "nvidia":
            yield Finding("warning", text, "install NVIDIA's driver, such as apt install nvidia-driver")
        else:
            yield Finding("ok", text)
    if not nvidia:
        yield Finding("ok", "no card of NVIDIA's: everything runs on the CPU")
        return
    command = [sys.executable, "-P", "-m", "hushd_worker.card"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_DRIVER_TIMEOUT_S, check=True)
        error = json.loads(done.stdout)["error"]
    except subprocess.TimeoutExpired:
        error = f"the driver has not answered in {_DRIVER_TIMEOUT_S:.0f} s"
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as failed:
        error = f"the look at the cards failed ({reason(failed)})"
    if error:
        remedy = (
            "nvidia-smi, and what it says, or usermod -aG video,render $USER; until then everything runs on the CPU"
        )
        yield Finding("warning", f"no card can be used: {error}", remedy)


def folders() -> Iterator[Finding]:
    """Checks the state folder: speech and hearing go on without it, but nothing is logged or learnt."""
    folder = paths.find().state
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    room = os.statvfs(existing)
    if not os.access(existing, os.W_OK | os.X_OK):
        remedy = f"chown -R $USER {existing}, or set HUSHD_STATE_DIR to a folder of yours"
        yield Finding("warning", f"state folder {folder} cannot be written", remedy)
    elif not room.f_bavail or (room.f_files and not room.f_favail):  # some file systems count no files
        yield Finding("warning", f"state folder {folder} is full", "make room")


def service() -> Iterator[Finding]:
    """Checks the service of the session, if hushd is one, by its files and by the service manager."""
    installed, remedy = of_session.find(), "hushd service install"
    if not any(path.exists() for path in installed.files):
        return  # commands start it
    if missing := installed.missing():
        yield Finding("warning", f"{', '.join(path.name for path in missing)} differ from this installation", remedy)
    elif failed := of_session.run(installed.active):
        yield Finding("broken", f"{installed.manager} does not listen ({failed})", remedy)
