"""`listen --device '?'`, `say -a '?'` and `say -v '?'`: what may be named; nothing is started for devices."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hushd.audio.devices import Device
from hushd_cli import listing
from hushd_cli.commands.listen.command import main as listen
from hushd_cli.commands.say.command import main as say
from hushd_models import listings
from hushd_protocol.system import paths
from hushd_schema.description import Descriptions

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


@pytest.mark.parametrize(("endpoint", "kept"), [("tcp://127.0.0.1:1", []), ("", ["penny"])])
def test_listed_voices_are_those_that_tab_offers(
    endpoint: str, kept: list[str], runtime: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """They are kept for the next completion, which starts nothing; those of another machine are not."""
    voice = {"name": "penny", "language": "en-US", "model": "tin", "installed": True, "engine": "scripted"}
    engine = {"name": "scripted", "installed": True, "voices": [voice]}
    described = Descriptions.from_data({"tts": {"role": "tts", "engines": [engine]}})
    monkeypatch.setenv("HUSHD_ENDPOINT", endpoint)
    client: Any = SimpleNamespace(describe=lambda role: described)
    paths.prepare_runtime(paths.find())
    listing.list_voices(client, Namespace(engine=None, language=None, json=False))
    assert "penny" in capfd.readouterr().out
    offered = listings.load_catalogues(paths.find().listed).tts.voices()
    assert [each.name for each in offered if each.engine == "scripted"] == kept
