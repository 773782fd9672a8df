"""A library in the place of CUDA's driver, compiled here: it suspends and restores by a state in a file."""

from __future__ import annotations

import subprocess
from pathlib import Path

# As cuda.h of 13.0 declares them. HUSHD_FAKE_CUDA is the file; HUSHD_FAKE_FAIL names a call that fails.
_LIBRARY = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int get(void) {
  int s = -1; FILE *f = fopen(getenv("HUSHD_FAKE_CUDA"), "r");
  fscanf(f, "%d", &s); fclose(f); return s;
}
static void set(int s) { FILE *f = fopen(getenv("HUSHD_FAKE_CUDA"), "w"); fprintf(f, "%d", s); fclose(f); }
static int call(const char *name, int from, int to) {
  fprintf(stderr, "%s\n", name);
  if (!strcmp(getenv("HUSHD_FAKE_FAIL"), name)) return 304;
  if (get() != from) return 401;
  set(to);
  return 0;
}
int cuInit(unsigned flags) { return strcmp(getenv("HUSHD_FAKE_FAIL"), "cuInit") ? 0 : 100; }
int cuCheckpointProcessGetState(int pid, int *state) {
  *state = get();
  return strcmp(getenv("HUSHD_FAKE_FAIL"), "All") ? 0 : 304;
}
int cuCheckpointProcessLock(int pid, unsigned *limit) { return *limit == 5000 ? call("Lock", 0, 1) : 1; }
int cuCheckpointProcessCheckpoint(int pid, void *args) {
  if (!strcmp(getenv("HUSHD_FAKE_FAIL"), "All")) { call("Checkpoint", 1, 3); return 304; }
  return call("Checkpoint", 1, 2);
}
#ifndef OLD
int cuCheckpointProcessRestore(int pid, void *args) { return call("Restore", 2, 1); }
#endif
int cuCheckpointProcessUnlock(int pid, void *args) { return call("Unlock", 1, 0); }
"""


def environment(folder: Path, fail: str = "", *flags: str) -> dict[str, str]:
    """Makes the library in `folder`, and returns the variables by which programs find it there."""
    (folder / "cuda.c").write_text(_LIBRARY)
    made = ["cc", "-shared", "-fPIC", "-w", *flags, "-o", str(folder / "libcuda.so.1"), str(folder / "cuda.c")]
    subprocess.run(made, check=True)
    (folder / "state").write_text("0")
    return {"LD_LIBRARY_PATH": str(folder), "HUSHD_FAKE_CUDA": str(folder / "state"), "HUSHD_FAKE_FAIL": fail}
