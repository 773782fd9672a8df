"""A run's figures as Ray's metrics: each is added once."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from hushd_cluster.cost import Figures

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.usefixtures("ray"),
]


def test_figures_are_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often they are told; recordings that are left are shown as far as they are known."""
    from hushd_cluster import metrics

    counted: list[tuple[str, float, str]] = []
    shown: list[int] = []

    class Left:
        def set(self, value: int) -> None:
            shown.append(value)

    def count(name: str, value: float = 1.0, label: str = "") -> None:
        if value:
            counted.append((name, value, label))

    monkeypatch.setattr(metrics, "count", count)
    monkeypatch.setattr(metrics, "_left", Left)
    told, figures = metrics.Told(), Figures(0.0)
    told.tell(figures)
    figures.count("a", "host", 60.0, 2.0)
    told.tell(figures)
    told.tell(figures)
    figures.count("a", "host", 30.0, 1.0, recordings=0)
    figures.set_aside, figures.total = 1, 10
    told.tell(figures)
    assert counted == [
        ("recordings", 1, "done"), ("sound_seconds", 60.0, ""),
        ("recordings", 1, "set_aside"), ("sound_seconds", 30.0, ""),
    ]  # fmt: skip
    assert shown == [8]
