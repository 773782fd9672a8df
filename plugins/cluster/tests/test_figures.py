"""A run in figures."""

from __future__ import annotations

import json

from hushd_cluster.figures import Figures

HOUR = 3600.0


def test_a_run_is_told_in_a_line_a_summary_and_json() -> None:
    """Recordings, sound, pace and nodes; those left are taken to be as long as those done."""
    figures = Figures(5, elapsed_s=HOUR / 2, alive=2)
    assert figures.line() == "0 of 5 recordings, 0.00 h of sound, 0.0 x real time, 2 nodes"
    figures.count("one (10.0.0.1)", 6 * HOUR, 900.0)
    figures.count("one (10.0.0.1)", 6 * HOUR, 900.0)
    figures.set_aside = 1
    assert figures.line() == (
        "3 of 5 recordings, 12.0 h of sound, some 12.0 h left, 24.0 x real time, 2 nodes, 1 set aside"
    )
    assert figures.text() == (
        "2 recordings, 12.0 h of sound, in 30:00: 24.0 x real time\n"
        "1 set aside\n"
        "  one (10.0.0.1): 2 recordings, 12.0 h of sound, at work for 30:00"
    )
    data = json.loads(json.dumps(figures.data()))
    assert data["nodes"] == {"one (10.0.0.1)": {"recordings": 2, "sound_s": 12 * HOUR, "work_s": 1800.0}}
    assert (data["sound_hours"], data["times_real_time"]) == (12.0, 24.0)
