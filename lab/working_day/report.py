"""The figures of a played day: as a table, as JSON, and as a picture."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from picture import draw
from watch import NAMES

from .clock import Account

GOAL_SHARE, GOAL_WAIT_S = 0.05, 0.1


def figures(
    hushd: Account, resident: Account, waits: Sequence[float], bare: Sequence[float], cold: Sequence[bool]
) -> dict[str, Any]:
    """The day's figures; `waits` and `bare` are seconds by request, hushd's and the resident server's."""
    added = [ours - theirs for ours, theirs in zip(waits, bare, strict=True)]
    asleep = [seconds for seconds, was in zip(added, cold, strict=True) if was]
    awake = [seconds for seconds, was in zip(added, cold, strict=True) if not was]
    found: dict[str, Any] = {"requests": len(added), "cold": len(asleep)}
    for kind in ("pss", "rss"):
        ours, theirs = getattr(hushd, kind), sum(getattr(resident, kind).values())
        found[kind] = {
            "hushd_mbh": round(sum(ours.values()), 1),
            "by_process_mbh": {name: round(ours.get(name, 0.0), 1) for name in NAMES},
            "resident_mbh": round(theirs, 1),
            "share": round(sum(ours.values()) / theirs, 4),
        }
    found["added_s"] = {
        "median": round(statistics.median(added), 4),
        "median_cold": round(statistics.median(asleep), 3) if asleep else None,
        "median_warm": round(statistics.median(awake), 4) if awake else None,
        "p95": round(sorted(added)[int(0.95 * (len(added) - 1))], 3),
        "most": round(max(added), 3),
        "sum": round(sum(added), 1),
    }
    found["median_s"] = {"hushd": round(statistics.median(waits), 3), "resident": round(statistics.median(bare), 3)}
    return found


def table(found: dict[str, Any]) -> str:
    """The figures as lines for a terminal."""
    pss, rss, added = found["pss"], found["rss"], found["added_s"]
    lines = [f"{'megabyte-hours':36}{'hushd':>10}{'resident':>10}{'share':>9}"]
    for words, one in (("shared pages divided (PSS)", pss), ("shared pages counted each time (RSS)", rss)):
        lines.append(f"{words:36}{one['hushd_mbh']:10.0f}{one['resident_mbh']:10.0f}{one['share']:9.1%}")
    lines += [f"  {name:34}{value:10.0f}" for name, value in pss["by_process_mbh"].items()]
    verdict = "met" if pss["share"] <= GOAL_SHARE else "missed"
    lines.append(f"The goal of {GOAL_SHARE:.0%} is {verdict}.")
    lines.append("")
    lines.append(f"waiting added to {found['requests']} requests, {found['cold']} of which found their worker asleep")
    for words, name in (
        ("median", "median"), ("median, worker awake", "median_warm"), ("median, worker asleep", "median_cold"),
        ("95th percentile", "p95"), ("most", "most"), ("in the whole day", "sum"),
    ):  # fmt: skip
        lines.append(f"  {words:34}{'-' if added[name] is None else format(added[name], '.3f'):>10} s")
    verdict = "met" if added["median"] <= GOAL_WAIT_S else "missed"
    lines.append(f"The goal of {GOAL_WAIT_S} s for the median is {verdict}.")
    return "\n".join(lines)


def section(found: dict[str, Any]) -> str:
    """The figures as a section of a document."""
    pss, rss, added = found["pss"], found["rss"], found["added_s"]
    parts = ", ".join(f"{name} {value:.0f}" for name, value in pss["by_process_mbh"].items())
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    rows = [
        ("megabyte-hours (PSS)", *_both(pss), f"{GOAL_SHARE:.0%}"),
        ("the same, shared pages counted in each process (RSS)", *_both(rss), ""),
        ("waiting added to a request, median", _seconds(added["median"]), "", "", f"{GOAL_WAIT_S} s"),
        ("the same, where its worker was awake", _seconds(added["median_warm"]), "", "", ""),
        (f"the same, where it was asleep: {found['cold']}", _seconds(added["median_cold"]), "", "", ""),
        ("the same, 95th percentile", _seconds(added["p95"]), "", "", ""),
    ]
    return "\n".join(
        [
            f"Of {found['date']}: {found['requests']} requests in {found['bursts']} bursts, played {found['speed']:g} "
            f"times as fast in {found['took_s'] / 60:.0f} minutes on {found['cores']} cores, load {found['load']}; "
            f"{versions}.",
            f"hushd's megabyte-hours: {parts}.",
            "",
            "| | hushd | resident server | share | goal |",
            "|---|---|---|---|---|",
            *(f"| {' | '.join(row)} |".replace("  ", " ") for row in rows),
            "",
        ]
    )


def _both(one: dict[str, Any]) -> tuple[str, str, str]:
    return f"{one['hushd_mbh']:.0f}", f"{one['resident_mbh']:.0f}", f"{one['share']:.1%}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def picture(hushd: Account, resident: Account, found: dict[str, Any], first: float, length: float) -> str:
    """The memory over the day, hushd's processes stacked, the resident server's as a dashed line."""
    points = hushd.thinned(4.0)
    if points[0][0] > 0:
        points.insert(0, (0.0, {}))
    times = [min(second, length) for second, _ in points]
    seconds, sizes = zip(*((second, sum(one.values())) for second, one in resident.points), strict=True)
    beside = [sizes[max(0, bisect_right(seconds, time) - 1)] for time in times]
    pss = found["pss"]
    title = (
        f"A working day of an agent's voice: {pss['hushd_mbh']:.0f} megabyte-hours, "
        f"{pss['resident_mbh']:.0f} in a server that never unloads"
    )
    return draw(
        title,
        times,
        {name: [one.get(name, 0.0) for _, one in points] for name in NAMES},
        list(_hours(first, length)),
        beside=("the same engines in a server that never unloads", beside),
        span_text=f"{length / 3600:g} h",
    )


def _hours(first: float, length: float) -> list[tuple[float, str]]:
    """Marks at round times of the day's clock, eight at most."""
    step = next(step for step in (600, 3600, 10_800, 21_600) if length / step <= 8)
    round_times = range(int(first // step + 1) * step, int(first + length), step)
    return [(time - first, f"{time // 3600}:{time % 3600 // 60:02}") for time in round_times]
