"""Finds and reads the files of servers, `servers/NAME.toml` beside the configuration."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hushd_models.installation import document
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema import server_file
from hushd_schema.server_file import ServerFile


def folder() -> Path:
    """Returns the folder of the servers' files."""
    return paths.find().config.parent / server_file.FOLDER


def read(name: str) -> ServerFile:
    """Reads a server's file.

    Raises:
        HushdError: `model_missing` for a file that is missing or invalid.
    """
    try:
        return server_file.load(folder() / f"{name}.toml")
    except HushdError as error:
        advice = f"{error.message.rstrip('.')} (see {document('SERVERS.md')})."
        raise HushdError("model_missing", advice) from error


def every(role: str) -> dict[str, ServerFile | None]:
    """Returns the servers for a role by name; None for an invalid file, whose use reports the mistake."""
    servers: dict[str, ServerFile | None] = {}
    for path in sorted(folder().glob("*.toml")):
        try:
            server = read(path.stem)
        except HushdError:
            servers[path.stem] = None
        else:
            if server.does(role):
                servers[path.stem] = server
    return servers


def installed(server: ServerFile) -> str | None:
    """Returns the path of the server's program; None if there is none."""
    program = os.path.expanduser(server.run[0])
    return shutil.which(os.path.join(os.path.expanduser(server.cwd), program) if "/" in program else program)
