"""`listen --device '?'` and `say -a '?'`: the devices that may be named, and nothing is started for that."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hushd.audio.devices import Device
from hushd_cli import listing
from hushd_cli.commands.listen.command import main as listen
from hushd_cli.commands.say.command import main as say

DEVICES = [Device(3, "USB PnP", "ALSA", 1, True), Device(12, "HDMI", "ALSA", 8, False)]


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize(("main", "option", "kind"), [(say, "-a", "outputs"), (listen, "--device", "inputs")])
def test_devices_are_listed_with_the_usual_one_marked(
    main: Callable[..., int], option: str, kind: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A line each, by the number and name that the option takes; as JSON for programs. Status 0."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "0")
    monkeypatch.setattr(listing, kind, lambda: DEVICES)
    assert main("hushd", [option, "?"]) == 0
    lines = ["*  3 USB PnP  # ALSA, channels: 1", "  12 HDMI  # ALSA, channels: 8"]
    assert capfd.readouterr().out.splitlines() == lines
    assert main("hushd", [option, "?", "--json"]) == 0
    assert [row["name"] for row in json.loads(capfd.readouterr().out)] == ["USB PnP", "HDMI"]
