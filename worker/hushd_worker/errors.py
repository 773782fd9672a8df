"""Finds the cause of a failed load or job: the client gets a sentence with the right advice, never to replace a file
that is not damaged, or, after some errors, the whole process ends.

Libraries raise RuntimeError for a full graphics card, a missing driver and a damaged file alike; only the message
differs. The messages below are from torch, CTranslate2, ONNX Runtime, ggml, the libraries of CUDA, ROCm and Vulkan,
glibc and the libraries that read models.

After some errors CUDA fails at every call until the process ends, and only its end undoes fragmentation of a card's
memory; and a missing module means that hushd was upgraded meanwhile. After such errors a worker ends as by a crash: the
supervisor repeats the request in a new process, unless the client has some of its output."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.limits import EXIT_CARD_FAILED, EXIT_NO_MEMORY
from hushd_protocol.messages import Error
from hushd_protocol.system.own_modules import Replaced

from .job import Cancelled
from .usage import chain, short_of_memory

if TYPE_CHECKING:
    from pathlib import Path


class Cause(Enum):
    """The cause of a failed load or job."""

    CARD_FAILED = "a failure of the graphics card, after which this process cannot compute on it any more"
    CARD_FULL = "the graphics card's memory"
    MEMORY = "the machine's memory"
    CARD = "the graphics card's driver or libraries"
    LIBRARY = "a shared library"
    DAMAGED = "the model's file"
    UNKNOWN = "unknown"


confined = False  # whether this process has given up what an engine does not need
_FORBIDDEN = "Permission denied|Operation not permitted|PermissionError"
_NO_CARD = 'or keep the worker off it with compute_device = "cpu" in the configuration'
# The first match counts, since a full card is an error of CUDA, too, and a folder's name may contain CUDA. They are
# only compiled after a failure, since that takes milliseconds, for which every start would wait.
_MESSAGES = {
    cause: "|".join(patterns)
    for cause, patterns in {
        Cause.CARD_FAILED: (
            r"illegal (memory access|instruction was encountered)|misaligned address|invalid program counter",
            r"hardware stack error|unspecified launch failure|launch timed out and was terminated",
            r"device-side assert triggered",
            r"uncorrectable (ECC|NVLink) error|GPU is lost|fallen off the bus|context is destroyed|no CUDA-capable dev",
            r"CU(BLAS|DNN)_STATUS_(EXECUTION_FAILED|MAPPING_ERROR)|\bCUDA.{0,30}: unknown error|CUDA failure 999",
            r"(cuda|hip)Error(IllegalAddress|Assert|LaunchFailure|LaunchTimeout|ECCUncorrectable|NoDevice)",
            r"ErrorDeviceLost|VK_ERROR_DEVICE_LOST",
            r"CUDA_ERROR_(ILLEGAL_ADDRESS|ASSERT|LAUNCH_FAILED|LAUNCH_TIMEOUT|ECC_UNCORRECTABLE|NO_DEVICE)",
        ),
        Cause.CARD_FULL: (
            r"(CUDA|HIP|MPS|XPU)\b.{0,40}out of memory",
            r"(CU|HIP)(BLAS|DNN|SOLVER|FFT|SPARSE)_STATUS_(ALLOC_FAILED|INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)",
            r"(cuda|hip)ErrorMemoryAllocation|hipErrorOutOfMemory|CUDA_ERROR_OUT_OF_MEMORY",
            r"ErrorOutOfDeviceMemory|VK_ERROR_OUT_OF_DEVICE_MEMORY|Device memory allocation of size \d+ failed",
        ),
        Cause.MEMORY: (
            r"bad_alloc|can't allocate memory|Cannot allocate memory(?! in static TLS)|Failed to allocate memory",
            r"out of memory",
            r"DefaultCPUAllocator: not enough memory|Available memory of \d+ is smaller than requested",
            r"failed to map segment from shared object",
        ),
        Cause.DAMAGED: (
            r"PytorchStreamReader|zip (archive|file)|BadZipFile|central directory|EOF while|EOFError|unexpected EOF",
            r"invalid load key|is incomplete|failed to read a buffer|model binary version|Protobuf parsing failed",
            r"INVALID_PROTOBUF|while deserializing|Header(TooLarge|TooSmall)|InvalidHeader|MetadataIncompleteBuffer",
            r"pickle|JSONDecodeError|expected value at line|codec can't decode|is damaged|is truncated",
        ),
        Cause.CARD: (
            r"\bCUDA|cuDNN|cuBLAS|libcud|libcublas|libnv|NVIDIA|HIP error|no kernel image",
            r"\bggml_vulkan: |\bvk::|VK_ERROR",
        ),
        Cause.LIBRARY: (
            r"cannot open shared object file|is not found or cannot be loaded|Library not loaded|undefined symbol",
            r"version [`']GLIBC|static TLS block",
        ),
    }.items()
}


@contextmanager
def importing(otherwise: str, remedy: str, *further: type[Exception]) -> Iterator[None]:
    """Raises `engine_missing` for an import inside that fails, or for one of the `further` errors: the sentence is
    `otherwise`, which tells what does not work then, the library's reason, and `remedy`, an imperative clause."""
    kinds: tuple[type[Exception], ...] = (ImportError, OSError, *further)
    try:
        yield
    except kinds as error:
        raise HushdError("engine_missing", f"{otherwise} ({reason(error)}): {remedy}.") from error


@contextmanager
def loading(model: str, *, install: str, again: str) -> Iterator[None]:
    """Raises `load_error` for any error of a library that loads `model` inside."""
    try:
        yield
    except Exception as error:
        raise load_error(model, error, install=install, again=again) from error


def load_error(model: str, error: BaseException, *, install: str, again: str) -> HushdError:
    """Returns the error for `model`, such as `whisper/base`, whose library raised `error` during the load.
    `again`: an imperative clause that says how to replace a damaged file."""
    if isinstance(error, HushdError):
        return error
    why = reason(error)
    match cause(error):
        case Cause.CARD_FULL:
            advice = f"end other programs that use the card, take a smaller model, {_NO_CARD}"
            text = f"The graphics card does not have enough free memory for {model} ({why}): {advice}."
            return HushdError("server_busy", text, detail={"on_card": True})
        case Cause.MEMORY:
            return no_memory(model, why)
        case Cause.CARD | Cause.CARD_FAILED:
            advice = f"update its driver, install the named library, {_NO_CARD}"
            return HushdError("engine_missing", f"The graphics card cannot be used for {model} ({why}): {advice}.")
        case Cause.LIBRARY:
            return HushdError("engine_missing", f"A library of {model} does not load ({why}): {install}.")
        case Cause.DAMAGED:
            return HushdError(
                "model_missing",
                f"The model {model} does not load, since its file is damaged or incomplete ({why}): {again}.",
            )
    advice = f"if `hushd models pull {model}` finds no damage, `hushd logs` says more, otherwise {again}"
    return HushdError("model_missing", f"The model {model} does not load ({why}): {advice}.")


def no_memory(model: str, why: str = "") -> HushdError:
    """Returns the error for a load without enough memory; `model` is in words, `why` the library's message."""
    quoted = f" ({why})" if why else ""
    advice = "end other programs, or take a smaller model"
    return HushdError("server_busy", f"There is not enough free memory for {model}{quoted}: {advice}.")


def check_files(folder: Path) -> None:
    """Raises ValueError if a model's files include a pipe, since a library that opens one would wait for a writer
    forever."""
    if pipe := next((path for path in sorted(folder.rglob("*")) if path.is_fifo()), None):
        raise ValueError(f"{pipe.name} is damaged: it is a pipe")


def cause(error: BaseException | None) -> Cause:
    """Returns the cause of a failed load or job, by the messages of `error` and the errors that led to it."""
    errors = chain(error)
    if any(isinstance(each, MemoryError) for each in errors):
        return Cause.MEMORY
    text = "".join(f"{type(each).__name__}: {each}\n" for each in errors)
    flags = re.IGNORECASE | re.DOTALL
    return next((cause for cause, pattern in _MESSAGES.items() if re.search(pattern, text, flags)), Cause.UNKNOWN)


EXIT_CRASHED = 70  # EX_SOFTWARE: the load, a job or the harness raised; the traceback is in the log


class End(NamedTuple):
    """The end of the process: its exit status, and one sentence for the client."""

    status: int
    why: str


class NoMemory(Exception):
    """There is not enough memory for a job; the message is one sentence for the client.

    A new process, whose memory is not fragmented, may succeed.
    """


def fatal(error: BaseException) -> End | None:
    """Returns how the process must end after `error`; None if it can go on."""
    if isinstance(error, NoMemory):
        return End(EXIT_NO_MEMORY, str(error))
    if isinstance(error, Replaced):
        return End(EXIT_CRASHED, "hushd was updated while this process ran.")
    match _cause(error):
        case Cause.CARD_FAILED:
            return End(EXIT_CARD_FAILED, "The graphics card failed, and this process cannot compute on it any more.")
        case Cause.CARD_FULL if not isinstance(error, HushdError):  # a HushdError has its own advice, about a load
            return End(EXIT_NO_MEMORY, "The graphics card did not have enough free memory for this request.")
    return None


def out_of_memory(error: Exception) -> bool:
    """Returns whether a library raised `error` because a card or the machine did not have enough free memory."""
    if isinstance(error, Cancelled | HushdError | NoMemory):
        return False
    cause = _cause(error)
    return cause in (Cause.CARD_FULL, Cause.MEMORY) or (cause is not Cause.CARD_FAILED and short_of_memory(error))


def forbidden(error: BaseException | None) -> str:
    """Returns a sentence that names what the confinement of this process refused, if `error` is due to it; or empty."""
    for each in chain(error) if confined else ():
        path = getattr(each, "filename", None)
        # `access` looks at a file's rights alone: what those allow was refused by the confinement.
        if isinstance(each, PermissionError) and path and os.access(path, os.R_OK):
            what = f"wanted to open {os.fsdecode(path)}"
        elif re.search(_FORBIDDEN, text := f"{type(each).__name__}: {each}") and not path:
            what = f"was refused something ({text.splitlines()[0][:200]})"
        else:
            continue
        return (
            f"The engine {what}, which its confinement forbids: `hushd logs` says more; report it, and set [security] "
            'confine = "off" until it is mended.'
        )
    return ""


def answer(request_id: bytes, error: BaseException) -> Error:
    """Returns the answer for the client: a HushdError unchanged, other errors as `failure`."""
    # A part that is loaded at its first use is not missing if memory is too short for it.
    if refused := forbidden(error):
        log_traceback(error)
        return Error.of(request_id, HushdError("worker_failed", refused))
    missing = isinstance(error, HushdError) and error.code in ("engine_missing", "model_missing")
    if isinstance(error, HushdError) and not (missing and short_of_memory(error)):
        return Error.of(request_id, error)
    return failure(request_id, error)


def failure(request_id: bytes, error: BaseException) -> Error:
    """Returns the answer for a job that failed through no fault of its request: one sentence; the log has the
    traceback."""
    log_traceback(error)
    if short_of_memory(error):
        return Error.of(request_id, HushdError("worker_failed", "There was not enough memory for this request."))
    why = reason(error) if isinstance(error, OSError) else error
    text = f"{type(error).__name__}: {why}".splitlines()[0][:300].rstrip(".").encode(errors="replace").decode()
    return Error.of(request_id, HushdError("worker_failed", f"The engine failed at this request ({text})."))


def log_traceback(error: BaseException) -> None:
    """Prints the traceback and the type of `error`; its message, which may quote speech, only if the user has enabled
    that."""
    if os.environ.get("HUSHD_DEBUG"):
        traceback.print_exception(error)
        return
    chain: list[BaseException] = []
    while error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__) or error
    for link in reversed(chain):
        print("Traceback (most recent call last):", file=sys.stderr)
        traceback.print_tb(link.__traceback__)
        print(type(link).__name__, file=sys.stderr)


def _cause(error: BaseException | None) -> Cause | None:
    """Returns the cause that a library's message names; not for hushd's and the system's messages, which may contain
    any text, such as a file name."""
    first = next((each for each in chain(error) if not isinstance(each, HushdError)), None)
    return None if first is None or isinstance(first, OSError) else cause(first)
