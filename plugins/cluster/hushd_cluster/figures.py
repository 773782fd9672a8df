"""A run over a corpus in figures: recordings, sound, time, nodes. Pure: times come as arguments, in seconds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from hushd.reports.display import clock
from hushd_protocol import JsonObject
from hushd_protocol.suggest import plural

HOUR_S = 3600.0


@dataclass(slots=True)
class NodeFigures:
    """A node's part: recordings, seconds of sound, and seconds of work."""

    recordings: int = 0
    sound_s: float = 0.0
    work_s: float = 0.0


@dataclass(slots=True)
class Figures:
    """The figures of a run.

    Attributes:
        done, set_aside: recordings that ended, and how.
        sound_s: seconds of sound in those done.
        nodes: those at work so far, by host name.
    """

    total: int
    done: int = 0
    set_aside: int = 0
    sound_s: float = 0.0
    elapsed_s: float = 0.0
    alive: int = 0
    nodes: dict[str, NodeFigures] = field(default_factory=dict)

    def count(self, host: str, sound_s: float, work_s: float) -> None:
        """Counts a recording that was transcribed."""
        node = self.nodes.setdefault(host, NodeFigures())
        node.recordings += 1
        node.sound_s += sound_s
        node.work_s += work_s
        self.done += 1
        self.sound_s += sound_s

    @property
    def pace(self) -> float:
        """Seconds of sound in a second."""
        return self.sound_s / self.elapsed_s if self.elapsed_s > 0 else 0.0

    def line(self) -> str:
        """Returns a line for a terminal while it runs."""
        ended = self.done + self.set_aside
        left_s = (self.total - ended) * self.sound_s / self.done if self.done else None
        parts = [
            f"{ended} of {self.total} recordings",
            f"{hours(self.sound_s)} of sound" + (f", some {hours(left_s)} left" if left_s is not None else ""),
            f"{self.pace:.1f} x real time",
            plural(self.alive, "node"),
        ]
        return ", ".join([*parts, f"{self.set_aside} set aside"] if self.set_aside else parts)

    def text(self) -> str:
        """Returns the summary for people: a line, and one for each node."""
        lines = [
            f"{plural(self.done, 'recording')}, {hours(self.sound_s)} of sound, in {clock(self.elapsed_s)}: "
            f"{self.pace:.1f} x real time"
        ]
        if self.set_aside:
            lines.append(f"{self.set_aside} set aside")
        for host, node in sorted(self.nodes.items()):
            lines.append(
                f"  {host}: {plural(node.recordings, 'recording')}, {hours(node.sound_s)} of sound, "
                f"at work for {clock(node.work_s)}"
            )
        return "\n".join(lines)

    def data(self) -> JsonObject:
        """Returns the summary for programs."""
        return {
            "recordings": self.done,
            "set_aside": self.set_aside,
            "sound_hours": self.sound_s / HOUR_S,
            "elapsed_s": self.elapsed_s,
            "times_real_time": self.pace,
            "nodes": {host: asdict(node) for host, node in self.nodes.items()},
        }


def hours(seconds: float) -> str:
    """Returns a length of sound in hours, to three digits: `0.05 h`, `12.4 h`, `1240 h`."""
    value = seconds / HOUR_S
    return f"{value:.2f} h" if value < 10 else f"{value:.1f} h" if value < 100 else f"{value:.0f} h"
