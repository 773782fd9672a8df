"""Errors that end a job: those after which the process goes on, and those after which it must not."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import EXIT_CARD_FAILED, EXIT_NO_MEMORY
from hushd_protocol.system.own_modules import Replaced
from hushd_worker.job_error import EXIT_CRASHED, End, answer, fatal, out_of_memory
from hushd_worker.job_threads import _load_failed

# As the libraries print them; numbers shortened. After each of them CUDA fails at every call of the process.
BROKEN = [
    "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported",
    "CUDA failed with error an illegal memory access was encountered",
    "cuBLAS failed with status CUBLAS_STATUS_EXECUTION_FAILED",
    "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=x",
    "CUDA error: uncorrectable ECC error encountered",
    "CUDA error: device-side assert triggered",
    "CUDA error: unspecified launch failure",
    "HIP error: an illegal memory access was encountered",
    "Unable to determine the device handle for GPU0: 0000:01:00.0: GPU is lost.  Reboot the system to recover this GPU",
    "CUDA error: the launch timed out and was terminated",
]
FULL = [
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 GiB of which 11 MiB is free.",
    "CUDA failed with error out of memory",
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running MatMul node. Status "
    "Message: CUDA error cudaErrorMemoryAllocation:out of memory",
]
MEMORY = ["std::bad_alloc", "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000 bytes."]


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_context_ends_the_process(message: str) -> None:
    """The process computes nothing more, and no shorter piece is tried on it, whichever error wraps the message."""
    error = RuntimeError(message)
    outer = HushdError("worker_failed", "That failed.")
    outer.__cause__ = error
    for raised in (error, outer):
        end = fatal(raised)
        assert end is not None
        assert end.status == EXIT_CARD_FAILED
        assert "graphics card failed" in end.why
        assert not out_of_memory(raised)


@pytest.mark.parametrize("message", FULL)
def test_a_full_card_is_tried_with_less_then_ends_the_process(message: str) -> None:
    """Shorter pieces are tried, and where nobody tries them only a new process gets unfragmented memory."""
    error = RuntimeError(message)
    assert out_of_memory(error)
    assert fatal(error) == End(EXIT_NO_MEMORY, "The graphics card did not have enough free memory for this request.")


@pytest.mark.parametrize("message", MEMORY)
def test_full_memory_of_the_machine_ends_no_process(message: str) -> None:
    """Shorter pieces are tried; beyond that it is the request's error, since the process is whole."""
    error = RuntimeError(message)
    assert out_of_memory(error)
    assert fatal(error) is None
    assert answer(b"1", error).message == "There was not enough memory for this request."


def test_an_upgrade_of_hushd_ends_the_process() -> None:
    """The supervisor starts a worker of the new version, and repeats the job; a load is tried again too."""
    error = Replaced()
    end = fatal(error)
    assert end
    assert end.status == EXIT_CRASHED
    assert _load_failed(error) is None
