"""The loudspeakers that captions record."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hushd_desktop.captions import monitor
from support.refusals import hushd_error


@pytest.mark.parametrize(
    ("system", "code", "way"),
    [("linux", "no_device", "--microphone"), ("darwin", "unsupported", "name it with --microphone --audio-device.")],
)
def test_a_machine_without_a_sound_server_says_what_helps(
    system: str, code: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Linux a server, or its library, is missing; macOS has none that lets programs record each other."""
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/none")
    monkeypatch.setattr(sys, "platform", system)
    with hushd_error(code, has=way):
        monitor.sinks()
