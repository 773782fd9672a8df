"""Names of workers, models and devices."""

from __future__ import annotations

import hushd_protocol
import pytest
from hushd_protocol.cards import is_card, kind_of, means
from hushd_protocol.names import base, is_compute_device, is_model, is_name


@pytest.mark.parametrize("name", ["a", "7", "A.b_c+d-e", "x" * 64])
def test_a_name_is_a_file_name(name: str) -> None:
    assert is_name(name)
    assert is_model(f"{name}/{name}")


@pytest.mark.parametrize("name", ["", ".a", "-a", "_a", "+a", "a b", "a\n", "é", "a/b/c", "x" * 65, "..", "a\0"])
def test_anything_else_is_not_a_name(name: str) -> None:
    """It might leave its folder, hide there, or be taken for an option."""
    assert not is_name(name)
    assert not any(map(is_model, (f"{name}/a", f"a/{name}", name, 7, None)))


@pytest.mark.parametrize("worker", ["tts/kokoro/a", "tts/kokoro/a#2", "tts/kokoro/a#2#3"])
def test_replicas_have_one_base(worker: str) -> None:
    assert base(worker) == "tts/kokoro/a"


@pytest.mark.parametrize(
    ("device", "known", "card", "kind"),
    [
        ("auto", True, False, "auto"), ("cpu", True, False, "cpu"), ("mps", True, False, "mps"),
        ("cuda", True, True, "cuda"), ("cuda:0", True, True, "cuda"), ("cuda:10", True, True, "cuda"),
        ("cuda:100", False, True, "cuda"), ("cuda:", False, True, "cuda"), ("rocm", True, True, "rocm"),
        ("vulkan", True, True, "vulkan"), ("vulkan:0", False, True, "vulkan"), ("tpu", False, False, "tpu"),
        ("", False, False, ""),
    ],
)  # fmt: skip
def test_a_device_is_a_kind_or_one_of_it(device: str, known: bool, card: bool, kind: str) -> None:
    assert (is_compute_device(device), is_card(device), kind_of(device)) == (known, card, kind)


@pytest.mark.parametrize(
    ("requested", "included"), [("auto", True), ("cuda", True), ("cuda:1", True), ("cuda:0", False), ("cpu", False)]
)
def test_a_card_is_meant_by_its_name_its_kind_or_auto(requested: str, included: bool) -> None:
    assert means(requested, "cuda:1") is included


def test_a_product_takes_no_rare_path() -> None:
    """The simulation alone throws dice."""
    assert hushd_protocol.buggify("anything") is False
