"""NVIDIA's management library by ctypes; in its place stands a library that is compiled here, with the same structs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
static const char *places[2] = {"00000000:65:00.0", "00000000:B3:00.0"};
#define ASKED(...) (fprintf(stderr, __VA_ARGS__), fprintf(stderr, "\n"))
int nvmlInitWithFlags(unsigned flags) { ASKED("init %u", flags); return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device *device) { *device = (Device)&cards[index]; return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *place, Device *device) {
  ASKED("open %s", place);
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


def ask(folder: Path, program: str, more: str = "") -> tuple[object, list[str]]:
    """The value of `program`, an expression in which `Nvml` may stand, and what the library was asked for."""
    source, library = folder / "nvml.c", folder / "libnvidia-ml.so.1"
    source.write_text(LIBRARY + more)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", str(library), str(source)], check=True)
    code = f"import json; from hushd_worker.nvml import Nvml; print(json.dumps({program}))"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env={"LD_LIBRARY_PATH": str(folder)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr.splitlines()


def test_sizes_and_names(tmp_path: Path) -> None:
    """They are read out of the driver's structs, by the card's place; a size that it does not say is left out."""
    program = '(lambda n: [n.ids(), n.memory("0000:b3:00.0"), n.name("0000:65:00.0"), n.uuid("0000:b3:00.0"), '
    program += 'n.processes("0000:65:00.0")])(Nvml(["0000:65:00.0", "0000:b3:00.0"]))'
    value, asked = ask(tmp_path, program)
    assert value == [
        ["0000:65:00.0", "0000:b3:00.0"],
        [85899345920, 1001],
        "card 0",
        "GPU-1",
        {"11": 5000000000, "13": 7},
    ]
    assert asked[0] == "init 2"  # attaches no card that is not asked for


def test_a_machine_without_a_driver() -> None:
    """The program that looks at the cards finds none, and says so without an error."""
    command = [sys.executable, "-P", "-m", "hushd_worker.card"]
    done = subprocess.run(command, env={"LD_LIBRARY_PATH": "/nowhere"}, capture_output=True, text=True, check=True)
    assert isinstance(json.loads(done.stdout)["cards"], list)
