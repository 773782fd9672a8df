"""The device on which engines compute, with stand-ins for torch and ONNX Runtime: none of it was tried on a card."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker import compute_device
from support.refusals import hushd_error


def torch(cuda: bool = False, mps: bool = False, hip: str | None = None) -> Any:
    return SimpleNamespace(
        version=SimpleNamespace(hip=hip),
        cuda=SimpleNamespace(is_available=lambda: cuda),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    )


def runtime(*providers: str) -> Any:
    return SimpleNamespace(get_available_providers=lambda: [*providers, "CPUExecutionProvider"])


def session(*providers: str) -> Any:
    return SimpleNamespace(get_providers=lambda: [*providers, "CPUExecutionProvider"])


def ask(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setenv(compute_device.ENVIRONMENT, device)


@pytest.mark.parametrize(
    ("asked", "there", "used"),
    [
        ("auto", torch(), "cpu"), ("auto", torch(cuda=True, mps=True), "cuda"), ("auto", torch(mps=True), "mps"),
        ("cpu", torch(cuda=True, mps=True), "cpu"), ("cuda", torch(cuda=True), "cuda"),
        ("cuda:1", torch(cuda=True), "cuda"), ("mps", torch(mps=True), "mps"),
    ],
)  # fmt: skip
def test_torch(monkeypatch: pytest.MonkeyPatch, asked: str, there: Any, used: str) -> None:
    """The device that is asked for, else the best there is."""
    ask(monkeypatch, asked)
    assert compute_device.of_torch(there, prefers_mps=True) == used


@pytest.mark.parametrize(("asked", "used"), [("auto", "cpu"), ("rocm", "rocm"), ("cuda:0", "rocm"), ("cpu", "cpu")])
def test_torch_of_rocm(monkeypatch: pytest.MonkeyPatch, asked: str, used: str) -> None:
    """Its cards are `rocm`, which answers to `cuda` too; `auto` leaves them alone, since nobody counts their memory."""
    ask(monkeypatch, asked)
    assert compute_device.of_torch(torch(cuda=True, hip="7.2"), prefers_mps=True) == used
    assert compute_device.torch_name(used) == {"rocm": "cuda"}.get(used, used)


def test_nobody_who_asks_for_rocm_gets_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vulkan's users get nothing else either."""
    for asked in ("rocm", "vulkan"):
        ask(monkeypatch, asked)
        with pytest.raises(HushdError, match=f"torch finds no usable device {asked}"):
            compute_device.of_torch(torch(cuda=True), prefers_mps=True)


def test_ctranslate2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It does not say for which maker's cards it is built: NVIDIA's driver does, and `auto` uses no other."""
    monkeypatch.setattr(compute_device, "_NVIDIA", (str(tmp_path / "nvidiactl"),))
    with_card = SimpleNamespace(get_cuda_device_count=lambda: 1)
    assert compute_device.of_ctranslate2(with_card) == "cpu"
    ask(monkeypatch, "rocm")
    assert compute_device.of_ctranslate2(with_card) == "rocm"
    ask(monkeypatch, "auto")
    (tmp_path / "nvidiactl").touch()
    assert compute_device.of_ctranslate2(with_card) == "cuda"
    assert compute_device.of_ctranslate2(SimpleNamespace(get_cuda_device_count=lambda: 0)) == "cpu"


def test_where_a_card_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card may be used by its name, and with `auto` beside NVIDIA's driver."""
    monkeypatch.setattr(compute_device, "_NVIDIA", ("/nowhere",))
    for asked, may in (("auto", False), ("cpu", False), ("mps", False), ("rocm", True), ("vulkan", True)):
        ask(monkeypatch, asked)
        assert compute_device.may_be_card() is may
    ask(monkeypatch, "auto")
    monkeypatch.setattr(compute_device, "_NVIDIA", ("/dev/null",))
    assert compute_device.may_be_card()


@pytest.mark.parametrize("asked", ["cuda", "cuda:3", "mps"])
def test_a_device_that_cannot_be_had_is_an_error(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    """Nobody who asked for a card gets the CPU; the error names the device."""
    ask(monkeypatch, asked)
    with hushd_error("engine_missing", f"torch finds no usable device {asked}"):
        compute_device.of_torch(torch(), prefers_mps=True)


@pytest.mark.parametrize("provider", compute_device._ON_CARDS)
def test_onnx_runtime(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    """A card comes before the CPU, which is kept for what the card lacks; with `cpu` the card is left out."""
    kind = compute_device._ON_CARDS[provider]
    assert compute_device.of_onnxruntime(runtime(provider)) == (kind if kind == "cuda" else "cpu")
    ask(monkeypatch, kind)
    assert compute_device.onnx_providers(runtime(provider)) == [provider, "CPUExecutionProvider"]
    assert compute_device.of_onnxruntime(runtime(provider)) == kind
    for asked in ("auto", "cpu"):
        ask(monkeypatch, asked)
        assert compute_device.onnx_providers(runtime("CoreMLExecutionProvider")) == ["CPUExecutionProvider"]
    assert compute_device.onnx_providers(runtime(provider)) == ["CPUExecutionProvider"]


def test_sessions_that_went_on_without_their_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime only logs that a card's libraries do not load: `auto` takes the CPU then, `cuda` is an error."""
    assert compute_device.of_sessions([session("CUDAExecutionProvider")]) == "cuda"
    assert compute_device.of_sessions([session(), session()]) == "cpu"
    ask(monkeypatch, "cuda")
    with pytest.raises(HushdError, match="onnxruntime finds no usable device cuda"):
        compute_device.of_sessions([session()])


def test_the_report_of_an_engine() -> None:
    """It says where the engine computes and why, as far as the engine knows."""
    why = "CUDA does not work here"
    assert compute_device.report("cpu", why, "x") == ("cpu", why)


def test_an_engine_that_takes_no_choice_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where a card is asked for; an engine that can use one refuses to load instead."""
    ask(monkeypatch, "cuda:1")
    assert compute_device.report("cpu", "", "hibari")[1] == "the engine hibari does not support a choice of device"
    ask(monkeypatch, "cpu")
    assert compute_device.report("cpu", "", "hibari")[1] == ""
