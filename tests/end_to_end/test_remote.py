"""Two machines on one: a desk that speaks and transcribes, and the commands of a laptop whose files it cannot see."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.machines import LISTEN, Desk, Laptop, on
from support.peer import BOUND_S, Supervisor
from support.programs import Programs

# Hides the laptop's folder from a program.
HIDE = 'mount -t tmpfs none "$0" && exec "$@"'


@pytest.fixture
def machines(start_supervisor: Callable[..., Supervisor], runtime: Path) -> tuple[Desk, Laptop]:
    """A desk that listens, and a laptop that may come."""
    laptop = Laptop.at(runtime / "laptop")
    inside = ("unshare", "-m", "sh", "-c", HIDE, str(laptop.folder))
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        inside = ()  # nobody may mount here: the files are seen, and not asked for all the same
    desk = Desk.of(start_supervisor(LISTEN, inside=inside))
    desk.keys.allow("laptop", laptop.public)
    return desk, laptop


@pytest.fixture
def away(machines: tuple[Desk, Laptop]) -> Iterator[Programs]:
    """Commands on the laptop, whose devices keep a diary."""
    desk, laptop = machines
    made = Programs(laptop.folder)
    with on(laptop, desk.endpoint):
        yield made
    for process in made.started:
        process.kill()
        process.communicate()


def run(away: Programs, command: str, *words: str) -> str:
    process = away.start(command, *words)
    output, complaint = process.communicate(timeout=BOUND_S)
    assert process.returncode == 0, complaint
    return str(output.decode())


def test_a_file_is_spoken_and_heard(machines: tuple[Desk, Laptop], away: Programs) -> None:
    """`say -o` writes on the laptop what the desk has made, and `listen` has the laptop's file heard there."""
    spoken = machines[1].folder / "spoken.wav"
    run(away, "say", "--engine", "hibari", "-o", str(spoken), "The quick brown fox jumps over the lazy dog.")
    assert spoken.read_bytes()[:4] == b"RIFF"
    assert "quick brown fox" in run(away, "listen", str(spoken))
    with machines[0].supervisor.connect() as peer:
        names = {row["name"] for row in peer.control("status")["workers"]}
    assert names == {"tts/hibari/en", "stt/moonshine/tiny-en"}


def test_words_are_heard_on_the_laptop_and_stopped_there(machines: tuple[Desk, Laptop], away: Programs) -> None:
    """Its loudspeaker plays, under a floor of its own: a stop on the desk leaves it alone, on the laptop it ends."""
    with away.held():
        speech = away.say(30.0)
        away.wait_for_sound(speech)
        with machines[0].supervisor.connect() as peer:
            assert peer.control("cancel") == {"turns": []}
        assert speech.poll() is None
        run(away, "hushd", "stop-speaking")
    _, complaint = speech.communicate(timeout=BOUND_S)
    assert speech.returncode == 130, complaint


def test_the_laptop_sees_the_desk(machines: tuple[Desk, Laptop], away: Programs) -> None:
    """`hushd status` shows the desk's supervisor; no supervisor was started on the laptop."""
    status = json.loads(run(away, "hushd", "status", "--json"))
    assert status["remote"]["machines"] == {"laptop": 1}
    run(away, "hushd", "preload", "stt/echo/a")
    assert "stt/echo/a" in run(away, "hushd", "status")
    assert "stt/echo/a" in run(away, "hushd", "unload", "--json")
    assert not (machines[1].folder / "client.sock").exists()


def test_a_supervisor_never_asks_another(start_supervisor: Callable[..., Supervisor]) -> None:
    """One that is started where HUSHD_ENDPOINT is set passes it on to no process: its gateway is its own client."""
    supervisor = start_supervisor(environment={"HUSHD_ENDPOINT": f"tcp+curve://{'a' * 52}@desk:7300"})
    with supervisor.connect() as peer:
        pid = peer.ask("echo")["pid"]
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert any(one.startswith(b"HUSHD_CONFIG=") for one in variables)
    assert not any(one.startswith(b"HUSHD_ENDPOINT=") for one in variables)
