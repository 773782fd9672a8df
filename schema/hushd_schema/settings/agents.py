"""The settings of agents that speak, in their own module: an agent's first word waits for these imports."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from hushd_schema.kinds import flag, number

from .declaration import setting


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """The table `[agents]`: sessions of agents that speak, by hooks and by MCP."""

    voices: bool = setting(
        True, flag(), "true: a session that names no voice gets one of its own, where there are several"
    )
    announce: bool = setting(True, flag(), "true: a session says its name first when another has just spoken")
    remember: bool = setting(
        True, flag(), "true: what was spoken lately is kept in memory, for `hushd names said` and `hushd names again`"
    )
    rate: float = setting(0.0, number(0, 1000), "words a minute of answers that are read aloud; 0: the voice's own")
    volume: float = setting(1.0, number(0, 2), "how loud they are; 1: as loud as everything")
