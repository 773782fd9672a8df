"""Names of agents' sessions, as people call them: after the folders of their projects."""

from __future__ import annotations

import os

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted

MAX_LENGTH = 40
_TAKEN = ("", "self", "cli")  # by the floor and by hushd's own commands


def of_folder(folder: str) -> str:
    """The name of the project that a folder is in, by its repository; else of the folder itself."""
    path = os.path.realpath(folder) if folder else ""
    home = os.path.realpath(os.path.expanduser("~"))
    project = path
    while project not in ("", "/", home) and not os.path.exists(os.path.join(project, ".git")):
        project = os.path.dirname(project)
    name = os.path.basename(path if project in ("", "/", home) else project)
    name = "".join(sign for sign in name if sign.isprintable())[:MAX_LENGTH].strip()
    return f"agent {name}".strip() if name.isdecimal() or name in _TAKEN else name


def check(name: str) -> str:
    """Returns a name as a session has it. Raises HushdError `bad_request` for a name that no session can have."""
    if not (name.strip() and name.isprintable()):
        raise HushdError("bad_request", f"{quoted(name)} is nobody's name: `hushd names` lists those with a voice.")
    return name
