"""Modules of torch take their weights from mapped files, as they are, and torch is as it was afterwards."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hushd_worker.torch_loading import mapped_weights

pytestmark = pytest.mark.skipif(
    find_spec("torch") is None, reason="torch is not installed: scripts/setup --engines all"
)
torch: Any = None


@pytest.fixture(autouse=True, scope="module")
def import_torch() -> None:
    """Imports torch for these tests, not for each process that collects them: it takes 1.4 s of the processor."""
    global torch
    torch = import_module("torch")


def network(dtype: Any = None) -> Any:
    """A few kinds of layers, with a buffer that is in no file."""
    made = torch.nn.Sequential(
        torch.nn.Linear(512, 256), torch.nn.LayerNorm(256), torch.nn.Embedding(64, 256), torch.nn.BatchNorm1d(256)
    )
    made.register_buffer("table", torch.arange(8.0), persistent=False)
    return made.to(dtype) if dtype else made


def saved(path: Path, **others: Any) -> dict[str, Any]:
    torch.manual_seed(1)
    state = {
        name: torch.rand_like(weight) if weight.is_floating_point() else weight
        for name, weight in network().state_dict().items()
    }
    torch.save(state, path, **others)
    return state


def is_mapped(tensor: Any, file: Path) -> bool:
    """Returns whether a tensor's bytes are pages of a file."""
    place = tensor.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(edge, 16) for edge in line.split()[0].split("-"))
        if begin <= place < end:
            return line.endswith(str(file))
    return False


def test_weights_are_pages_of_the_file(tmp_path: Path) -> None:
    """All of them, with their values, with what the package computes itself, and ready for what follows a load."""
    path = tmp_path / "weights.pt"
    state = saved(path)
    with mapped_weights(torch):
        made = network()
        made.load_state_dict(torch.load(path, weights_only=True))
        made.to("cpu").eval()
    assert all(torch.equal(weight, state[name]) for name, weight in made.state_dict().items())
    assert all(is_mapped(weight, path) for weight in made.state_dict().values())
    assert torch.equal(made.table, torch.arange(8.0))
    assert made[0](torch.ones(1, 512)).shape == (1, 256)


def test_torch_is_as_it_was(tmp_path: Path) -> None:
    """A load changes nothing of it, and neither does one that failed."""

    def functions() -> list[object]:
        return [
            torch.load, torch.nn.Module.load_state_dict, torch.nn.init.trunc_normal_, torch.Tensor.normal_,
            torch.Tensor.uniform_, torch.Tensor.erfinv_, sorted(vars(torch.Tensor)),
        ]  # fmt: skip

    before = functions()
    with mapped_weights(torch):
        assert functions() != before
    assert functions() == before
    with pytest.raises(FileNotFoundError), mapped_weights(torch):
        torch.load(tmp_path / "none.pt")
    assert functions() == before
    assert torch.empty(100).normal_().any()
