"""One user has one supervisor, whatever the environments of the programs that ask for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sound_loop
from support.peer import BOUND_S, CONFIG, wait_until

ASK = "from hushd import Client; print(Client().status()['supervisor']['pid'])"
HUSHD = [sys.executable, "-P", "-c", "from hushd.cli import entry; entry.hushd()"]


class User:
    """A user with a home, and programs whose environments name different runtime folders."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / ".config/hushd").mkdir(parents=True)
        (home / ".config/hushd/config.toml").write_text('tts = "echo/a"\n' + CONFIG)
        for name in ("one", "two"):
            (home / name).mkdir(mode=0o700)

    def environment(self, session: str) -> dict[str, str]:
        """Of a program in that session; all that a host of agents leaves, and the folder."""
        cut = {"HOME": str(self.home), "PATH": os.environ["PATH"], "SHELL": "/bin/sh", "TERM": "dumb"}
        return cut | {"XDG_RUNTIME_DIR": str(self.home / session)}

    def start(self, session: str, program: str = ASK) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", program],
            env=self.environment(session), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, session: str) -> int:
        """The process id of the supervisor that a program in that session finds or starts."""
        output, errors = self.start(session).communicate(timeout=3 * BOUND_S)
        assert output, errors
        return int(output)

    def supervisors(self) -> set[int]:
        """All that run for this user."""
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command, environ = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
            except OSError:
                continue
            if b"\0hushd_supervisor\0" in command and f"HOME={self.home}\0".encode() in environ:
                found.add(int(folder.name))
        return found


@pytest.fixture
def user(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    for name in ("HUSHD_RUNTIME_DIR", "HUSHD_STATE_DIR", "HUSHD_CONFIG", "HUSHD_AUTOSTART"):
        monkeypatch.delenv(name)
    made = User(runtime)
    yield made
    for pid in made.supervisors():
        os.kill(pid, signal.SIGKILL)


def test_programs_of_two_sessions_share_a_supervisor(user: User) -> None:
    """Whichever comes first starts it, and the other follows the pointer."""
    pid = user.ask("one")
    assert user.ask("two") == pid
    assert user.ask("one") == pid
    assert user.supervisors() == {pid}


def test_two_sessions_that_start_at_once(user: User) -> None:
    """Of two supervisors that start at the same moment in two folders, one leaves, and both programs are served."""
    asking = [user.start(session) for session in ("one", "two", "one", "two")]
    answers = [process.communicate(timeout=3 * BOUND_S) for process in asking]
    assert len({output for output, _ in answers}) == 1, answers
    wait_until(lambda: len(user.supervisors()) == 1, "the end of the other")


def test_a_supervisor_that_was_killed_leaves_nothing_in_the_way(user: User) -> None:
    """Its pointer and its socket are stale: each session starts the next one, in its own folder, and shares that."""
    first = user.ask("one")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: first not in user.supervisors(), "its end")
    second = user.ask("two")
    assert second != first
    assert user.ask("one") == second, "the stale socket of its own folder is not what counts"


def test_a_supervisor_by_hand_names_the_other(user: User) -> None:
    """`hushd run` in another session says where the one is that serves, and leaves."""
    user.ask("one")
    done = subprocess.run(
        [*HUSHD, "run"], env=user.environment("two"), capture_output=True, text=True, timeout=3 * BOUND_S
    )
    assert done.returncode == 0
    assert done.stderr == f"hushd: Another supervisor already listens on {user.home}/one/hushd/client.sock.\n"


def test_a_shutdown_from_another_session(user: User) -> None:
    """Every command finds it, and the next request starts one where it was asked."""
    first = user.ask("one")
    subprocess.run([*HUSHD, "shutdown"], env=user.environment("two"), check=True, timeout=3 * BOUND_S)
    assert user.ask("two") != first
    assert (user.home / "two/hushd/client.sock").exists()


def test_a_home_that_cannot_be_written(user: User) -> None:
    """Without a pointer each environment has its own, as before."""
    state = user.home / ".local"
    state.mkdir()
    (state / "state").touch()  # no folder can be made in its place
    environment = user.environment("one") | {"XDG_STATE_HOME": str(user.home / "elsewhere")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", ASK], env=environment, capture_output=True, text=True, timeout=3 * BOUND_S
    )
    assert done.stdout, done.stderr


@pytest.fixture
def sound(user: User) -> Iterator[None]:
    """PulseAudio with a null sink in session one, where its clients find it by XDG_RUNTIME_DIR alone."""
    if sound_loop.missing():
        pytest.skip(f"not installed: {sound_loop.missing()}")
    (user.home / ".asoundrc").write_text(sound_loop.ALSA)
    modules = ("--load=module-native-protocol-unix", "--load=module-null-sink")
    (user.home / "one/pulse").mkdir(mode=0o700)
    server = subprocess.Popen(
        ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", *modules],
        env=user.environment("one"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: (user.home / "one/pulse/native").exists(), "the sound server")
    yield
    server.terminate()
    server.wait(BOUND_S)


@pytest.mark.usefixtures("sound")
def test_a_cut_environment_is_heard(user: User) -> None:
    """A program with little more than HOME speaks aloud: PulseAudio's socket is beside the supervisor's."""
    if Path(f"/run/user/{os.getuid()}").exists():
        pytest.skip("this user has a session of their own here")
    user.ask("one")
    cut = user.environment("one")
    del cut["XDG_RUNTIME_DIR"]
    say = [sys.executable, "-P", "-c", "from hushd.cli import entry; entry.say()", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    done = subprocess.run(say, env=cut, capture_output=True, text=True, timeout=3 * BOUND_S)
    assert (done.returncode, done.stderr) == (0, "")
