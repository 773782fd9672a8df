"""The pointer to a user's supervisor: it counts only where it is the user's own and leads to a private folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hushd_protocol.system import paths, pointer
from hushd_protocol.system.paths import Paths, find


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment whose session folder is private, as XDG asks, of a user who has no other one."""

    def session_folder(environ: dict[str, str]) -> Path | None:
        return Path(named) if (named := environ.get("XDG_RUNTIME_DIR")) else None

    for module in (paths, pointer):
        monkeypatch.setattr(module, "session_folder", session_folder)
    for name in ("home", "session", "session/hushd"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "home/.local/state/hushd").mkdir(parents=True)
    return {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path / "session")}


def elsewhere(environ: dict[str, str]) -> Paths:
    """The paths of a program whose host has cut the session folder away."""
    return find(environ | {"XDG_RUNTIME_DIR": ""})


def test_it_leads_other_environments_to_the_supervisor(environ: dict[str, str]) -> None:
    """HOME alone does, also where XDG_STATE_HOME is known to one of the two only; and not to where one is already."""
    pointer.publish(find(environ | {"XDG_STATE_HOME": "/state"}))
    found = pointer.follow(elsewhere(environ))
    assert found
    assert found.client_socket == find(environ).client_socket
    assert pointer.follow(find(environ)) is None
    pointer.publish(elsewhere(environ))  # a later supervisor
    assert pointer.follow(find(environ)) is None, "there is no such folder"


def test_a_program_with_a_session_folder_never_follows(environ: dict[str, str]) -> None:
    """A test suite in a sandbox, say, with its own folders and the user's HOME."""
    pointer.publish(find(environ))
    sandbox = find(environ | {"XDG_RUNTIME_DIR": "/sandbox"})
    assert pointer.follow(sandbox) is None
    assert pointer.target(sandbox), "a supervisor sees that there is one"


def test_it_goes_with_its_supervisor(environ: dict[str, str]) -> None:
    """One that leads to another supervisor stays; a second time nothing happens."""
    pointer.publish(find(environ))
    pointer.withdraw(elsewhere(environ))
    assert pointer.follow(elsewhere(environ))
    for _ in range(2):
        pointer.withdraw(find(environ))
        assert pointer.target(elsewhere(environ)) is None


def test_a_named_folder_stands_alone(environ: dict[str, str]) -> None:
    """HUSHD_RUNTIME_DIR isolates: nothing leads there or away from there."""
    pointer.publish(find(environ))
    alone = find(environ | {"HUSHD_RUNTIME_DIR": "/r"})
    assert alone.pointer is None
    assert pointer.follow(alone) is pointer.target(alone) is None
    pointer.withdraw(alone)
    assert pointer.follow(find(environ | {"HUSHD_STATE_DIR": "/s", "XDG_RUNTIME_DIR": ""})) is None


@pytest.mark.parametrize("spoil", ["open", "link", "file", "missing", "relative", "plain"])
def test_an_unsafe_pointer_is_ignored(environ: dict[str, str], tmp_path: Path, spoil: str) -> None:
    """A folder open to others, a link or file in its place, none at all, a relative link, a file for a link."""
    pointer.publish(find(environ))
    folder, link = tmp_path / "session/hushd", find(environ).pointer
    assert link
    assert pointer.follow(elsewhere(environ))
    if spoil == "open":
        folder.chmod(0o755)
    elif spoil in ("relative", "plain"):
        link.unlink()
        link.symlink_to("../../hushd") if spoil == "relative" else link.write_text(str(folder))
    else:
        folder.rmdir()
        if spoil == "link":
            folder.symlink_to(tmp_path / "home")
        elif spoil == "file":
            folder.touch()
    assert pointer.follow(elsewhere(environ)) is None


def test_somebody_elses_pointer_or_folder_is_ignored(environ: dict[str, str], tmp_path: Path) -> None:
    """Root with another user's HOME follows nothing of theirs."""
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    pointer.publish(find(environ))
    os.chown(tmp_path / "session/hushd", 12345, -1)
    assert pointer.follow(elsewhere(environ)) is None
    os.chown(tmp_path / "session/hushd", 0, -1)
    assert pointer.follow(elsewhere(environ))
    link = find(environ).pointer
    assert link
    os.chown(link, 12345, -1, follow_symlinks=False)
    assert pointer.follow(elsewhere(environ)) is None


def test_the_sessions_folder_is_found_without_the_variable(environ: dict[str, str], tmp_path: Path) -> None:
    """A supervisor's folder tells it once XDG_RUNTIME_DIR was cut away; a folder of hushd's own does not."""
    cut = {"HOME": environ["HOME"]}
    assert pointer.find_session_folder(environ) == tmp_path / "session"
    assert pointer.find_session_folder(cut) is None
    pointer.publish(find(environ))
    assert pointer.find_session_folder(cut) == tmp_path / "session"
    (tmp_path / "session").chmod(0o755)
    assert pointer.find_session_folder(cut) is None
