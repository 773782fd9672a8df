"""Checks of the machine: memory, sound, graphics cards. None of them wakes a card."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from ctypes.util import find_library
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from hushd_models.installation import document, engine_command, engine_installed
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import replace
from hushd_protocol.suggest import plural
from hushd_protocol.system import footprint, paths
from hushd_protocol.system.cgroup import Cgroup
from hushd_protocol.system.drm import totals
from hushd_protocol.system.graphics_cards import PciCard, cards
from hushd_schema import engines as specs
from hushd_schema.outside import LIBRARIES
from hushd_schema.settings.neighbours import missing

from .finding import Finding

LITTLE_MB = 700  # of free memory: the two default engines at once
LOOKED_THROUGH = 200_000  # bytes of the supervisor's log, from its end
_REFUSED = ": server_busy after "  # in the line of a request that has ended


def memory() -> Iterator[Finding]:
    """Checks free memory, and the limit on address space."""
    machine, cores = footprint.machine(Cgroup.own()), plural(footprint.cores(), "core")
    text = f"{machine.available / 1e9:.1f} of {machine.total / 1e9:.1f} GB free, {cores}"
    if machine.available / 1e6 < LITTLE_MB:
        yield Finding("memory", "warning", text, "close other programs, or configure stt_small and tts_small")
    else:
        yield Finding("memory", "ok", text)
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        text = f"a process may have {limit / 1e9:.1f} GB of address space, in which mapped files and threads count too"
        yield Finding("memory", "warning", text, "lift it with `ulimit -v unlimited`, or models may not load")


def refused_starts() -> Iterator[Finding]:
    """Checks whether requests were refused because memory was short, and whether other servers could give theirs."""
    try:
        with open(paths.find().supervisor_log, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOOKED_THROUGH))
            refusals = [line for line in file.read().decode(errors="replace").splitlines() if _REFUSED in line]
    except OSError:  # nothing has run yet
        return
    if refusals and not missing():
        times = "once" if len(refusals) == 1 else f"{len(refusals)} times"
        text = f"a request was refused {times} of late because memory was short"
        remedy = "hushd neighbours lists the servers that are asked for theirs, hushd neighbours find others"
        yield Finding("memory", "note", text, remedy)


def sound() -> Iterator[Finding]:
    """Checks PortAudio, and the loudspeakers and microphones that it finds."""
    if find_spec("sounddevice") is None:
        return  # a note about the extra says so
    from hushd.audio import devices

    try:
        portaudio = devices.load()
        yield Finding("sound", "ok", portaudio.get_portaudio_version()[1])
        for kind, instead in (("loudspeaker", "say -o FILE"), ("microphone", "listen FILE")):
            present = devices.devices(portaudio, kind)  # type: ignore[arg-type]
            if not present:
                remedy = f"connect one, or start PipeWire or PulseAudio; `{instead}` needs none"
                yield Finding("sound", "warning", f"there is no {kind}", remedy)
                continue
            usual = next((device.name for device in present if device.usual), "none")
            yield Finding("sound", "ok", f"{kind}s: {len(present)}, by default {usual}")
    except HushdError as error:
        finding = Finding.of_error("sound", error)
        remedy = "; ".join(filter(None, (finding.remedy, "`say -o FILE` and `listen FILE` need none")))
        yield replace(finding, state="warning", remedy=remedy)


def volumes() -> Iterator[Finding]:
    """Checks whether a killed process has left other programs quieter; restores them."""
    try:
        from hushd_desktop.ducking import holder
    except ModuleNotFoundError:  # a guest
        return
    if not holder.leftovers(paths.find().runtime):
        return
    if holder.recover():
        yield Finding(
            "volumes",
            "ok",
            "other programs have their volume back: a process of hushd was killed while it turned them down",
        )
    else:
        remedy = "once nobody speaks or listens, hushd doctor again"
        yield Finding("volumes", "note", "hushd has turned other programs down and paused players", remedy)


def graphics_cards() -> Iterator[Finding]:
    """Checks the cards that the kernel lists, and the builds of libraries that would compute on them."""
    present = cards()
    nvidia = [card for card in present if card.vendor == "NVIDIA"]
    sizes = {place: size for place, (_, size) in totals().items()}
    other_cards = [card for card in present if card.place in sizes]
    closed = [str(path) for path in Path("/dev/dri").glob("renderD*") if not os.access(path, os.R_OK | os.W_OK)]
    for card in nvidia:
        yield from _nvidia(card)
    for card in other_cards:
        yield from _other(card, sizes[card.place])
    if closed and not other_cards:
        text = f"{', '.join(closed)} may not be opened, for cards of AMD or Intel"
        yield Finding("card", "note", text, "usermod -aG render,video $USER")
    if nvidia:
        yield from _builds()
    elif not other_cards:
        vendors = ", ".join(sorted({card.vendor for card in present}))
        text = f"no graphics card with memory of its own, only graphics of {vendors}" if vendors else "no graphics card"
        yield Finding("card", "ok", f"{text}: everything runs on the CPU")


def _other(card: PciCard, size: int) -> Iterator[Finding]:
    """Checks an AMD or Intel card with `size` bytes, which computes through Vulkan, or ROCm builds of libraries."""
    known = (f"{size / 1e9:.1f} GB" if size else "", f"driver {card.driver or 'none'}", card.power)
    text = f"{card.vendor} card {card.place}, {', '.join(filter(None, known))}"
    able = [spec for spec in specs.every() if "vulkan" in spec.cards and spec.packages]
    here = [spec.name for spec in able if engine_installed(spec)]
    if find_library("vulkan") is None:
        yield Finding("card", "warning", f"{text}; there is no libvulkan", LIBRARIES["vulkan"].remedy())
    elif here:
        yield Finding("card", "ok", f"{text}; by Vulkan for {', '.join(here)}")
    else:
        yield Finding("card", "note", f"{text}; no engine here computes by Vulkan", engine_command(able[0]).strip("`"))


def _nvidia(card: PciCard) -> Iterator[Finding]:
    text = f"NVIDIA card {card.place}, driver {card.driver or 'none'}{f', {card.power}' if card.power else ''}"
    if card.driver != "nvidia":
        yield Finding("card", "warning", text, "install NVIDIA's driver, such as apt install nvidia-driver")
        return
    closed = [str(path) for path in Path("/dev").glob("nvidia[0-9]*") if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        yield Finding(
            "card", "warning", f"{text}; {', '.join(closed)} may not be opened", "usermod -aG video,render $USER"
        )
    else:
        yield Finding("card", "ok", text)


def _builds() -> Iterator[Finding]:
    """Checks for libraries that are built only for the CPU."""
    if "+cpu" in _version("torch"):
        yield Finding(
            "card",
            "note",
            "torch is built for the CPU alone",
            f"install torch from NVIDIA's index of PyTorch ({document('MODELS.md')})",
        )
    if _version("onnxruntime") and not _version("onnxruntime-gpu"):
        yield Finding("card", "note", "onnxruntime is built for the CPU alone", "pip install onnxruntime-gpu")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
