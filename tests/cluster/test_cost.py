"""A run in figures."""

from __future__ import annotations

import json
import random

import pytest
from hushd_cluster.cost import Figures, hours

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


def test_the_line_says_what_is_left_by_what_was_done() -> None:
    """Once a recording was done; without a total it says how many were."""
    figures = Figures(begun=0.0)
    figures.look(0.0, {"a"})
    assert figures.line() == "0 recordings, 0.00 h of sound, 0.0 x real time, 1 node"
    figures.total = 10
    figures.count("a", "a", HOUR, 60.0)
    figures.count("a", "a", 3 * HOUR, 60.0)
    figures.set_aside = 1
    figures.look(HOUR, {"a", "b"})
    assert (
        figures.line() == "3 of 10 recordings, 4.00 h of sound, some 14.0 h left, 4.0 x real time, 2 nodes, 1 set aside"
    )


def test_a_run_of_nothing_costs_nothing() -> None:
    """And divides by nothing."""
    figures = Figures(begun=5.0, price=0.4)
    assert figures.text() == "0 recordings, 0.00 h of sound, in 0:00: 0.0 x real time, 0.00 node-hours, cost 0.00"
    assert figures.data()["cost_per_recording"] is None
    assert Figures(begun=5.0).data()["cost"] is None


def test_hours_have_three_digits() -> None:
    """However many they are."""
    assert [hours(n * HOUR) for n in (0.051, 9.994, 12.44, 1239.6)] == ["0.05 h", "9.99 h", "12.4 h", "1240 h"]


def test_the_parts_of_nodes_are_the_whole() -> None:
    """Of recordings, sound and time, for any order of looks and ends, and clocks that stand still."""
    for seed in range(200):
        chance = random.Random(seed)
        figures, now = Figures(begun=50.0), 50.0
        expected = 0.0
        for _ in range(30):
            step = chance.choice((0.0, 1.0, 7.5))
            expected += step * len(figures.present)
            now += step
            figures.look(now, {node for node in "abcd" if chance.random() < 0.6})
            if chance.random() < 0.7:
                figures.count(chance.choice("abcd"), "host", chance.uniform(0, 100), 1.0)
        assert figures.node_hours * HOUR == pytest.approx(expected)
        assert sum(node.recordings for node in figures.nodes.values()) == figures.done
        assert sum(node.sound_s for node in figures.nodes.values()) == pytest.approx(figures.sound_s)
