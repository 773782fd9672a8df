"""Real speech with real full disks: a file system in memory in the place of a folder, in a name space of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
APART = ("unshare", "--user", "--map-root-user", "--mount")
SENTENCE = "Hello world, this is a test."
# What is done to the folder $disk before hushd comes.
FULL = {
    "no inode": 'mount -t tmpfs -o size=64k,nr_inodes=1,mode=700 none "$disk"',
    "one inode": 'mount -t tmpfs -o size=64k,nr_inodes=3,mode=700 none "$disk"; touch "$disk/file"',
    "no room": 'mount -t tmpfs -o size=64k,mode=700 none "$disk"; head -c 100000 /dev/zero > "$disk/file" 2> /dev/null',
    "read-only": 'mount -t tmpfs -o ro,size=64k,mode=700 none "$disk"',
    "a file": 'rmdir "$disk"; touch "$disk"',
}
SPEECH = f"""
say -o "$1/cold.wav" "{SENTENCE}" && say -o "$1/warm.wav" "{SENTENCE}" || exit 1
listen "$1/cold.wav" && listen "$1/warm.wav" || exit 2
hushd models list tts > "$1/list" && hushd status > "$1/status" || exit 3
python -c "import hushd; client = hushd.Client(); client.describe('tts'); client.shutdown()" || exit 4
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: those of sockets have a bound."""
    if not shutil.which("unshare") or subprocess.run([*APART, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no name space for mounts can be made here")
    made = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
    for name in ("state", "run", "home"):
        (made / name).mkdir(mode=0o700)
    yield made
    shutil.rmtree(made)


def played(folder: Path, disk: str, fault: str, script: str) -> subprocess.CompletedProcess[str]:
    """Runs commands where one of the folders is such a disk."""
    whole = f'disk="$1/{disk}"\n{FULL[fault]}\n{script}'
    environment = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HOME": f"{folder}/home",
        "HUSHD_STATE_DIR": f"{folder}/state",
        "HUSHD_RUNTIME_DIR": f"{folder}/run",
    }
    command = [*APART, "sh", "-c", whole, "sh", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=290, check=False)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "fault",
    [pytest.param(each, marks=[pytest.mark.night] * (each in ("no inode", "no room", "a file"))) for each in FULL],
)
def test_the_state_folder_is_only_for_looking(folder: Path, fault: str) -> None:
    """`say` and `listen`, cold and warm, work without a word about it."""
    done = played(folder, "state", fault, SPEECH)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [SENTENCE] * 2
    assert done.stderr == ""
