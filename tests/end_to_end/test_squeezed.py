"""Engines that load with too little memory: nobody is told to install a whole engine anew."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable

import pytest
from hushd import Client
from hushd_protocol.errors import HushdError
from support.peer import Supervisor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="macOS has no limit on the address space")

LOAD = """
import resource, sys
from hushd_worker.usage import short_of_memory
from {package}.worker import {worker}
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[1]) * 1_000_000,) * 2)
try:
    {worker}("{engine}", "default").load(lambda note: None)
except BaseException as error:
    print(type(error).__name__, error)
    sys.exit(0 if short_of_memory(error) else 9)
"""


@pytest.mark.parametrize("megabytes", [1, 30, 60, 100, 150, 200, 250, 300])
@pytest.mark.parametrize(
    ("package", "worker", "engine"),
    [("hushd_worker_stt", "SpeechToText", "moonshine"), ("hushd_worker_tts", "Worker", "hibari")],
)
def test_too_little_memory_is_told_from_a_broken_installation(
    package: str, worker: str, engine: str, megabytes: int
) -> None:
    """Wherever a load runs out of address space, it is known for that, whatever the engine's library says; a process
    that dies of it says so by itself."""
    program = LOAD.format(package=package, worker=worker, engine=engine)
    run = subprocess.run([sys.executable, "-c", program, str(megabytes)], capture_output=True, text=True, timeout=60)
    assert run.returncode != 9, run.stdout


def test_a_missing_model_is_missing_however_little_memory_there_is() -> None:
    """A missing model is reported as missing: more memory would not help."""
    program = LOAD.format(package="hushd_worker_stt", worker="SpeechToText", engine="moonshine")
    program = program.replace('"default"', '"tiny-nn"')
    run = subprocess.run([sys.executable, "-c", program, "20"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 9
    assert run.stdout.startswith("HushdError ")
    assert "tiny-nn" in run.stdout


def test_a_limit_on_the_address_space_is_named(start_supervisor: Callable[..., Supervisor]) -> None:
    """Under `ulimit -v` the answer says that this limit is too low and is for ever; where it is enough, one speaks."""
    supervisor = start_supervisor("")
    with Client(start=False) as client:
        resource.prlimit(supervisor.pid, resource.RLIMIT_AS, (350_000_000, resource.RLIM_INFINITY))
        with pytest.raises(HushdError) as refused:
            list(client.synthesize("Hello."))
        assert (refused.value.code, refused.value.retryable) == ("model_too_large", False)
        assert refused.value.message.startswith("350 MB of address space, the limit of each process here (`ulimit -v`)")
        resource.prlimit(supervisor.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert list(client.synthesize("Hello."))
