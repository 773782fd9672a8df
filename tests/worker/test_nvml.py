"""NVIDIA's management library by ctypes; in its place stands a library that is compiled here, with the same structs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_supervisor.system.memory import cards
from hushd_supervisor.system.question import Answer
from support.outside import needs

pytestmark = needs("cc")

# As nvml.h of driver 550 declares them. It prints what it is asked for; the card 0000:01:00.0 has fallen off the bus.
LIBRARY = r"""
#include <stdio.h>
#include <string.h>
typedef struct { char busIdLegacy[16]; unsigned domain, bus, device, pciDeviceId, pciSubSystemId; char busId[32]; } Pci;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned pid; unsigned long long usedGpuMemory; unsigned gpuInstanceId, computeInstanceId; } Process;
typedef struct { int number; } *Device;
static struct { int number; } cards[2] = {{0}, {1}};
static unsigned flags_given;
static const char *places[2] = {"00000000:65:00.0", "00000000:B3:00.0"};
#define ASKED(...) (fprintf(stderr, __VA_ARGS__), fprintf(stderr, "\n"))
int nvmlInitWithFlags(unsigned flags) { ASKED("init %u", flags_given = flags); return 0; }
/* As driver 580 on an H100: with NO_ATTACH (2) there is no card, by number (2) or by place (6). */
int nvmlDeviceGetCount_v2(unsigned *count) { *count = flags_given & 2 ? 0 : 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device *device) {
  if (flags_given & 2) return 2;
  *device = (Device)&cards[index]; return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *place, Device *device) {
  ASKED("open %s", place);
  if (flags_given & 2) return 6;
  if (!strcmp(place, "0000:65:00.0")) { *device = (Device)&cards[0]; return 0; }
  if (!strcmp(place, "0000:b3:00.0")) { *device = (Device)&cards[1]; return 0; }
  return 15;
}
int nvmlDeviceGetPciInfo_v3(Device device, Pci *pci) {
  memset(pci, 0, sizeof *pci);
  sscanf(places[device->number], "%x:%x:%x", &pci->domain, &pci->bus, &pci->device);
  strcpy(pci->busId, places[device->number]);
  return 0;
}
int nvmlDeviceGetName(Device device, char *name, unsigned length) {
  snprintf(name, length, "card %d", device->number); return 0;
}
int nvmlDeviceGetUUID(Device device, char *name, unsigned length) {
  snprintf(name, length, "GPU-%d", device->number); return 0;
}
int nvmlDeviceGetMemoryInfo(Device device, Memory *memory) {
  memory->total = 85899345920ull; memory->free = 1000 + device->number; memory->used = 1; return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned *count, Process *found) {
  if (*count < 3) return 7;
  *count = 3;
  found[0] = (Process){11, 5000000000ull, ~0u, ~0u};
  found[1] = (Process){12, ~0ull, ~0u, ~0u};
  found[2] = (Process){13, 7, ~0u, ~0u};
  return 0;
}
"""


def library(folder: Path, source: str = LIBRARY) -> dict[str, str]:
    """Makes the library, and returns the environment in which it is NVIDIA's."""
    (folder / "nvml.c").write_text(source)
    made = ["cc", "-shared", "-fPIC", "-w", "-o", str(folder / "libnvidia-ml.so.1"), str(folder / "nvml.c")]
    subprocess.run(made, check=True)
    return {"LD_LIBRARY_PATH": str(folder)}


def ask(folder: Path, program: str) -> tuple[object, list[str]]:
    """The value of `program`, an expression in which `Nvml` may stand, and what the library was asked for."""
    code = (
        f"import json; from hushd_worker import nvml; from hushd_worker.nvml import Nvml; print(json.dumps({program}))"
    )
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env=library(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr.splitlines()


def test_sizes_and_names(tmp_path: Path) -> None:
    """They are read out of the driver's structs, by the card's place; a size that it does not say is left out."""
    program = '(lambda n: [n.ids(), n.memory("0000:b3:00.0"), n.name("0000:65:00.0"), n.uuid("0000:b3:00.0"), '
    program += 'n.processes("0000:65:00.0")])(Nvml(["0000:65:00.0", "0000:b3:00.0"]))'
    value, asked = ask(tmp_path, program)
    assert value == [
        ["0000:65:00.0", "0000:b3:00.0"], [85899345920, 1001], "card 0", "GPU-1", {"11": 5000000000, "13": 7},
    ]  # fmt: skip
    assert asked[0] == "init 0"


@pytest.mark.parametrize(
    ("expression", "ids", "begun"),
    [
        # While all sleep, by the kernel's word, the library is not even begun, as that wakes them.
        ('(setattr(nvml, "sleeps", lambda id: True), Nvml(["0000:65:00.0"]).ids())[1]', ["0000:65:00.0"], []),
        # In some containers, and under WSL: the driver's own list, with places as the kernel would write them.
        ("Nvml([]).ids()", ["0000:65:00.0", "0000:b3:00.0"], ["init 0"]),
        # One that the driver does not open for this process is none of its cards.
        ('Nvml(["0000:01:00.0", "0000:65:00.0"]).ids()', ["0000:65:00.0"], ["init 0"]),
    ],
    ids=["asleep", "not listed by the kernel", "not opened"],
)
def test_the_cards_that_there_are(tmp_path: Path, expression: str, ids: list[str], begun: list[str]) -> None:
    """Those of the kernel's list that the driver opens; the driver's own where that list is empty."""
    value, asked = ask(tmp_path, expression)
    assert (value, asked[:1]) == (ids, begun)


# The look at a machine whose kernel lists the first card; FLAGS as the library is begun with.
LOOK = """
import json, sys
from hushd_protocol.system.graphics_cards import PciCard
from hushd_worker import card, nvml
card.nvidia, card._CONTROL = lambda: [PciCard("0000:65:00.0", "NVIDIA", "nvidia")], "/dev/null"
nvml._FLAGS = int(sys.argv[1])
print(json.dumps(card.probe()))
"""


@pytest.mark.parametrize("flags", [0, 2])
def test_the_whole_way_of_a_look(tmp_path: Path, flags: int) -> None:
    """The card is seen; with the flag by which the real library lists none, the look is an error that names both."""
    command = [sys.executable, "-P", "-c", LOOK, str(flags)]
    done = subprocess.run(command, env=library(tmp_path), capture_output=True, check=True)
    seen = cards.probed(Answer("cards", json.loads(done.stdout)))
    if flags:
        assert seen.cards == ()
        assert seen.error.startswith("the kernel lists NVIDIA's card 0000:65:00.0, and its driver does not")
    else:
        assert [(card.device, card.name, card.total) for card in seen.cards] == [("cuda:0", "card 0", 85899345920)]
        assert seen.error == ""


def test_a_machine_without_a_driver() -> None:
    """The program that looks at the cards finds none, and says so without an error."""
    command = [sys.executable, "-P", "-m", "hushd_worker.card"]
    done = subprocess.run(command, env={"LD_LIBRARY_PATH": "/nowhere"}, capture_output=True, text=True, check=True)
    assert isinstance(json.loads(done.stdout)["cards"], list)
