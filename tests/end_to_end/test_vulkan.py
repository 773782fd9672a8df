"""Vulkan on lavapipe, Mesa's driver that computes on the processor: choice and fall-back, with a real model.

Its second utterance corrupts the heap, in the library (Mesa 22.3): what a driver does on a bad day.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hushd import Client
from support.commands import RATE, say
from support.gguf_models import commands
from support.wer import words

DRIVERS = Path("/usr/share/vulkan/icd.d")
pytestmark = [
    pytest.mark.night,  # a minute of processor time: a processor draws
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not any(DRIVERS.glob("lvp_icd*.json")), reason="lavapipe is not installed: apt install mesa-vulkan-drivers"
    ),
    pytest.mark.skipif(
        not (find_spec("transcribe_cpp") and find_spec("whisper")),
        reason="transcribe-cpp is not installed: pip install 'hushd[ggml]'",
    ),
]


@pytest.fixture(autouse=True)
def lavapipe(start_supervisor: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor to which lavapipe is a card, with the small model."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    model = tmp_path / "transcribe-cpp" / "commands" / "commands.gguf"
    model.parent.mkdir(parents=True)
    commands(model)
    start_supervisor("", environment={"GGML_VK_VISIBLE_DEVICES": "0"})


def test_choice_and_fall_back() -> None:
    """Vulkan computes for who asks for it; when its process dies, the CPU writes the text and says why."""
    with Client(compute_device="vulkan") as client:
        first, second = (
            client.transcribe(say(said), rate=RATE, engine="transcribe-cpp", model="commands")
            for said in (["seven", "red", "left"], ["stop", "nine", "green"])
        )
        (worker,) = (row for row in client.status().workers if row.engine == "transcribe-cpp")
    assert words(first.text) == ["seven", "red", "left"]
    assert not first.warnings
    assert words(second.text) == ["stop", "nine", "green"]
    if worker.crashes:  # a newer Mesa may be better
        assert (worker.compute_device, worker.why_there) == ("cpu", "the card failed (killed by SIGABRT)")
        assert "vulkan was not used" in second.warnings[0].message
    else:
        assert worker.compute_device == "vulkan"


def test_auto_is_for_cards() -> None:
    """A processor that poses as a card is not one: nobody asked for it."""
    with Client() as client:
        heard = client.transcribe(say(["stop"]), rate=RATE, engine="transcribe-cpp", model="commands")
        (worker,) = (row for row in client.status().workers if row.engine == "transcribe-cpp")
    assert words(heard.text) == ["stop"]
    assert worker.compute_device == "cpu"
