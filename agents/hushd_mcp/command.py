"""`hushd mcp`: serves agents' hosts."""

from __future__ import annotations

import json
import os
import resource
import sys
import zlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NoReturn

from hushd_cli.arguments import Parser, value
from hushd_cli.command import Command
from hushd_models import preferences
from hushd_models.installation import extra_command
from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.names import USUAL_VOICE
from hushd_protocol.system import best_effort, paths
from hushd_protocol.system.paths import Paths
from hushd_schema.kinds import PositiveFloat

COMMAND = Command(
    "mcp", "serve agents by the Model Context Protocol", "hushd_mcp.command", family="agents", hidden=True
)

_LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC)
_PIPE = "import sys; sys.path.append(sys.argv[1]); from hushd_mcp.pipe import main; main()"
# The variables that hushd, Python, and the libraries for sound and network read; not those of a terminal or session.
_PREFIXES = (
    "HUSHD_", "PULSE_", "PIPEWIRE_", "ALSA_", "HF_", "HIBARI_", "SSL_", "LC_", "LD_", "DYLD_", "PYTHON"
)  # fmt: skip
_NAMES = {
    "CUDA_VISIBLE_DEVICES", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "HOME", "LANG", "OMP_NUM_THREADS",
    "REQUESTS_CA_BUNDLE", "SSH_AUTH_SOCK", "TMPDIR", "TZ", "WAYLAND_DISPLAY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
    "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME",
}  # fmt: skip


def main(prog: str, argv: Sequence[str]) -> NoReturn:
    options = make_parser(prog).parse_args(argv)
    check_sdk()
    become_pipe(options.holder, options.patience)


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Give agents a voice and ears, as a server of the Model Context Protocol.")
    parser.add_argument("--holder", metavar="NAME", help="the name in `hushd status`; default: the host's own")
    parser.add_argument(
        "--patience",
        type=value(PositiveFloat),
        metavar="SECONDS",
        help="how long a call may take before it is answered with a ticket; default: 25, or until its end for a host "
        "that starts a process for each call",
    )
    return parser


def check_sdk() -> None:
    """Raises HushdError `engine_missing` where the SDK is not installed, without importing it."""
    for name in ("mcp", "mcp_types"):  # 1.x has only the first
        package = find_spec(name)
        if package is None or package.origin is None or not package.submodule_search_locations:
            raise HushdError(
                "engine_missing", f"`hushd mcp` needs the MCP SDK (no package {name}): {extra_command('mcp')}."
            )


def become_pipe(holder: str | None, patience: float | None) -> NoReturn:
    """Replaces this process by the pipe, which frees the memory used so far."""
    folders = paths.find()
    with best_effort.writing(folders.logs):
        paths.make_state(folders)
    session = {"holder": holder, "patience": patience, "voice": os.environ.get(USUAL_VOICE, "")}
    options = {
        "version": __version__, "place": place(folders, os.environ), "log": os.fspath(folders.logs / "mcp.log"),
        "session": json.dumps(session), "languages": preferences.languages_named(folders.config),
        "speaks": preferences.languages_spoken(folders.config),
    }  # fmt: skip
    folder = os.path.dirname(os.path.dirname(__file__))
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", _PIPE, folder, "hushd", "mcp", json.dumps(options)])


def _counts(name: str) -> bool:
    """Returns whether a variable may change how the process for calls works."""
    return name != USUAL_VOICE and (name in _NAMES or name.startswith(_PREFIXES) or name.lower().endswith("_proxy"))


def place(folders: Paths, environ: Mapping[str, str]) -> str:
    """Returns the path of the socket for pipes with the same hushd and the same values of the variables that count.

    hushd reads its process's environment in many places. So sessions whose hosts pass on other values, or have other
    limits than the login's (`ulimit`), get another process, and none works by the first session's.
    """
    counts = sorted((name, value) for name, value in environ.items() if _counts(name))
    limits = [resource.getrlimit(kind) for kind in _LIMITS]
    limits.append((0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))  # the process raises the soft one
    facts = repr((__version__, sys.executable, os.path.dirname(__file__), counts, limits))
    return os.fspath(folders.runtime / f"mcp-{zlib.crc32(os.fsencode(facts)):08x}")
