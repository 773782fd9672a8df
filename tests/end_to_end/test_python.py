"""docs/PYTHON.md: its examples are programs that run, and its list of names is what the package exports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import wave
from importlib.util import find_spec
from pathlib import Path

import hushd
import numpy as np
import pytest
import soundfile
from support import python_path
from support.diary import DEVICE
from support.peer import Supervisor
from support.recordings import recording

PAGE = (Path(__file__).parents[2] / "docs" / "PYTHON.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# A part of what each prints, in their order.
SHOWN = (
    "Ever tried", "00:00:0", "", "", "Ever tried", "Ever tried", "hibari",
)  # fmt: skip


@pytest.fixture
def room(carried: Supervisor, tmp_path: Path) -> Path:
    """A folder with the recording, a supervisor with the real engines, and a person who answers."""
    shutil.copy(recording(), tmp_path / "interview.wav")
    rate = soundfile.info(recording()).samplerate
    samples, _ = soundfile.read(recording(), dtype="int16", frames=3 * rate)
    (tmp_path / "person").write_bytes(_resampled(samples, rate).tobytes())
    (tmp_path / "diary").touch()
    return tmp_path


def _resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """Returns the samples at the microphone's 16 kHz; the words only have to be made out."""
    places = np.arange(0, len(samples) - 1, rate / 16_000)
    return np.interp(places, np.arange(len(samples)), samples.astype(np.float64)).astype("<i2")


def test_every_example_runs(room: Path) -> None:
    """Each is a whole program, on a device that keeps real time, and prints what the page says it does."""
    environment = os.environ | {
        "PYTHONPATH": python_path.first(DEVICE),
        "HUSHD_DIARY": str(room / "diary"), "HUSHD_PERSON": str(room / "person"),
    }  # fmt: skip
    for example, shown in zip(EXAMPLES, SHOWN, strict=True):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", example], cwd=room, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), example
        assert shown in done.stdout, example
    with wave.open(str(room / "done.wav")) as file:
        assert file.getnframes() > 10_000
    assert soundfile.info(room / "done.mp3").format == "MP3"
    diary = (room / "diary").read_text()
    assert diary.count(" sound ") >= 3, "two speeches said, one played"


def test_the_page_names_what_is_public() -> None:
    """The list has exactly the public names, and each is there."""
    listed = re.findall(r"`(\w+)`", PAGE.split("## What is public")[1].split("\n\nThese names")[0])
    here = [name for name in hushd.__all__ if find_spec(hushd._HOMES.get(name, "hushd").partition(".")[0])]
    assert sorted(listed) == sorted(here)
    assert all(getattr(hushd, name) is not None for name in here)
    assert set(hushd._HOMES) == {*hushd.__all__} - {"__version__"}
