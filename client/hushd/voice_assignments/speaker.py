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

    from hushd.synthesis.voices import VoiceChoice


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
        choice = self._voice(options, describe)
        if self.settings.remember:
            own = choice._asdict() if choice else {}
            voice = tuple(options.get(key) or own.get(key) for key in ("engine", "model", "voice"))
            self._recent.add(self._name, text, voice, options.get("markup") or "text")
        if self._recent.take_turn(self._name) and self.settings.announce:
            text = f"{self._name}:\n\n{text}"
        if choice and choice.voice:
            options = {**options, "default_voice": f"{choice.engine}/{choice.voice}" if choice.engine else choice.voice}
        return Prepared(text, options)

    def _voice(self, options: JsonObject, describe: Callable[[], SpeakingDescription]) -> VoiceChoice | None:
        """Its own voice, which a text in another language does without; None where the options name one."""
        if options.get("voice") or options.get("language") or not self.settings.voices:
            return None
        try:
            return self._assignments.voice(self._name, describe)
        except HushdError:
            return None  # on a full disk voices can be neither listed nor stored: the usual one speaks


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
