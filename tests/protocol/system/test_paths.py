"""Paths: every environment variable, and folders that are not safe to put sockets into."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import SOCKET_PATH
from hushd_protocol.system import paths
from hushd_protocol.system.paths import Paths, find, is_private, prepare_runtime, prepare_state, user_cache
from support.refusals import hushd_error

HOME = {"HOME": "/home/ann"}


@pytest.mark.parametrize(("environ", "runtime"), [
    ({"HUSHD_RUNTIME_DIR": "/r"}, "/r"),
    ({"HUSHD_RUNTIME_DIR": "/r/../q/"}, "/q"),
    ({"HUSHD_RUNTIME_DIR": "/r", "XDG_RUNTIME_DIR": "/tmp/x"}, "/r"),
    ({"XDG_RUNTIME_DIR": "/tmp/hushd-not-made/x"}, "/tmp/hushd-not-made/x/hushd"),
    ({"HUSHD_RUNTIME_DIR": "", "XDG_RUNTIME_DIR": "/tmp/hushd-not-made"}, "/tmp/hushd-not-made/hushd"),
])  # fmt: skip
def test_runtime_folder(environ: dict[str, str], runtime: str) -> None:
    """HUSHD_RUNTIME_DIR wins over XDG_RUNTIME_DIR; empty means unset; sockets and lock lie in it."""
    found = find(HOME | environ)
    assert str(found.runtime) == runtime
    assert [str(path) for path in (found.client_socket, found.worker_socket, found.lock)] == [
        f"{runtime}/client.sock", f"{runtime}/worker.sock", f"{runtime}/lock",
    ]  # fmt: skip


def test_an_xdg_runtime_dir_that_cannot_be_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's, as after `su` or `sudo -E`, a file, or none that we can make: it counts as unset."""
    monkeypatch.setattr(tempfile, "tempdir", "/temporary")
    monkeypatch.setattr(paths, "_is_ours", lambda place: place == Path(os.path.realpath(folder)))
    assert find(HOME | {"XDG_RUNTIME_DIR": str(folder)}).runtime == folder / "hushd"
    assert not find(HOME | {"XDG_RUNTIME_DIR": str(folder)}).follows
    (folder / "theirs").mkdir()
    (folder / "file").touch()
    for name in ("theirs", "file", "file/x"):
        unusable = find(HOME | {"XDG_RUNTIME_DIR": str(folder / name)})
        assert str(unusable.runtime) == f"/temporary/hushd-{os.getuid()}"
        assert unusable.follows


def test_xdg_runtime_dir_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is then /run/user/UID if that is ours (cron, sudo), else one with our number in the temp folder."""
    monkeypatch.setattr(paths, "_is_ours", lambda folder: str(folder) == f"/run/user/{os.getuid()}")
    assert str(find(HOME).runtime) == f"/run/user/{os.getuid()}/hushd"
    monkeypatch.setattr(paths, "_is_ours", lambda folder: False)
    monkeypatch.setattr(tempfile, "tempdir", "/temporary")
    assert str(find(HOME).runtime) == f"/temporary/hushd-{os.getuid()}"


@pytest.mark.parametrize(("environ", "state", "config"), [
    ({}, "/home/ann/.local/state/hushd", "/home/ann/.config/hushd/config.toml"),
    ({"XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "/c"}, "/s/hushd", "/c/hushd/config.toml"),
    (
        {"HUSHD_STATE_DIR": "/t", "HUSHD_CONFIG": "/d/x.toml", "XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "/c"},
        "/t",
        "/d/x.toml",
    ),
])  # fmt: skip
def test_state_and_configuration(environ: dict[str, str], state: str, config: str) -> None:
    """hushd's own variables, else XDG's, else the folders under home; logs lie in the state folder."""
    found = find(HOME | {"HUSHD_RUNTIME_DIR": "/r"} | environ)
    assert (str(found.state), str(found.config)) == (state, config)
    assert str(found.supervisor_log) == f"{state}/logs/supervisor.log"
    assert str(found.worker_log("stt/moonshine/tiny-en")) == f"{state}/logs/stt-moonshine-tiny-en.log"


@pytest.mark.parametrize(("environ", "models"), [
    ({}, "/home/ann/.local/share/hushd/models"),
    ({"XDG_DATA_HOME": "/d"}, "/d/hushd/models"),
    ({"XDG_DATA_HOME": "/d", "HUSHD_MODELS_DIR": "/m"}, "/m"),
    ({"XDG_DATA_HOME": "/d", "HUSHD_MODELS_DIR": ""}, "/d/hushd/models"),
    ({"HUSHD_MODELS_DIR": "/m/../n/"}, "/n"),
])  # fmt: skip
def test_models(environ: dict[str, str], models: str) -> None:
    """HUSHD_MODELS_DIR, made absolute, else hushd's folder in XDG_DATA_HOME, else under home; empty means unset."""
    assert str(find(HOME | {"HUSHD_RUNTIME_DIR": "/r"} | environ).models) == models


def test_a_socket_path_too_long_says_so() -> None:
    """107 bytes are allowed on Linux, counted in bytes and with the socket's name; one more names the remedy."""
    longest = SOCKET_PATH - len("/worker.sock")
    fits = "/" + "a" * (longest - 1)
    assert len(os.fsencode(find(HOME | {"HUSHD_RUNTIME_DIR": fits}).worker_socket)) == SOCKET_PATH
    for too_long in (fits + "a", "/" + "ä" * (longest // 2 + 1)):
        with hushd_error("bad_request", r"bytes and the system allows 107: set HUSHD_RUNTIME_DIR"):
            find(HOME | {"HUSHD_RUNTIME_DIR": too_long})


def in_folder(folder: Path) -> Paths:
    return Paths(folder / "run", folder / "state", folder / "config.toml", folder / "models")


def test_the_runtime_folder_is_made_private(folder: Path) -> None:
    """It is made with its parents, mode 0700 under any umask, and a second time nothing is to be done."""
    where = Paths(folder / "deep" / "er" / "run", folder, folder, folder)
    before = os.umask(0)
    try:
        prepare_runtime(where)
    finally:
        os.umask(before)
    assert stat.S_IMODE(where.runtime.stat().st_mode) == 0o700
    prepare_runtime(where)


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o750, 0o755, 0o777, 0o1777, 0o720])
def test_a_runtime_folder_open_to_others_is_refused(folder: Path, mode: int) -> None:
    """Any bit for group or others: whoever can enter could reach the sockets."""
    where = in_folder(folder)
    where.runtime.mkdir()
    where.runtime.chmod(mode)
    with hushd_error("unauthorised", f"open to others .mode {mode:04o}.*HUSHD_RUNTIME_DIR"):
        prepare_runtime(where)


@pytest.mark.parametrize("target", ["folder", "nothing"])
def test_a_runtime_folder_that_is_a_link_is_refused(folder: Path, target: str) -> None:
    """Anybody may have put the link into a temp folder, to a folder of ours or to nowhere."""
    where = in_folder(folder)
    (folder / "folder").mkdir(mode=0o700)
    where.runtime.symlink_to(folder / target)
    with hushd_error("unauthorised", "a link is refused too"):
        prepare_runtime(where)
    assert not (folder / "nothing").exists()


def test_state_and_log_folders_are_private(folder: Path) -> None:
    """Both are made 0700, the state folder not only by way of its logs; a file in the way is one sentence."""
    where = in_folder(folder)
    before = os.umask(0)
    try:
        prepare_state(where)
        prepare_state(where)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (where.state, where.logs)] == [0o700, 0o700]
    (folder / "file").touch()
    with hushd_error("output_failed", r"cannot be made .*set HUSHD_STATE_DIR"):
        prepare_state(Paths(folder, folder / "file", folder, folder))


def test_a_runtime_folder_that_cannot_be_made_says_so(folder: Path) -> None:
    (folder / "file").touch()
    with hushd_error("output_failed", r"run cannot be made \(.+\): set HUSHD_RUNTIME_DIR\.$"):
        prepare_runtime(in_folder(folder / "file"))


@pytest.mark.parametrize("other", [-1, 1])
def test_another_users_folder_is_refused(folder: Path, other: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is refused for sockets, and as the session's."""
    where, user = in_folder(folder), os.getuid()
    prepare_runtime(where)
    environment = HOME | {"XDG_RUNTIME_DIR": str(where.runtime)}
    assert (is_private(where.runtime), find(environment).runtime) == (True, where.runtime / "hushd")
    monkeypatch.setattr(os, "getuid", lambda: user + other)
    assert (is_private(where.runtime), is_private(folder / "none")) == (False, False)
    assert find(environment).runtime != where.runtime / "hushd"
    with pytest.raises(HushdError, match=f"belongs to user {user}: remove it, make it yours"):
        prepare_runtime(where)


@pytest.mark.parametrize(
    ("environ", "cache"), [({"XDG_CACHE_HOME": "/c"}, "/c"), ({"XDG_CACHE_HOME": ""}, "/home/ann/.cache")]
)
def test_downloads_of_libraries(environ: dict[str, str], cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", HOME | environ)
    assert str(user_cache(environ)) == str(user_cache()) == cache
