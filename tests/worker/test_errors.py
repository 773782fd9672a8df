"""Errors of loads and jobs: their causes, the advice for the client, and which end the process."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import EXIT_CARD_FAILED, EXIT_NO_MEMORY
from hushd_protocol.system.own_modules import Replaced
from hushd_worker.errors import EXIT_CRASHED, Cause, End, answer, cause, failure, fatal, load_error, out_of_memory
from hushd_worker.job_threads import _load_failed

# Errors as the libraries print them; numbers and paths shortened.
MESSAGES = [
    (
        Cause.CARD_FULL,
        "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 GiB of which 11.06 MiB is "
        "free. Including non-PyTorch memory, this process has 7.77 GiB memory in use.",
    ),
    (Cause.CARD_FULL, "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    (Cause.CARD_FULL, "CUDA failed with error out of memory"),
    (Cause.CARD_FULL, "cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"),
    (Cause.CARD_FULL, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    (Cause.CARD_FULL, "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    (Cause.CARD_FULL, "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory ; GPU=0 ; hostname=x"),
    (Cause.CARD_FULL, "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running MatMul "
     "node. Status Message: CUDA error cudaErrorMemoryAllocation:out of memory"),
    (Cause.CARD_FULL, "MPS backend out of memory (MPS allocated: 9.05 GB, other allocations: 8.2 MB)"),
    (
        Cause.MEMORY,
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Exception during initialization: bfc_arena.cc:376 "
        "AllocateRawInternal Failed to allocate memory for requested buffer of size 4194304",
    ),
    (Cause.MEMORY, "bfc_arena.cc:347 Available memory of 0 is smaller than requested bytes of 1024"),
    (Cause.MEMORY, "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: "
     "you tried to allocate 4000000000 bytes. Error code 12 (Cannot allocate memory)"),
    (Cause.MEMORY, "std::bad_alloc"),
    (Cause.MEMORY, "libx.so: failed to map segment from shared object"),
    (Cause.CARD, "CUDA driver version is insufficient for CUDA runtime version"),
    (Cause.CARD, "Library libcublas.so.12 is not found or cannot be loaded"),
    (Cause.CARD, "Could not load library libcudnn_ops_infer.so.8. Error: libcudnn_ops_infer.so.8: cannot open shared "
     "object file: No such file or directory"),
    (Cause.CARD, "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"),
    (Cause.CARD, "CUDA error: no kernel image is available for execution on the device"),
    (Cause.LIBRARY, "libgomp.so.1: cannot open shared object file: No such file or directory"),
    (Cause.LIBRARY, "/lib/libm.so.6: version `GLIBC_2.35' not found (required by libx.so)"),
    (Cause.LIBRARY, "libgomp-d22c30c5.so: cannot allocate memory in static TLS block"),
    (Cause.DAMAGED, "PytorchStreamReader failed reading zip archive: failed finding central directory"),
    (Cause.DAMAGED, "PytorchStreamReader failed reading file data/3: file read failed, in /home/me/CUDA/base.pt"),
    (Cause.DAMAGED, "File model.bin is incomplete: failed to read a buffer of size 4096 at position 12"),
    (Cause.DAMAGED, "Unsupported model binary version."),
    (Cause.DAMAGED, "[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Protobuf parsing failed."),
    (Cause.DAMAGED, "Error while deserializing header: HeaderTooLarge"),
    (Cause.DAMAGED, "expected value at line 1 column 2"),
    (Cause.UNKNOWN, "Expected 80 mel bands, got 128"),
]  # fmt: skip
ADVICE = {
    Cause.CARD_FULL: ("server_busy", "a smaller model"),
    Cause.MEMORY: ("server_busy", "a smaller model"),
    Cause.CARD: ("engine_missing", "update its driver"),
    Cause.LIBRARY: ("engine_missing", "pip install x"),
    Cause.DAMAGED: ("model_missing", "replace m.bin"),
    Cause.UNKNOWN: ("model_missing", "hushd models pull whisper/base"),
}


@pytest.mark.parametrize(("expected", "message"), MESSAGES, ids=[message[:40] for _, message in MESSAGES])
def test_each_message_has_its_advice(expected: Cause, message: str) -> None:
    """A library's message, alone or as the cause of another error, has the advice for what it means; only a file that
    is damaged is replaced, and one that may be whole is looked at first."""
    error = RuntimeError(message)
    outer = ValueError("it does not load")
    outer.__cause__ = error
    assert cause(error) is cause(outer) is expected
    sentence = load_error("whisper/base", error, install="pip install x", again="replace m.bin")
    code, advice = ADVICE[expected]
    assert sentence.code == code
    assert advice in sentence.message
    assert "remove" not in sentence.message
    assert ("replace m.bin" in sentence.message) == (expected in (Cause.DAMAGED, Cause.UNKNOWN))
    assert sentence.message.endswith(".")
    assert "\n" not in sentence.message


def test_no_memory_in_python() -> None:
    """Python's own exception, and numpy's, which is one, have no message to go by."""
    assert cause(MemoryError()) is Cause.MEMORY


@pytest.mark.parametrize("others", [0, 1])
def test_errors_in_a_circle(others: int) -> None:
    """One that was raised from itself, or from one that it had led to, is looked at once."""
    error = HushdError("engine_missing", "Another program answers.")
    error.__cause__ = ValueError() if others else error
    error.__cause__.__cause__ = error
    assert cause(error) is Cause.UNKNOWN
    assert answer(b"1", error).message == "Another program answers."
    assert fatal(error) is None


def _torch() -> None:
    import torch

    torch.load(io.BytesIO(b"PK\x03\x04half"), weights_only=True)


def _torch_memory() -> None:
    import torch

    torch.empty(1 << 50)


def _onnxruntime() -> None:
    import onnxruntime

    onnxruntime.InferenceSession(b"<html>404</html>", providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("package", "act", "expected"),
    [
        ("torch", _torch, Cause.DAMAGED),
        ("torch", _torch_memory, Cause.MEMORY),
        ("onnxruntime", _onnxruntime, Cause.DAMAGED),
        ("json", lambda: json.loads("{"), Cause.DAMAGED),
        ("zipfile", lambda: zipfile.ZipFile(io.BytesIO(b"PK")), Cause.DAMAGED),
    ],
    ids=["torch", "torch's memory", "onnxruntime", "json", "zip"],
)
def test_the_libraries_still_say_so(package: str, act: Callable[[], object], expected: Cause) -> None:
    """Errors that the installed libraries raise today are classified as the table says."""
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    with pytest.raises(Exception) as caught:  # noqa: PT011  # each library has its own
        act()
    assert cause(caught.value) is expected, str(caught.value)


# Errors as the libraries print them; numbers shortened. After each of them CUDA fails at every call of the process.
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
FULL = [message for expected, message in MESSAGES if expected is Cause.CARD_FULL]
MEMORY = [message for expected, message in MESSAGES if expected is Cause.MEMORY]


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


@pytest.mark.parametrize(("error", "said"), [
    (ValueError("x" * 400), f"ValueError: {'x' * 288}"),
    (ValueError("first\nsecond"), "ValueError: first"),
    (ValueError("It is wrong..."), "ValueError: It is wrong"),
    (ValueError("a \ud800 lone surrogate"), "ValueError: a ? lone surrogate"),
    (ValueError(), "ValueError: "),
    (OSError(28, "No space left on device", "/secret"), "OSError: No space left on device"),
], ids=["long", "lines", "stops", "surrogate", "nothing", "system"])  # fmt: skip
def test_a_failure_is_one_short_sentence(error: Exception, said: str) -> None:
    """The first line of what a library says, of at most 300 characters, and of the system's error its reason alone."""
    assert failure(b"1", error).message == f"The engine failed at this request ({said})."
    assert failure(b"1", error).code == "worker_failed"


def test_a_failure_for_lack_of_memory_says_so() -> None:
    """It names no type of Python's."""
    assert failure(b"1", MemoryError()).message == "There was not enough memory for this request."
