"""A run in figures."""

from __future__ import annotations

import json

import pytest
from hushd_cluster.cost import Figures

HOUR = 3600.0


def test_node_hours_are_those_of_nodes_that_are_there() -> None:
    """At work or not, from the look at which they come to the one at which they have gone."""
    figures = Figures(begun=100.0, price=0.4)
    figures.look(100.0, {"a", "b"})
    figures.look(100.0 + HOUR, {"a"})
    figures.count("a", "host a", 24 * HOUR, 1800.0)
    figures.look(100.0 + 2 * HOUR, {"a"})
    assert figures.node_hours == pytest.approx(3.0)
    assert figures.money == pytest.approx(1.2)
    assert figures.pace == pytest.approx(12.0)
    data = figures.data()
    assert (data["cost"], data["cost_per_recording"], data["cost_per_sound_hour"]) == pytest.approx((1.2, 1.2, 0.05))
    assert data["node_seconds_per_recording"] == pytest.approx(3 * HOUR)
    assert data["nodes"]["a"] == {
        "host": "host a", "recordings": 1, "sound_s": 24 * HOUR, "work_s": 1800.0, "present_s": 2 * HOUR,
    }  # fmt: skip
    assert data["nodes"]["b"]["present_s"] == HOUR
    json.dumps(data)


def test_the_summary_says_what_it_cost() -> None:
    """A line for all, and one for each node that has transcribed."""
    figures = Figures(begun=0.0, price=0.4)
    figures.look(0.0, {"a", "b"})
    figures.count("a", "one (10.0.0.1)", 6 * HOUR, 900.0)
    figures.count("a", "one (10.0.0.1)", 6 * HOUR, 900.0)
    figures.set_aside = 1
    figures.look(HOUR / 2, {"a", "b"})
    assert figures.text() == (
        "2 recordings, 12.0 h of sound, in 30:00: 24.0 x real time, 1.00 node-hours, cost 0.40, 0.0333 an hour of "
        "sound\n"
        "1 set aside\n"
        "  one (10.0.0.1): 2 recordings, 12.0 h of sound, at work for 30:00 in 30:00"
    )
