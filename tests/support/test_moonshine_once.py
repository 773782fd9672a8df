"""The memory of what the default engine heard: shared by processes, and mistaken for nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.moonshine_once import AskedOnce, remembering


class Model:
    """Hears the sum of its samples, and counts how often."""

    loads = heard = 0

    def __init__(self, library: object, model: Path, architecture: int, options: dict[str, str]) -> None:
        Model.loads += 1

    def text(self, samples: np.ndarray, rate: int) -> str:
        Model.heard += 1
        return f"{samples.sum()} at {rate}"


def test_the_same_is_heard_once(tmp_path: Path) -> None:
    """Another process loads no model for it; other samples, another rate, model or option are heard for themselves."""
    once = remembering(Model, tmp_path)
    first, second = (once(None, Path("model"), 0, {"hop": "1"}) for _ in range(2))
    ones, twos = np.full(9, 1, np.float32), np.full(9, 2, np.float32)
    assert [first.text(ones, 8), second.text(ones, 8), first.text(ones, 8)] == ["9.0 at 8"] * 3
    assert (Model.loads, Model.heard) == (1, 1)
    assert [second.text(twos, 8), second.text(ones, 9)] == ["18.0 at 8", "9.0 at 9"]
    assert (Model.loads, Model.heard) == (2, 3)
    for other in (once(None, Path("other"), 0, {"hop": "1"}), once(None, Path("model"), 0, {"hop": "2"})):
        assert other.text(ones, 8) == "9.0 at 8"
    assert (Model.loads, Model.heard) == (4, 5)


class Network:
    """Answers with the sum of its input, and counts how often."""

    asked = 0

    def get_inputs(self) -> list[object]:
        return []

    def run(self, outputs: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.asked += 1
        return [inputs["a"].sum(axis=0)]


def test_a_network_is_asked_once(tmp_path: Path) -> None:
    """Its answer is the same array; another value, name or shape is asked for itself."""
    network = Network()
    once = AskedOnce(network, tmp_path)
    first, same = (once.run(None, {"a": np.ones((2, 3), np.float32)})[0] for _ in range(2))
    assert (first.dtype, first.tolist(), same.tolist()) == (np.float32, [2, 2, 2], [2, 2, 2])
    assert network.asked == 1
    others = (
        {"a": np.ones((3, 2), np.float32)},
        {"a": np.zeros((2, 3), np.float32)},
        {"a": np.ones((2, 3)), "b": first},
    )
    assert [once.run(None, other)[0].tolist() for other in others] == [[3, 3], [0, 0, 0], [2, 2, 2]]
    assert network.asked == 4
