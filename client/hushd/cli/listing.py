"""Lists of the voices, the audio devices and the formats that can be chosen."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_models.installation import document
from hushd_protocol.errors import HushdError

from hushd.client import Client

from . import console

if TYPE_CHECKING:
    from hushd.audio.devices import Device


def list_voices(client: Client, options: Namespace) -> None:
    """Prints a line a voice, as macOS does; those that are not installed come last."""
    voices = [voice for voice in client.voices() if options.engine in (None, voice.engine)]
    if options.language:
        from hushd.synthesis.voices import speaking

        voices = speaking(voices, options.language)
    if not voices:
        raise HushdError("engine_missing", f"No such voice is known: {document('VOICES.md')} says how to get one.")
    voices.sort(key=lambda voice: not voice.installed)
    if options.json:
        import json
        from dataclasses import asdict

        console.write(json.dumps([asdict(voice) for voice in voices], ensure_ascii=False, indent=2) + "\n")
        return
    for voice in voices:
        note = "" if voice.installed else " (not installed)"
        console.write(f"{voice.name:<19} {voice.language:<7} # {voice.sample}{note}\n")


def list_choices(options: Namespace) -> None:
    """Prints the loudspeakers, or the formats of files."""
    if options.device == "?":
        from hushd.audio.playback import outputs

        list_devices(outputs())
        return
    from hushd.audio.sound_file import FORMATS

    from .say.options import DATA_FORMATS

    console.write("".join(f"{name}\n" for name in (FORMATS if options.format == "?" else DATA_FORMATS)))


def list_devices(devices: Sequence[Device]) -> None:
    """Prints a line a device, with a star before the default one."""
    if not devices:
        console.note("There is no such audio device here.")
    for device in devices:
        mark = "*" if device.usual else " "
        console.write(f"{mark} {device.number:>2} {device.name}  # {device.api}, channels: {device.channels}\n")
