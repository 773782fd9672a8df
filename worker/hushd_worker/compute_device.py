"""Chooses the device, the threads and the precision with which an engine computes: the configured ones, or else the
engine's first choice.

The supervisor passes the setting `compute_device` on as HUSHD_COMPUTE_DEVICE, and makes only that card visible to the
process. So a card of CUDA is always number 0 here, and a worker for the CPU opens no card. `auto` leaves ROCm and
Vulkan alone, whose memory hushd does not count: they are for whoever names them. torch, numpy and CTranslate2 also read
OMP_NUM_THREADS themselves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from hushd_protocol.cards import APPLE, COUNTED, is_card
from hushd_protocol.errors import HushdError
from hushd_protocol.system.footprint import cores

# ONNX Runtime's providers, the best first; the last one is for AMD's cards until version 1.22, the one before it since.
_ON_CARDS = {"CUDAExecutionProvider": "cuda", "MIGraphXExecutionProvider": "rocm", "ROCMExecutionProvider": "rocm"}
_NVIDIA = ("/dev/nvidiactl", "/dev/dxg")  # the driver's files; the last one is WSL's
ENVIRONMENT = "HUSHD_COMPUTE_DEVICE"
# Variable with the reason why the supervisor has chosen the CPU for a worker that can use a card.
WHY = "HUSHD_WHY_THERE"


def asked() -> str:
    """Returns the configured kind of device: `auto`, `cpu`, `cuda`, `rocm`, `vulkan` or `mps`."""
    return os.environ.get(ENVIRONMENT, "auto").partition(":")[0] or "auto"


def may_be_card() -> bool:
    """Returns whether a card may be used, without loading a driver."""
    return asked() in ("cuda", "rocm", "vulkan") or (asked() == "auto" and any(map(os.path.exists, _NVIDIA)))


def choose(library: str, usable: Sequence[str]) -> str:
    """Returns the kind of device to compute on: the configured one, or else the first of `usable` that hushd counts.
    Raises `engine_missing` if it cannot use the configured one.

    Args:
        library: the name of the computing library, for the error.
        usable: the kinds of devices that it can use here, the best first.
    """
    kind = asked()
    if kind == "auto":
        return next(usable for usable in usable if usable in (COUNTED, APPLE, "cpu"))
    if kind in usable:
        return kind
    if kind == "cuda" and "rocm" in usable:  # the libraries' name for it
        return "rocm"
    raise HushdError(
        "engine_missing",
        f"{library} finds no usable device {os.environ[ENVIRONMENT]} here: set auto or cpu, or "
        "install its build for that device; `hushd doctor` names this machine's cards.",
    )


def of_torch(torch: Any, *, prefers_mps: bool) -> str:
    """Returns the device that `choose` finds for the module `torch`.
    `prefers_mps`: whether Apple's graphics processor is better for the model than the CPU."""
    kind = "rocm" if torch.version.hip else "cuda"
    names = ("cuda", "rocm") if torch.version.hip else ("auto", "cuda")
    card = (kind,) if asked() in names and torch.cuda.is_available() else ()
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return choose("torch", (*card, *mps, "cpu") if prefers_mps else (*card, "cpu", *mps))


def torch_name(kind: str) -> str:
    """Returns torch's name of a kind of device: it calls ROCm's cards `cuda`, too."""
    return "cuda" if kind == "rocm" else kind


def of_ctranslate2(library: Any) -> str:
    """Returns the device that `choose` finds for CTranslate2, whose build for ROCm calls its cards `cuda`, too, and
    cannot be told from that for CUDA: without NVIDIA's driver it is for ROCm."""
    kind = "cuda" if asked() != "rocm" and any(map(os.path.exists, _NVIDIA)) else "rocm"
    return choose("CTranslate2", (*((kind,) if library.get_cuda_device_count() else ()), "cpu"))


def of_onnxruntime(runtime: Any) -> str:
    """Returns the device that `choose` finds for ONNX Runtime.

    CoreML is not used: with it Parakeet takes 2.9 GB instead of 1.2 (k2-fsa/sherpa-onnx, issue 2626).
    """
    available = runtime.get_available_providers()
    kinds = dict.fromkeys(kind for name, kind in _ON_CARDS.items() if name in available)
    return choose("onnxruntime", (*kinds, "cpu"))


def onnx_providers(runtime: Any) -> list[str]:
    """Returns the execution providers for `of_onnxruntime`; the CPU's comes last, for operators that a card's provider
    lacks."""
    kind = of_onnxruntime(runtime)
    providers = [*(name for name, of_kind in _ON_CARDS.items() if of_kind == kind), "CPUExecutionProvider"]
    available = runtime.get_available_providers()
    return [name for name in providers if name in available]


def of_sessions(sessions: Iterable[Any]) -> str:
    """Returns the kind of device of ONNX Runtime's sessions, which use the CPU if a card's libraries do not load.
    Raises `engine_missing` if it is not the configured one."""
    used = {provider for session in sessions for provider in session.get_providers()}
    return choose("onnxruntime", (*dict.fromkeys(_ON_CARDS[name] for name in _ON_CARDS if name in used), "cpu"))


def report(device: str, why: str, name: str) -> tuple[str, str]:
    """Returns the device of an engine, and the reason why it is not a card; either is empty if unknown.
    `device` and `why`: as the engine declares them (`BaseEngine`)."""
    why = why or os.environ.get(WHY, "")
    if not why and asked() not in ("auto", "cpu", device) and not (is_card(device) and is_card(asked())):
        # An engine that can use cards would have refused to load without the configured one.
        why = f"the engine {name} does not support a choice of device"
    return device, why


def threads(spare: int = 0) -> int:
    """Returns OMP_NUM_THREADS, or else the number of cores of this process minus `spare`; at least one."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    return max(1, cores() - spare)


def in_own_precision() -> bool:
    """Returns whether a model is to compute in its files' own precision, by the setting `precision`, on a CPU, too."""
    return os.environ.get("HUSHD_PRECISION") == "original"


def compute_type(known: Sequence[str]) -> str:
    """Returns HUSHD_COMPUTE_TYPE, one of `known`; empty for the engine's default. Raises `bad_request`."""
    asked = os.environ.get("HUSHD_COMPUTE_TYPE", "")
    if asked and asked not in known:
        raise HushdError(
            "bad_request", f"HUSHD_COMPUTE_TYPE must be one of {', '.join(known)} for this engine, not {asked[:40]!r}."
        )
    return asked
