"""The device on which an engine computes: the one that the configuration asks for, else the engine's first choice.

The supervisor passes `compute_device` of the configuration on as HUSHD_COMPUTE_DEVICE, and shows the process no card
but the one that it names. So a card is always number 0 here, and none is opened on a worker that is for the CPU.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from hushd_protocol.errors import HushdError

# ONNX Runtime's, the best first; for AMD's cards it had the last one until 1.22, and has the one before since.
_ON_CARDS = ("CUDAExecutionProvider", "MIGraphXExecutionProvider", "ROCMExecutionProvider")
ENVIRONMENT = "HUSHD_COMPUTE_DEVICE"
WHY = "HUSHD_WHY_THERE"  # the reason why the supervisor has chosen the CPU for a worker that may use a card


def asked() -> str:
    """The kind of device that the configuration asks for: `auto`, `cpu`, `cuda` or `mps`."""
    return os.environ.get(ENVIRONMENT, "auto").partition(":")[0] or "auto"


def may_be_card() -> bool:
    """Returns whether a graphics card may be used; loads no driver to know it."""
    return asked() in ("auto", "cuda") and any(map(os.path.exists, ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")))


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
    raise HushdError(
        "engine_missing",
        f'{library} finds no device {os.environ[ENVIRONMENT]} that it can use here: set compute_device to "auto", or '
        "install its build for that device.",
    )


def of_torch(torch: Any, *, prefers_mps: bool) -> str:
    """`choose` for torch, by the module; ROCm's build calls its cards `cuda` too.

    Args:
        prefers_mps: whether Apple's graphics processor is better than the CPU for the model.
    """
    cuda = ("cuda",) if asked() in ("auto", "cuda") and torch.cuda.is_available() else ()
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return choose("torch", (*cuda, *mps, "cpu") if prefers_mps else (*cuda, "cpu", *mps))


def of_onnxruntime(runtime: Any) -> str:
    """`choose` for ONNX Runtime, by the module.

    CoreML is none of its devices: with it Parakeet takes 2.9 GB instead of 1.2 (k2-fsa/sherpa-onnx, issue 2626).
    """
    cards = set(_ON_CARDS).intersection(runtime.get_available_providers())
    return choose("onnxruntime", ("cuda", "cpu") if cards else ("cpu",))


def onnx_providers(runtime: Any) -> list[str]:
    """The execution providers for `of_onnxruntime`; the CPU comes last, for operators that a card's lacks."""
    providers = ["CPUExecutionProvider"]
    if of_onnxruntime(runtime) == "cuda":
        providers = [*_ON_CARDS, *providers]
    available = runtime.get_available_providers()
    return [name for name in providers if name in available]


def of_sessions(sessions: Iterable[Any]) -> str:
    """Returns where sessions of ONNX Runtime compute: it goes on without a card whose libraries it cannot load.

    Raises:
        HushdError: `engine_missing` where that is not the card that is asked for.
    """
    used = {provider for session in sessions for provider in session.get_providers()}
    return choose("onnxruntime", ("cuda", "cpu") if used - {"CPUExecutionProvider"} else ("cpu",))


def report(engine: object, name: str) -> tuple[str, str]:
    """Returns where `engine` computes, and why not on the card that might be; either is empty where nothing is known.

    Args:
        name: the engine's.
    """
    device: str = getattr(engine, "compute_device", "")
    why: str = getattr(engine, "why_there", "") or os.environ.get(WHY, "")
    if not why and asked() not in ("auto", "cpu", device):
        # An engine that can use cards has refused to load without the one that is asked for.
        why = f"the engine {name} takes no choice of device"
    return device, why
