"""A program that speaks beside others: its name, its voice, and whether it is muted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hushd_protocol.errors import HushdError
from hushd_schema.settings.declaration import AgentSettings

from .assignments import VoiceAssignments
from .keys import without_keys
from .recent import Recent

if TYPE_CHECKING:
    from pathlib import Path

    from hushd_protocol import JsonObject
    from hushd_protocol.system.paths import Paths
    from hushd_schema.description import SpeakingDescription


class Prepared(NamedTuple):
    """A text as it is spoken, and the options of `Client.synthesize` for it."""

    text: str
    options: JsonObject


class NamedSpeaker:
    """A program by the name of its session.

    Raises:
        HushdError: `bad_request` for a configuration with an error.
    """

    def __init__(self, where: Paths, name: str) -> None:
        self._where = where
        self._name = name
        self._recent = Recent(where)
        self.settings = settings(where.config)
        self._assignments = VoiceAssignments(where)

    @property
    def muted(self) -> bool:
        return self._name in self._assignments.muted

    def check(self) -> None:
        """Raises HushdError `cancelled` where it is muted."""
        if self.muted:
            raise HushdError("cancelled", f"{self._name} is muted: `hushd names unmute {self._name}` lets it speak.")

    def prepare(self, text: str, options: JsonObject, describe: Callable[[], SpeakingDescription]) -> Prepared:
        """A text that is about to be spoken, with its own voice where the options name none, and with its name before
        it where another has just spoken; remembers it. Of a key in it that it is one is all that is said and kept.

        Args:
            describe: returns what `describe` says of the role `tts`.
        """
        text = without_keys(text)
        chosen = self._voice(text, options, describe)
        if self.settings.remember:
            voice = tuple(options.get(key) or chosen.get(key) for key in ("engine", "model", "voice"))
            self._recent.add(self._name, text, voice, options.get("markup") or "text")
        if self._recent.take_turn(self._name) and self.settings.announce:
            text = f"{self._name}:\n\n{text}"
        return Prepared(text, {**options, **chosen})

    def _voice(self, text: str, options: JsonObject, describe: Callable[[], SpeakingDescription]) -> JsonObject:
        """The options for its voice: for a text in another language the voice that speaks it."""
        if options.get("voice") or options.get("language"):
            return {}
        from hushd.synthesis.text_voice import other_voice

        try:
            if other := other_voice(text, self._where.config, describe):
                return {"language": other.language}
            choice = self._assignments.voice(self._name, describe) if self.settings.voices else None
        except HushdError:
            return {}  # on a full disk voices can be neither listed nor stored: the usual one speaks
        return choice._asdict() if choice else {}


def settings(config: Path) -> AgentSettings:
    """The table `[agents]` of the configuration, which is read as a whole only where it has one.

    Raises:
        HushdError: `bad_request`.
    """
    try:
        if b"agents" not in config.read_bytes():
            return AgentSettings()
    except OSError:
        return AgentSettings()
    from hushd_schema.settings import load  # some milliseconds before the first word

    return load(config).agents
