"""Programs whose host cut their environment share the user's supervisor, and neither change nor end it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.peer import BOUND_S, CONFIG, processes, wait_until

ASK = "from hushd import Client; print(Client().status().supervisor.pid)"
REFUSED = "The supervisor that answers is another session's, and is neither changed nor ended from here: ask again with"
HUSHD = [sys.executable, "-P", "-c", "from hushd_cli import entry; entry.hushd()"]


class User:
    """A user with a home, and programs whose environments name different runtime folders."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / ".config/hushd").mkdir(parents=True)
        (home / ".config/hushd/config.toml").write_text('tts = "echo/a"\n' + CONFIG)
        for name in ("one", "two", "tmp"):
            (home / name).mkdir(mode=0o700)

    def environment(self, session: str) -> dict[str, str]:
        """The environment of a program in that session: what hosts of agents leave, and the folder unless `cut`."""
        cut = {"HOME": str(self.home), "PATH": os.environ["PATH"], "SHELL": "/bin/sh", "TERM": "dumb"}
        cut["TMPDIR"] = str(self.home / "tmp")
        return cut if session == "cut" else cut | {"XDG_RUNTIME_DIR": str(self.home / session)}

    def run(self, command: list[str], session: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment(session), capture_output=True, text=True, timeout=3 * BOUND_S
        )

    def hushd(self, session: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run([*HUSHD, *words], session)

    def ask(self, session: str) -> int:
        """The process id of the supervisor that a program in that session finds or starts."""
        done = self.run([sys.executable, "-P", "-c", ASK], session)
        assert done.stdout, done.stderr
        return int(done.stdout)

    def supervisors(self) -> set[int]:
        """All that run for this user."""
        theirs = processes(f"HOME={self.home}\0".encode())
        return {pid for pid, words in theirs.items() if "hushd_supervisor" in words}


@pytest.fixture
def user(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    for name in ("HUSHD_RUNTIME_DIR", "HUSHD_STATE_DIR", "HUSHD_CONFIG", "HUSHD_AUTOSTART"):
        monkeypatch.delenv(name)
    made = User(runtime)
    yield made
    for pid in made.supervisors():
        with suppress(ProcessLookupError):  # it has left meanwhile
            os.kill(pid, signal.SIGKILL)


needs_no_session = pytest.mark.skipif(
    Path(f"/run/user/{os.getuid()}").exists(), reason="this user has a session of their own here"
)


@needs_no_session
def test_a_cut_environment_shares_the_supervisor(user: User) -> None:
    """It follows the pointer, which goes when the supervisor does."""
    pid = user.ask("one")
    assert user.ask("cut") == pid
    assert user.ask("one") == pid
    assert user.supervisors() == {pid}
    pointer = user.home / f".local/state/hushd/runtime-{os.getuid()}"
    assert os.readlink(pointer) == f"{user.home}/one/hushd"
    assert user.hushd("one", "shutdown").returncode == 0
    wait_until(lambda: not user.supervisors(), "its end")
    assert not os.path.lexists(pointer)
    done = user.hushd("one", "shutdown")
    assert (done.returncode, done.stderr) == (
        3, "hushd shutdown: No supervisor is running: the next `say` or `listen` starts one.\n",
    )  # fmt: skip


@needs_no_session
def test_what_changes_or_ends_is_not_for_those_who_follow(user: User) -> None:
    """Each command that would is refused, and names the folder; the file of a setting is changed, and that is said."""
    pid = user.ask("one")
    for command, *words in (
        ["shutdown"],
        ["restart"],
        ["restart", "--config-only"],
        ["unload"],
        ["models", "pull", "kokoro/kokoro-v1.0"],
    ):
        done = user.hushd("cut", *command.split(), *words)
        assert done.returncode == 2, done
        # Before it the engine is named whose package is not installed here, if it is not.
        assert done.stderr.endswith(f"hushd {command}: {REFUSED} HUSHD_RUNTIME_DIR={user.home}/one/hushd\n")
    done = user.hushd("cut", "config", "set", "exit_when_idle", "7")
    assert done.returncode == 0
    assert done.stderr == (
        "hushd config: A supervisor of another session runs. To have it read this: "
        f"HUSHD_RUNTIME_DIR={user.home}/one/hushd hushd restart --config-only\n"
    )
    assert user.supervisors() == {pid}
