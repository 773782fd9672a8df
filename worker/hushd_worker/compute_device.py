"""The device on which an engine computes: the one that the configuration asks for, else the engine's first choice.

The supervisor passes `compute_device` of the configuration on as HUSHD_COMPUTE_DEVICE, and shows the process no card
but the one that it names. So a card of CUDA's or ROCm's is always number 0 here, and none is opened on a worker that is
for the CPU. Vulkan hides none: there the card's place on the bus says which, and `auto` computes on no other.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from hushd_protocol.cards import PLACE, is_card
from hushd_protocol.errors import HushdError
from hushd_protocol.system import drm

# ONNX Runtime's, the best first; for AMD's cards it had the last one until 1.22, and has the one before since.
_ON_CARDS = {
    "CUDAExecutionProvider": "cuda",
    "MIGraphXExecutionProvider": "rocm",
    "ROCMExecutionProvider": "rocm",
}
_NVIDIA, _AMD, _WINDOWS = "/dev/nvidiactl", "/dev/kfd", "/dev/dxg"  # drivers of cards that compute; the last is WSL's
ENVIRONMENT = "HUSHD_COMPUTE_DEVICE"
WHY = "HUSHD_WHY_THERE"  # the reason why the supervisor has chosen the CPU for a worker that may use a card


def asked() -> str:
    """The kind of device that the configuration asks for: `auto`, `cpu`, `cuda`, `rocm`, `vulkan` or `mps`."""
    return os.environ.get(ENVIRONMENT, "auto").partition(":")[0] or "auto"


def may_be_card() -> bool:
    """Returns whether CUDA or ROCm may be used; loads no driver to know it."""
    return asked() in ("auto", "cuda", "rocm") and any(map(os.path.exists, (_NVIDIA, _AMD, _WINDOWS)))


def may_be_vulkan() -> bool:
    """Returns whether Vulkan may be used: where it is asked for, and on a card that was chosen for this process."""
    return asked() == "vulkan" or (asked() == "auto" and bool(place()))


def place() -> str:
    """The place on the bus of the card that was chosen for this process; empty for none."""
    return os.environ.get(PLACE, "")


def choose(library: str, usable: Sequence[str]) -> str:
    """Returns the kind of device to compute on: the one asked for, else the first of `usable`.

    Args:
        library: computes, for the message.
        usable: kinds of devices that it can use here, the best first.

    Raises:
        HushdError: `engine_missing` where it cannot use the one that is asked for.
    """
    kind = asked()
    if kind == "auto":
        return usable[0]
    if kind in usable:
        return kind
    if kind == "cuda" and "rocm" in usable:  # as the libraries call it
        return "rocm"
    raise HushdError(
        "engine_missing",
        f"{library} finds no device {os.environ[ENVIRONMENT]} that it can use here: ask for auto or cpu, or "
        "install its build for that device; `hushd doctor` names the cards that are here.",
    )


def of_torch(torch: Any, *, prefers_mps: bool) -> str:
    """`choose` for torch, by the module.

    Args:
        prefers_mps: whether Apple's graphics processor is better than the CPU for the model.
    """
    kind = "rocm" if torch.version.hip else "cuda"
    usable = asked() in ("auto", "cuda", "rocm") and not _is_left_out(kind)
    card = (kind,) if usable and torch.cuda.is_available() else ()
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return choose("torch", (*card, *mps, "cpu") if prefers_mps else (*card, "cpu", *mps))


def torch_name(kind: str) -> str:
    """The name that torch has for a kind of device: it calls ROCm's cards `cuda` too."""
    return "cuda" if kind == "rocm" else kind


def of_ctranslate2(library: Any) -> str:
    """`choose` for CTranslate2, by the module, whose build for ROCm calls its cards `cuda` and does not say that it is
    one."""
    kind = "rocm" if os.path.exists(_AMD) and not os.path.exists(_NVIDIA) else "cuda"
    card = (kind,) if not _is_left_out(kind) and library.get_cuda_device_count() else ()
    return choose("CTranslate2", (*card, "cpu"))


def of_onnxruntime(runtime: Any) -> str:
    """`choose` for ONNX Runtime, by the module.

    CoreML is none of its devices: with it Parakeet takes 2.9 GB instead of 1.2 (k2-fsa/sherpa-onnx, issue 2626).
    """
    available = runtime.get_available_providers()
    kinds = dict.fromkeys(kind for name, kind in _ON_CARDS.items() if name in available and not _is_left_out(kind))
    return choose("onnxruntime", (*kinds, "cpu"))


def onnx_providers(runtime: Any) -> list[str]:
    """The execution providers for `of_onnxruntime`; the CPU comes last, for operators that a card's lacks."""
    kind = of_onnxruntime(runtime)
    providers = [*(name for name, of_kind in _ON_CARDS.items() if of_kind == kind), "CPUExecutionProvider"]
    available = runtime.get_available_providers()
    return [name for name in providers if name in available]


def of_sessions(sessions: Iterable[Any]) -> str:
    """Returns where sessions of ONNX Runtime compute: it goes on without a card whose libraries it cannot load.

    Raises:
        HushdError: `engine_missing` where that is not the card that is asked for.
    """
    used = {provider for session in sessions for provider in session.get_providers()}
    return choose("onnxruntime", (*dict.fromkeys(_ON_CARDS[name] for name in _ON_CARDS if name in used), "cpu"))


def report(engine: object, name: str) -> tuple[str, str]:
    """Returns where `engine` computes, and why not on the card that might be; either is empty where nothing is known.

    Args:
        name: the engine's.
    """
    device: str = getattr(engine, "compute_device", "")
    why: str = getattr(engine, "why_there", "") or os.environ.get(WHY, "")
    if not why and asked() not in ("auto", "cpu", device) and not (is_card(device) and is_card(asked())):
        # An engine that can use cards has refused to load without the one that is asked for.
        why = f"the engine {name} takes no choice of device"
    return device, why


def _is_left_out(kind: str) -> bool:
    """Returns whether `auto` does without that kind of card: a processor's own graphics are never chosen by it."""
    return kind == "rocm" and asked() == "auto" and drm.is_integrated_only(drm.AMD)
