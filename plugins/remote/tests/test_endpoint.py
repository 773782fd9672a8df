"""A laptop whose HUSHD_ENDPOINT leads to a desk by a real ssh: models of the desk, files and devices of the laptop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hushd
import pytest
from hushd.transport import autostart
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from support.peer import BOUND_S, CONFIG, wait_until
from support.programs import Programs, finish

from .ssh_server import SshServer, variables

ENDPOINT = "ssh://127.0.0.1"


class Machines:
    """Both machines; this process is a program of the laptop."""

    def __init__(self, desk: SshServer, laptop: Path) -> None:
        self.desk = desk
        self.laptop = laptop
        self.away = Programs(laptop)

    def refusal(self) -> HushdError:
        """The error of a client's first request, in one sentence."""
        with pytest.raises(HushdError) as caught, hushd.Client() as client:
            client.status()
        assert caught.value.message.count("\n") == 0
        assert caught.value.message[-1] in ".?"
        return caught.value

    def desk_status(self) -> dict[str, object]:
        with self.desk.on_it(), hushd.Client(endpoint="", start=False) as client:
            return dict(client.status().data())


@pytest.fixture
def machines(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """A desk on which nothing runs yet, and a laptop that ssh lets in."""
    desk, laptop = SshServer(runtime / "desk"), runtime / "laptop"
    laptop.mkdir(mode=0o700)
    for folder in (desk.folder, laptop):
        (folder / "config.toml").write_text(CONFIG)
    desk.install_ssh(laptop / "bin")
    for name, value in variables(laptop).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HUSHD_ENDPOINT", ENDPOINT)
    monkeypatch.setenv("PATH", f"{laptop / 'bin'}:{os.environ['PATH']}")
    made = Machines(desk, laptop)
    yield made
    for process in made.away.started:
        process.kill()
        process.communicate()
    for folder in (desk.folder, laptop):
        if autostart.running(paths.find(variables(folder))):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("HUSHD_RUNTIME_DIR", str(folder))
                with hushd.Client(endpoint="", start=False) as client:
                    client.shutdown()
    desk.stop()


def test_a_file_is_spoken_and_heard(machines: Machines) -> None:
    """`say -o` starts a supervisor on the desk and writes on the laptop; `listen` sends the file, and not its path."""
    spoken = machines.laptop / "spoken.wav"
    machines.away.hushd("say", "--engine", "hibari", "-o", str(spoken), "The quick brown fox jumps over the lazy dog.")
    assert spoken.read_bytes()[:4] == b"RIFF"
    assert "quick brown fox" in machines.away.hushd("listen", str(spoken))
    names = {row["name"] for row in machines.desk_status()["workers"]}
    assert names == {"tts/hibari/en", "stt/moonshine/tiny-en"}
    assert str(spoken) not in (machines.desk.folder / "state" / "logs" / "supervisor.log").read_text()
    assert not [path.name for path in machines.laptop.iterdir() if path.is_socket()]


def test_the_laptop_sees_the_desk(machines: Machines) -> None:
    """`hushd status` shows the desk's supervisor and names it; none runs here."""
    machines.away.hushd("load", "stt/echo/a")
    shown = machines.away.hushd("status")
    assert " on 127.0.0.1, pid " in shown
    assert "stt/echo/a" in shown
    assert "stt/echo/a" in machines.away.hushd("unload", "--json")
    assert not (machines.laptop / "client.sock").exists()


def test_words_are_heard_on_the_laptop_and_stopped_there(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The laptop's loudspeaker plays under the laptop's floor: a stop on the desk leaves it alone, here it ends."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    with machines.away.held():
        speech = machines.away.say(30.0)
        machines.away.wait_for_sound(speech)
        with machines.desk.on_it(), hushd.Client(endpoint="", start=False) as client:
            assert client.stop_speaking() == []
        assert speech.poll() is None
        machines.away.hushd("stop")
    _, complaint = speech.communicate(timeout=BOUND_S)
    assert speech.returncode == 130, complaint


def test_a_supervisor_that_is_killed_has_a_successor(machines: Machines) -> None:
    """Its client asks again by another ssh, which starts the next one."""
    with hushd.Client() as client:
        first = client.status().supervisor.pid
        os.kill(first, signal.SIGKILL)
        assert client.status().supervisor.pid != first


def running(machines: Machines) -> list[dict[str, object]]:
    try:
        return list(machines.desk_status()["workers"])  # type: ignore[call-overload]
    except HushdError:
        return []


@pytest.mark.parametrize(("endpoint", "key", "code", "sentence"), [
    (ENDPOINT, "stranger", "unauthorised", "refuses this machine's key"),
    ("ssh://nowhere.invalid", "own", "no_supervisor", "its name is not known"),
])  # fmt: skip
def test_faults_of_ssh_are_one_sentence(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, endpoint: str, key: str, code: str, sentence: str
) -> None:
    """A key that does not come in, and a name that nobody knows."""
    machines.desk.install_ssh(machines.laptop / "bin", key)
    monkeypatch.setenv("HUSHD_ENDPOINT", endpoint)
    error = machines.refusal()
    assert error.code == code
    assert sentence in error.message


@pytest.mark.parametrize(("program", "code", "sentence"), [
    ("", "no_supervisor", "no hushd on the PATH of a login"),
    ("echo 'hushd: There is no command relay.' >&2; exit 2", "version_mismatch", "another version"),
    ("echo 'hushd relay: The supervisor did not start: see logs.' >&2; exit 3", "no_supervisor", "did not start"),
    ("echo Welcome; sleep 600", "no_supervisor", "its shell prints"),
])  # fmt: skip
def test_faults_of_the_other_machine_are_one_sentence(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, program: str, code: str, sentence: str
) -> None:
    """None there, an older one, one that cannot start, and a shell that greets whoever logs in."""
    there = machines.desk.folder / "bin" / "hushd"
    there.write_text(f"#!/bin/sh\n{program}\n") if program else there.unlink()
    monkeypatch.setattr("hushd_remote.endpoint.SshMachine.patience", 1.0)
    error = machines.refusal()
    assert error.code == code
    assert sentence in error.message


def test_ctrl_c_ends_a_program_and_its_ssh(machines: Machines) -> None:
    """SIGINT of a terminal reaches the whole process group: the program says what it has to, and ssh ends after it."""
    code = "from hushd_cli import entry; entry.listen()"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code, "--engine", "echo", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    wait_until(lambda: [row for row in running(machines) if row["running"]], "the request")
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process, 130) == ""
    wait_until(lambda: not [row for row in running(machines) if row["running"]], "the request's end")
