"""A run over a corpus in figures: sound, time, nodes, money. Pure: times come as arguments, in seconds of one clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field

from hushd.reports.display import clock
from hushd_protocol import JsonObject
from hushd_protocol.suggest import plural

HOUR_S = 3600.0


@dataclass(slots=True)
class NodeFigures:
    """A node's part: recordings, seconds of sound, seconds of work, and seconds for which it was there."""

    host: str = ""
    recordings: int = 0
    sound_s: float = 0.0
    work_s: float = 0.0
    present_s: float = 0.0


@dataclass(slots=True)
class Figures:
    """The figures of a run.

    Args:
        begun: the time of its begin.
        price: of a node for an hour, in any currency; None if unknown.
        total: the recordings to transcribe; None while unknown.

    Attributes:
        done, set_aside: recordings that ended, and how.
        sound_s: seconds of sound in those done.
        ended: the time of the end.
    """

    begun: float
    price: float | None = None
    total: int | None = None
    done: int = 0
    set_aside: int = 0
    sound_s: float = 0.0
    nodes: dict[str, NodeFigures] = field(default_factory=dict)
    present: frozenset[str] = frozenset()
    ended: float = 0.0

    def __post_init__(self) -> None:
        self.ended = self.begun

    def look(self, now: float, present: Collection[str]) -> None:
        """Counts the time since the last look for the nodes that were there then, and notes those that are now."""
        for node in self.present:
            self._node(node).present_s += max(0.0, now - self.ended)
        self.present = frozenset(present)
        self.ended = max(self.ended, now)

    def count(self, node: str, host: str, sound_s: float, work_s: float, recordings: int = 1) -> None:
        """Counts a recording that was transcribed; a stretch of one counts as none, but with its sound."""
        part = self._node(node)
        part.host = host
        part.recordings += recordings
        part.sound_s += sound_s
        part.work_s += work_s
        self.done += recordings
        self.sound_s += sound_s

    @property
    def elapsed_s(self) -> float:
        return self.ended - self.begun

    @property
    def pace(self) -> float:
        """Seconds of sound in a second."""
        return self.sound_s / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def node_hours(self) -> float:
        """Hours for which nodes were there during the run, at work or not: those that are paid for."""
        return sum(node.present_s for node in self.nodes.values()) / HOUR_S

    @property
    def money(self) -> float | None:
        return None if self.price is None else self.price * self.node_hours

    @property
    def left_s(self) -> float | None:
        """Seconds of sound that are left, if recordings are as long as those done; None while unknown."""
        if self.total is None or not self.done:
            return None
        return max(0, self.total - self.done - self.set_aside) * self.sound_s / self.done

    def line(self) -> str:
        """Returns a line for a terminal while it runs."""
        ended = self.done + self.set_aside
        parts = [f"{ended} recordings" if self.total is None else f"{ended} of {self.total} recordings"]
        left = self.left_s
        parts.append(f"{hours(self.sound_s)} of sound" + (f", some {hours(left)} left" if left is not None else ""))
        parts.append(f"{self.pace:.1f} x real time")
        parts.append(plural(len(self.present), "node"))
        if self.set_aside:
            parts.append(f"{self.set_aside} set aside")
        return ", ".join(parts)

    def text(self) -> str:
        """Returns the summary for people: a line, and one for each node."""
        lines = [
            f"{plural(self.done, 'recording')}, {hours(self.sound_s)} of sound, in {clock(self.elapsed_s)}: "
            f"{self.pace:.1f} x real time, {self.node_hours:.2f} node-hours{self._money()}"
        ]
        if self.set_aside:
            lines.append(f"{self.set_aside} set aside")
        for node in sorted(self.nodes.values(), key=lambda node: node.host):
            if node.work_s:
                lines.append(
                    f"  {node.host}: {plural(node.recordings, 'recording')}, {hours(node.sound_s)} of sound, "
                    f"at work for {clock(node.work_s)} in {clock(node.present_s)}"
                )
        return "\n".join(lines)

    def data(self) -> JsonObject:
        """Returns the summary for programs; unknown figures are None."""
        sound_h = self.sound_s / HOUR_S
        money = self.money
        return {
            "recordings": self.done,
            "set_aside": self.set_aside,
            "sound_hours": sound_h,
            "elapsed_s": self.elapsed_s,
            "times_real_time": self.pace,
            "node_hours": self.node_hours,
            "node_seconds_per_recording": self.node_hours * HOUR_S / self.done if self.done else None,
            "price": self.price,
            "cost": money,
            "cost_per_recording": money / self.done if money is not None and self.done else None,
            "cost_per_sound_hour": money / sound_h if money is not None and sound_h else None,
            "nodes": {name: asdict(node) for name, node in self.nodes.items()},
        }

    def _money(self) -> str:
        if (money := self.money) is None:
            return ""
        each = f", {money / (self.sound_s / HOUR_S):.4f} an hour of sound" if self.sound_s else ""
        return f", cost {money:.2f}{each}"

    def _node(self, name: str) -> NodeFigures:
        return self.nodes.setdefault(name, NodeFigures())


def hours(seconds: float) -> str:
    """Returns a length of sound in hours, to three digits: `0.05 h`, `12.4 h`, `1240 h`."""
    value = seconds / HOUR_S
    return f"{value:.2f} h" if value < 10 else f"{value:.1f} h" if value < 100 else f"{value:.0f} h"
