"""The paths of hushd's sockets, logs, state, models and configuration, and their permissions."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.limits import SOCKET_PATH

_SUN_PATH = SOCKET_PATH if sys.platform != "darwin" else 103


@dataclass(frozen=True, slots=True)
class Paths:
    """All paths of one user's hushd. `runtime` holds sockets and the lock and dies with the login.

    `pointer` leads from HOME alone to the runtime folder of the running supervisor, see the module `pointer`; None if
    HUSHD_RUNTIME_DIR names the folder. Only an environment without a session folder `follows` it.
    """

    runtime: Path
    state: Path
    config: Path
    models: Path
    pointer: Path | None = None
    follows: bool = False

    @property
    def client_socket(self) -> Path:
        return self.runtime / "client.sock"

    @property
    def worker_socket(self) -> Path:
        return self.runtime / "worker.sock"

    @property
    def agents_socket(self) -> Path:
        """The socket by which the gateway passes the requests of agents on."""
        return self.runtime / "mcp.sock"

    @property
    def expected(self) -> Path:
        """The pipe that tells the supervisor which requests to expect: see `docs/PROTOCOL.md`."""
        return self.runtime / "expected"

    @property
    def attached(self) -> Path:
        """The sockets of machines that have attached themselves to this one: see `hushd attach`."""
        return self.runtime / "attached"

    @property
    def lock(self) -> Path:
        return self.runtime / "lock"

    @property
    def paused(self) -> Path:
        """The file that exists while a person has paused all speech: also while no supervisor runs."""
        return self.runtime / "paused"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def supervisor_log(self) -> Path:
        return self.logs / "supervisor.log"

    @property
    def needs(self) -> Path:
        """The file of the memory that each worker has needed so far, for the next supervisor's first decisions."""
        return self.state / "needs.json"

    @property
    def paces(self) -> Path:
        """The file of the paces of voices, as they were measured here."""
        return self.state / "paces.json"

    @property
    def transcripts(self) -> Path:
        """The folder of the journals of interrupted transcriptions."""
        return self.state / "transcripts"

    @property
    def listed(self) -> Path:
        """The file of the engines that the door has listed, for its gateway."""
        return self.runtime / "engines.json"

    @property
    def loudness(self) -> Path:
        """The folder of the measured loudness of voices, a file for each engine."""
        return self.state / "loudness"

    @property
    def pronunciations(self) -> Path:
        """The file of the user's pronunciations, beside the configuration."""
        return self.config.with_name("pronunciations.txt")

    @property
    def own_words(self) -> Path:
        """The file of the user's own words, beside the configuration."""
        return self.config.with_name("words.txt")

    def worker_log(self, name: str) -> Path:
        """The log of worker `name`, such as `stt/moonshine/tiny-en`."""
        return self.logs / (name.replace("/", "-") + ".log")


def find(environ: Mapping[str, str] | None = None) -> Paths:
    """Returns the paths for this environment; creates nothing.

    HUSHD_RUNTIME_DIR, else XDG_RUNTIME_DIR/hushd if that folder is ours or can be made, else /run/user/UID/hushd if
    that is ours, else hushd-UID in the temp folder. HUSHD_STATE_DIR, else XDG_STATE_HOME/hushd, else
    ~/.local/state/hushd. HUSHD_CONFIG, else XDG_CONFIG_HOME/hushd/config.toml, else ~/.config/hushd/config.toml.
    HUSHD_MODELS_DIR, else XDG_DATA_HOME/hushd/models, else ~/.local/share/hushd/models, which holds ENGINE/MODEL, as
    files or folders. Raises `bad_request` if the socket's path would be longer than the system allows.
    """
    env = os.environ if environ is None else environ
    home = Path(env.get("HOME") or os.path.expanduser("~"))
    follows = not env.get("HUSHD_RUNTIME_DIR")
    if env.get("HUSHD_RUNTIME_DIR"):
        runtime = Path(os.path.abspath(env["HUSHD_RUNTIME_DIR"]))
    elif session := session_folder(env):
        runtime = session / "hushd"
        follows = False
    else:
        runtime = Path(tempfile.gettempdir()) / f"hushd-{os.getuid()}"

    def place(own: str, xdg: str, usual: str, name: str) -> Path:
        if env.get(own):
            return Path(os.path.abspath(env[own]))
        return (_absolute(env.get(xdg)) or home / usual) / name

    state = place("HUSHD_STATE_DIR", "XDG_STATE_HOME", ".local/state", "hushd")
    config = place("HUSHD_CONFIG", "XDG_CONFIG_HOME", ".config", "hushd/config.toml")
    models = place("HUSHD_MODELS_DIR", "XDG_DATA_HOME", ".local/share", "hushd/models")
    pointer = None
    if not env.get("HUSHD_RUNTIME_DIR"):
        folder = state if env.get("HUSHD_STATE_DIR") else home / ".local/state/hushd"
        pointer = folder / f"runtime-{os.getuid()}"
    paths = Paths(runtime, state, config, models, pointer, follows)
    check_socket(paths.worker_socket)
    return paths


def check_socket(path: Path, remedy: str = "set HUSHD_RUNTIME_DIR to a shorter folder") -> None:
    """Raises HushdError `bad_request`, with the `remedy`, if a socket's path is too long."""
    length = len(os.fsencode(path))
    if length > _SUN_PATH:
        raise HushdError(
            "bad_request", f"The socket path {path} has {length} bytes and the system allows {_SUN_PATH}: {remedy}."
        )


def session_folder(environ: Mapping[str, str]) -> Path | None:
    """The runtime folder of the user's session: XDG_RUNTIME_DIR, else /run/user/UID.
    The second serves if the first is unset, or another user's, as after `sudo -E`; None if neither is ours."""
    named = _absolute(environ.get("XDG_RUNTIME_DIR"))
    if named and (_is_ours(named.resolve()) or _can_be_made(named)):
        return named
    folder = Path(f"/run/user/{os.getuid()}")
    return folder if _is_ours(folder) else None


def user_cache(environ: Mapping[str, str] | None = None) -> Path:
    """The folder in which engines' libraries keep their downloads."""
    env = os.environ if environ is None else environ
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def prepare_runtime(paths: Paths) -> None:
    """Makes the runtime folder, mode 0700, or checks that an existing one is safe for sockets.
    Raises `unauthorised` if it is a link, another user's, or open to others; `output_failed` if it cannot be made."""
    with os_errors_as("output_failed", f"The runtime folder {paths.runtime} cannot be made", "set HUSHD_RUNTIME_DIR"):
        paths.runtime.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.mkdir(paths.runtime, 0o700)
        except FileExistsError:
            pass
        problem = _problem(paths.runtime)
    if problem:
        raise HushdError(
            "unauthorised",
            f"The runtime folder {paths.runtime} {problem}: remove it, make it yours with mode 0700, "
            "or set HUSHD_RUNTIME_DIR.",
        )


def is_private(folder: Path) -> bool:
    """Returns whether a folder exists and other users cannot have put anything into it."""
    try:
        return not _problem(folder)
    except OSError:
        return False


def prepare_state(paths: Paths) -> None:
    """Makes the state and log folders, mode 0700. Raises `output_failed` if they cannot be made."""
    with os_errors_as("output_failed", f"The log folder {paths.logs} cannot be made", "set HUSHD_STATE_DIR"):
        make_state(paths)


def make_state(paths: Paths) -> None:
    """Like `prepare_state`, but raises OSError."""
    for folder in (paths.state, paths.logs):  # parents that `makedirs` makes ignore `mode`
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _absolute(folder: str | None) -> Path | None:
    """The folder named by an XDG variable; the specification says to ignore relative ones."""
    return Path(folder) if folder and os.path.isabs(folder) else None


def _can_be_made(folder: Path) -> bool:
    """Returns whether the folder does not exist and we may create it."""
    if os.path.lexists(folder):
        return False
    above = next(parent for parent in folder.parents if os.path.lexists(parent))
    return above.is_dir() and os.access(above, os.W_OK | os.X_OK)


def _problem(folder: Path) -> str:
    """The reason why a folder is not safe for sockets; empty if it is safe. Raises OSError."""
    info = os.lstat(folder)
    if not stat.S_ISDIR(info.st_mode):
        return "is not a folder (a link is refused too)"
    if info.st_uid != os.getuid():
        return f"belongs to user {info.st_uid}"
    if info.st_mode & 0o077:
        return f"is open to others (mode {stat.S_IMODE(info.st_mode):04o})"
    return ""


def _is_ours(folder: Path) -> bool:
    try:
        info = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid()
