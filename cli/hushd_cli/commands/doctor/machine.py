"""Checks of the machine: memory, sound, graphics cards. None of them wakes a card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import replace
from hushd_protocol.suggest import plural
from hushd_protocol.system import footprint
from hushd_protocol.system.cgroup import Cgroup
from hushd_protocol.system.graphics_cards import PciCard, cards

from .finding import Finding, of_error, ok, warning

LITTLE_MB = 700  # of free memory: the two default engines at once
_LOOK_S = 5.0  # for which the supervisor waits for the driver, too


def memory() -> Iterator[Finding]:
    """Checks free memory."""
    machine, cores = footprint.machine(Cgroup.own()), plural(footprint.cores(), "core")
    text = f"{machine.available / 1e9:.1f} of {machine.total / 1e9:.1f} GB free, {cores}"
    if machine.available / 1e6 < LITTLE_MB:
        yield warning(text, "close other programs, or configure smaller models as stt and tts")
    else:
        yield ok(text)


def sound() -> Iterator[Finding]:
    """Checks PortAudio, and the loudspeakers and microphones that it finds."""
    if find_spec("sounddevice") is None:
        return  # a note about the extra says so
    from hushd.audio import devices

    try:
        portaudio = devices.load()
        yield ok(portaudio.get_portaudio_version()[1])
        for kind, instead in (("loudspeaker", "say -o FILE"), ("microphone", "listen FILE")):
            present = devices.devices(portaudio, kind)  # type: ignore[arg-type]
            if not present:
                remedy = f"connect one, or start PipeWire or PulseAudio; `{instead}` needs none"
                yield warning(f"there is no {kind}", remedy)
                continue
            usual = next((device.name for device in present if device.usual), "none")
            yield ok(f"{kind}s: {len(present)}, by default {usual}")
    except HushdError as error:
        finding = of_error(error, state="warning")
        remedy = "; ".join(filter(None, (finding.remedy, "`say -o FILE` and `listen FILE` need none")))
        yield replace(finding, remedy=remedy)


def graphics_cards() -> Iterator[Finding]:
    """Checks NVIDIA's cards, as the kernel and the driver list them."""
    present = cards()
    nvidia = [card for card in present if card.vendor == "NVIDIA"]
    for card in nvidia:
        yield from _nvidia(card)
    if nvidia:
        yield from _driver()
        return
    vendors = ", ".join(sorted({card.vendor for card in present}))
    text = f"no card of NVIDIA's, only graphics of {vendors}" if vendors else "no graphics card"
    yield ok(f"{text}: everything runs on the CPU")


def _driver() -> Iterator[Finding]:
    """Looks at the cards as the supervisor does."""
    command = [sys.executable, "-P", "-m", "hushd_worker.card"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LOOK_S, check=True)
        error = json.loads(done.stdout)["error"]
    except subprocess.TimeoutExpired:
        error = f"the driver has not answered in {_LOOK_S:.0f} s"
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as failed:
        error = f"the look at the cards failed ({failed})"
    if error:
        remedy = "nvidia-smi, and what it says; until then everything runs on the CPU"
        yield warning(f"no card can be used: {error}", remedy)


def _nvidia(card: PciCard) -> Iterator[Finding]:
    text = f"NVIDIA card {card.place}, driver {card.driver or 'none'}{f', {card.power}' if card.power else ''}"
    if card.driver != "nvidia":
        yield warning(text, "install NVIDIA's driver, such as apt install nvidia-driver")
        return
    closed = [str(path) for path in Path("/dev").glob("nvidia[0-9]*") if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        yield warning(f"{text}; {', '.join(closed)} may not be opened", "usermod -aG video,render $USER")
    else:
        yield ok(text)
