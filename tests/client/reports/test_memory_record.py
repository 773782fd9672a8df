"""Tests of memory over time: the megabytes held, and those that a server that never unloads would have held."""

from __future__ import annotations

import random

from hushd.reports import memory as record
from hushd.reports.memory import Entry
from hushd_schema.status import Status

MB = 1_000_000
STT, TTS = "stt/a/b", "tts/c/d"
SUPERVISOR = 20 * MB


def entry(time: float, event: str, name: str, size: int = 0) -> Entry:
    return Entry(time, event, name, size * MB, SUPERVISOR)


LIFE = [
    entry(0, "start", "supervisor"), entry(10, "start", TTS), entry(11, "ready", TTS, 200), entry(20, "exit", TTS),
    entry(30, "start", STT), entry(31, "ready", STT, 100), entry(40, "exit", STT),
]  # fmt: skip


def at(entries: list[Entry], time: float) -> tuple[float, float]:
    """The memory held at `time`, and that of a server, in MB."""
    moment = record.window(record.moments(entries), time, time)[0]
    return moment.total / MB, moment.resident / MB


def test_a_server_that_never_unloads_keeps_every_model_that_was_used() -> None:
    """Each model counts from its first use on, with the last size of its worker."""
    assert [at(LIFE, time) for time in (5, 15, 25, 35, 45)] == [(20, 20), (220, 220), (20, 220), (120, 320), (20, 320)]


def test_downloads_are_no_model() -> None:
    """The process that downloads is held by hushd while it runs, and by no server."""
    pulled = [*LIFE, entry(50, "start", "models/store/local"), entry(51, "beat", "models/store/local", 60)]
    pulled += [entry(60, "exit", "models/store/local")]
    assert at(pulled, 55) == (80, 320)
    assert at(pulled, 65) == (20, 320)


def test_a_supervisor_that_was_killed_holds_nothing() -> None:
    """Its workers end with it: the next one begins with no worker."""
    killed = LIFE[:3]
    assert at([*killed, entry(50, "start", "supervisor")], 60) == (20, 220)


def test_the_status_is_the_newest_moment() -> None:
    """Sizes are those of the status, a worker's private memory where the system tells it; those not shown are gone."""
    workers = [
        {"name": STT, "pid": 7, "pss_mb": 790.0, "private_mb": 160.0},
        {"name": f"{STT}#2", "pid": 8, "pss_mb": 90.0, "private_mb": None},
        {"name": TTS, "pid": None, "pss_mb": None},
    ]
    status = {"supervisor": {"pss_mb": 16.0, "rss_mb": 22.0}, "workers": workers}
    moment = record.moments(record.until_now(LIFE[:3], Status.from_data(status), 12.0))[-1]
    assert (moment.supervisor, dict(moment.workers)) == (16 * MB, {STT: 160 * MB, f"{STT}#2": 90 * MB})


def test_a_short_life_is_seen_in_a_wide_picture() -> None:
    """A part of a picture shows its moment of most memory, not its average."""
    parts = record.highest(record.window(record.moments(LIFE), 0, 4000), 10)
    assert [part.total / MB for part in parts] == [220] + [20] * 9
    assert [part.resident / MB for part in parts] == [320] * 10


def test_old_entries_are_forgotten_and_what_they_mean_is_kept() -> None:
    """The memory held at a later time, by us and by a server, is the same without the entries before it."""
    for start in (0, 15, 25, 35, 45):
        kept = record.since(LIFE, start)
        assert at(kept, 45) == at(LIFE, 45)
        assert at(kept, start) == at(LIFE, start)
    assert len(record.since(LIFE * 100, 45)) < 10


def test_the_supervisors_answer_is_read() -> None:
    """Names are told once; an entry of a clock that was set back takes its place."""
    data = {"names": ["supervisor", "a"], "entries": [[5.0, "exit", 1], [2.0, "start", 1], [1.0, "start", 0, 0, 9, 7]]}
    assert record.from_data(data) == [
        Entry(1.0, "start", "supervisor", 0, 9),
        Entry(2.0, "start", "a"),
        Entry(5.0, "exit", "a"),
    ]


def test_the_line_of_a_server_that_never_unloads_never_falls() -> None:
    """Whatever workers, replicas and supervisors come and go, and however they shrink: 300 records by chance."""
    for seed in range(300):
        chance = random.Random(seed)
        names = [STT, TTS, f"{TTS}#2", "models/store/local", record.SUPERVISOR]
        times = sorted(chance.uniform(0, 100) for _ in range(60))
        events = ("start", "ready", "beat", "exit")
        entries = [
            Entry(time, chance.choice(events), chance.choice(names), *(chance.randrange(300) * MB for _ in "ab"))
            for time in times
        ]
        line = [moment.resident for moment in record.moments(entries)]
        assert line == sorted(line)
        start = chance.uniform(0, 100)
        later = record.window(record.moments(record.since(entries, start)), start, 100)
        assert later[-1].resident == line[-1]
