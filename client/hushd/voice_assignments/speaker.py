"""A program that speaks beside others: its name, its voice, which stays when voices come, and whether it is muted."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file, paths
from hushd_schema.settings.declaration import AgentSettings

from hushd.synthesis.voices import VoiceChoice
from hushd.voice_assignments.keys import without_keys

if TYPE_CHECKING:
    from pathlib import Path

    from hushd_protocol import JsonObject
    from hushd_protocol.system.paths import Paths
    from hushd_schema.description import SpeakingDescription

    from hushd.synthesis.voices import VoiceChoice

MAX_NAMES = 500  # names; the oldest are forgotten
ASK_AGAIN_S = 3600.0  # for voices, which takes a tenth of a second before the first word, where there was only one


class VoiceAssignments:
    """The assignments of voices, which stay when voices come, and the muted names.

    Args:
        now: seconds since 1970.
    """

    def __init__(self, where: Paths, now: Callable[[], float] = time.time) -> None:
        self._where = where
        self._file = where.state / "roster.json"
        self._now = now
        self._single = -ASK_AGAIN_S  # when there was but one voice to choose
        self._voices, self._muted = self._read()

    def voice(self, name: str, describe: Callable[[], SpeakingDescription]) -> VoiceChoice | None:
        """Returns the voice of a name, assigned when first needed; None where only the default voice is installed.

        Args:
            describe: returns what `describe` says of the role `tts`; asked the first time alone.
        """
        if name not in self._voices:
            if 0 <= self._now() - self._single < ASK_AGAIN_S:
                return None
            from hushd.synthesis.voices import candidates  # the first time alone

            voices = candidates(describe())
            with self._changed():
                if len(voices) < 2:
                    self._single = self._now()
                    return None
                if name not in self._voices:
                    self._voices[name] = list(_own(name, voices, list(self._voices.values())))
        return VoiceChoice(*self._voices[name])

    def assign(self, name: str, voice: str, catalogue: SpeakingDescription) -> VoiceChoice:
        """Gives a name a voice, from now on.

        Raises:
            HushdError: `bad_request` for a voice that is not there; `output_failed`.
        """
        from hushd.synthesis.voices import choose

        choice = choose(catalogue, voice, None)
        with self._changed():
            self._voices.pop(name, None)
            self._voices[name] = list(choice)
        return choice

    def release(self, name: str) -> bool:
        """Takes a voice back; returns whether the name had one. Raises HushdError `output_failed`."""
        if name not in self._voices:
            return False
        with self._changed():
            return self._voices.pop(name, None) is not None

    def assignments(self) -> dict[str, str]:
        """The voices by the names that have one."""
        return {name: str(choice[2]) for name, choice in self._voices.items()}

    @property
    def muted(self) -> Sequence[str]:
        return tuple(self._muted)

    def mute(self, name: str, on: bool = True) -> None:
        """Mutes a name, or lets it speak again. Raises HushdError `output_failed`."""
        with self._changed():
            self._muted = [*(other for other in self._muted if other != name), *([name] if on else [])][-MAX_NAMES:]

    @contextmanager
    def _changed(self) -> Iterator[None]:
        """Writes a change of the file's content, as other processes have left it; they wait meanwhile."""
        with atomic_file.locked_folder(self._where.state, 0o700):
            self._voices, self._muted = self._read()
            yield
            self._write()

    def _read(self) -> tuple[dict[str, list[str | None]], list[str]]:
        try:
            table: Any = json.loads(self._file.read_bytes())
            voices = {str(name): [*map(_text, choice)] for name, choice in table["voices"].items()}
            self._single = float(table["single"])
            complete = {name: choice for name, choice in voices.items() if len(choice) == 3 and choice[2]}
            return complete, [str(name) for name in table["muted"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}, []

    def _write(self) -> None:
        voices = dict(list(self._voices.items())[-MAX_NAMES:])
        table = {"voices": voices, "muted": self._muted, "single": self._single}
        content = json.dumps(table, indent=1, ensure_ascii=False)
        try:
            paths.prepare_state(self._where)
            atomic_file.replace(self._file, content + "\n", mode=0o600)
        except (OSError, UnicodeEncodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "a name is not Unicode"
            raise HushdError("output_failed", f"{os.fspath(self._file)} cannot be written ({reason}).") from error


def _own(name: str, voices: Sequence[VoiceChoice], taken: list[list[str | None]]) -> VoiceChoice:
    """Returns the voice that the name alone decides or, if that is taken, the next free one."""
    from zlib import crc32  # the same in every process, as Python's own hash is not

    start = crc32(name.encode(errors="replace")) % len(voices)
    order = [*voices[start:], *voices[:start]]
    return next((voice for voice in order if list(voice) not in taken), order[0])


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


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
        self._name = name
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
        """A text that is about to be spoken, with its own voice where the options name none. Of a key in it that it is
        one is all that is said.

        Args:
            describe: returns what `describe` says of the role `tts`.
        """
        choice = self._voice(options, describe)
        if choice and choice.voice:
            parts = (choice.engine, choice.model, choice.voice)  # with all three nobody asks for them again
            options = {**options, "default_voice": "/".join(part for part in parts if part)}
        return Prepared(without_keys(text), options)

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
