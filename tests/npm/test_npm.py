"""The package for Node.js (packaging/npm/hushd) and its own tests, which node runs, before a real supervisor.

They take what `npm install` puts into the package's folder, its compiler too for a Node.js before 22.18.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hushd import Client, HushdError
from support import moonshine_once
from support.peer import Supervisor, descendants, wait_until
from support.programs import DEVICE

PACKAGE = Path(__file__).parents[2] / "packaging" / "npm" / "hushd"
MODULES = PACKAGE / "node_modules"
COMPILER = MODULES / ".bin" / "tsc"
BOUND_S = 150.0
Run = Callable[..., None]


def claims(name: str) -> list[str]:
    """The names of the tests in a file."""
    text = (PACKAGE / "test" / f"{name}.test.ts").read_text()
    return [first or second for first, second in re.findall(r"^test\((?:'(.+)'|\"(.+)\"), async", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tests as this machine's Node.js runs them."""
    node = shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout if node else "v0.0"
    number = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if not (MODULES / "@msgpack").exists():
        pytest.skip("the package's own packages are not installed here: npm install in packaging/npm/hushd")
    if number >= (22, 18):
        return PACKAGE / "test"
    if number < (20, 0):
        pytest.skip("Node.js 20 or later is not installed here")
    if not COMPILER.exists():
        pytest.skip(f"Node.js {version.strip()} reads no TypeScript, and the package's compiler is not installed here")
    folder = tmp_path_factory.mktemp("npm")
    shutil.copy(PACKAGE / "package.json", folder)  # says that these are modules
    (folder / "node_modules").symlink_to(MODULES)
    subprocess.run([COMPILER, "-p", PACKAGE / "test", "--outDir", folder], check=True, timeout=BOUND_S)
    return folder / "test"


@pytest.fixture
def recording() -> Path:
    """A person who speaks, from the wheel of moonshine-voice: 16 kHz, mono."""
    import moonshine_voice

    return Path(moonshine_voice.__file__).parent / "assets" / "beckett.wav"


@pytest.fixture
def run(tests: Path, recording: Path, tmp_path: Path) -> Run:
    """Runs a test, by its file and its claim, with this environment's `hushd` in PATH; it must pass."""
    program = tmp_path / "bin" / "hushd"
    program.parent.mkdir()
    code = shlex.join([sys.executable, "-P", "-c", "from hushd_command import hushd; hushd()"])
    program.write_text(f'#!/bin/sh\nexec {code} "$@"\n')
    program.chmod(0o755)

    def run(name: str, claim: str, **environment: str) -> None:
        (file,) = tests.glob(f"{name}.test.[jt]s")
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        outcome = subprocess.run(
            ["node", "--test", "--test-reporter=tap", f"--test-name-pattern=^{re.escape(claim)}$", file],
            env={**os.environ, "PATH": path, "HUSHD_TEST_RECORDING": str(recording), **environment},
            capture_output=True,
            text=True,
            timeout=BOUND_S,
        )
        assert (outcome.returncode, outcome.stderr) == (0, ""), outcome.stdout + outcome.stderr
        assert "\n# pass 1\n" in outcome.stdout, outcome.stdout

    return run


@pytest.fixture
def unstarted(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder in which programs start the supervisor; at the end none may be left."""
    monkeypatch.delenv("HUSHD_AUTOSTART")
    yield runtime
    with contextlib.suppress(HushdError), Client(start=False) as client:
        client.shutdown()
    lock = runtime / "lock"
    if lock.exists():
        wait_until(lambda: not psutil.pid_exists(int(lock.read_text().split()[0])), "the supervisor's end")
    wait_until(lambda: not descendants(runtime), "the workers' end")


@pytest.mark.parametrize("claim", claims("speech"))
def test_programs_speak_and_hear(claim: str, carried: Supervisor, run: Run) -> None:
    """Recordings, live sound, speech, errors and cancelling, with the engines that hushd carries."""
    run("speech", claim)


@pytest.mark.parametrize("claim", claims("starting"))
def test_hushd_is_found_and_started(claim: str, unstarted: Path, run: Run) -> None:
    """The first request starts it; where that cannot be, one sentence says what to do."""
    (unstarted / "config.toml").write_text(moonshine_once.configuration())
    run("starting", claim)


@pytest.mark.parametrize("claim", claims("restarting"))
def test_a_supervisor_goes_away_in_the_middle(claim: str, unstarted: Path, run: Run) -> None:
    """Requests are repeated where nothing is lost by that; of a recording only the rest is."""
    hold = unstarted / "hold"
    (unstarted / "config.toml").write_text(moonshine_once.configuration(hold))
    run("restarting", claim, HUSHD_TEST_HOLD=str(hold))


@pytest.mark.parametrize("claim", claims("hostile"))
def test_a_supervisor_that_is_broken_or_goes_away_is_told_in_a_sentence(claim: str, runtime: Path, run: Run) -> None:
    """Garbage, answers of another shape, grants that are none, a closed socket; and many requests at once."""
    run("hostile", claim)


@pytest.mark.parametrize("claim", claims("devices"))
def test_devices_are_used_by_hushds_own_programs(
    claim: str, carried: Supervisor, recording: Path, run: Run, tmp_path: Path
) -> None:
    """`say` and `listen` of the package play and record, with the manners of the commands."""
    diary, person = tmp_path / "diary", tmp_path / "person"
    diary.touch()
    person.write_bytes(recording.read_bytes()[44:])
    run("devices", claim, PYTHONPATH=str(DEVICE), HUSHD_DIARY=str(diary), HUSHD_PERSON=str(person))


@pytest.mark.guest("conformance")
def test_its_client_conforms_to_the_protocol(tests: Path) -> None:
    """A scripted supervisor finds no fault in its frames, and the program ends as each case wants."""
    (program,) = tests.glob("program.[jt]s")
    command = [sys.executable, "-P", "-m", "hushd_conformance.protocol", "client", "--", "node", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_S)
    assert done.returncode == 0, done.stdout
