"""Lists of the available voices and audio devices."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from hushd.audio.microphone import inputs
from hushd.audio.playback import outputs
from hushd_models import listings
from hushd_models.choice.voices import speaking
from hushd_models.installation import document
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd.audio.devices import Device
    from hushd.client import Client
    from hushd_schema.description import Voice


def list_voices(client: Client, options: Namespace) -> None:
    """Prints a line a voice, as macOS does, missing ones last."""
    described = client.describe("tts")
    if not os.environ.get("HUSHD_ENDPOINT"):
        place = paths.find().listed
        # TAB offers these.
        listings.save_catalogues(place, listings.load_catalogues(place).having("tts", described.tts))
    voices = [voice for voice in described.tts.voices() if options.engine in (None, voice.engine)]
    if options.language:
        voices = speaking(voices, options.language)
    if not voices:
        raise HushdError("engine_missing", f"No such voice is known: {document('MODELS.md')} says how to get one.")
    voices.sort(key=lambda voice: not voice.installed)
    if options.json:
        console.write_json([voice.data() for voice in voices])
        return
    console.write("".join(f"{_line(voice)}\n" for voice in voices))


def _line(voice: Voice) -> str:
    note = "" if voice.installed else " (not installed)"
    return f"{voice.name:<19} {voice.language:<7} # {voice.sample}{note}"


def list_outputs(as_json: bool) -> None:
    list_devices(outputs(), as_json)


def list_inputs(as_json: bool) -> None:
    list_devices(inputs(), as_json)


def list_devices(devices: Sequence[Device], as_json: bool = False) -> None:
    """Prints a line a device, with a star before the default one."""
    if as_json:
        console.write_json([asdict(device) for device in devices])
        return
    if not devices:
        console.note("No audio device found.")
    for device in devices:
        mark = "*" if device.usual else " "
        console.write(f"{mark} {device.number:>2} {device.name}  # {device.api}, channels: {device.channels}\n")
