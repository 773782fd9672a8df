"""Reads command files of voices: small TOML files that describe how to run a program that speaks (see
docs/MODELS.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hushd_protocol.light_dataclass import dataclass
from hushd_schema.kinds import Kind, choice, number, seconds, text, whole
from hushd_worker import command
from hushd_worker.command import RUN, CommandLine, CommandSpecError

_PLACEHOLDERS = ("text", "wav", "voice", "language", "wpm", "speed", "stretch")
_KINDS = {
    "run": RUN,
    "language": text(),
    "gender": text(),
    "sample": text(),
    "voices": Kind(
        "tables: write [[voices]], and name and language below it",
        lambda value: isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value),
    ),
    "output": choice("sound", "raw"),
    "rate": whole(1000),
    "channels": whole(1),
    "wpm": number(10)._replace(make=round),
    "memory_mb": number(0)._replace(make=round),
    "timeout": seconds(0.1),
}
_VOICE_KINDS = {"name": text(), "id": text(), "language": text(), "gender": text(), "sample": text()}


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice of a program: `name` is hushd's, `id` the program's own."""

    name: str
    id: str
    language: str
    gender: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """The content of one file.

    Attributes:
        path: the file.
        line: the program and its arguments.
        speakers: its voices, at least one.
        output: `sound`, a file of any usual format, or `raw`, 16 bit samples.
        rate, channels: of raw samples.
        wpm: words per minute at its natural speed.
        memory_mb: an estimate, of the worker and the program together.
        timeout: the maximum seconds for one sentence.
    """

    path: Path
    line: CommandLine
    speakers: tuple[Speaker, ...]
    output: str = "sound"
    rate: int = 22050
    channels: int = 1
    wpm: int = 175
    memory_mb: int = 0
    timeout: float = 60.0

    @classmethod
    def read(cls, path: Path) -> CommandSpec:
        """Reads the file at `path`.

        Raises:
            CommandSpecError: the file does not exist, is not TOML, or has invalid values.
        """
        given = command.check(command.load(path), _KINDS)
        if "run" not in given:
            raise CommandSpecError('it needs run = ["program", "argument", …]')
        line = command.command_line(given["run"], _PLACEHOLDERS)
        if given.get("output") == "raw" and "rate" not in given:
            raise CommandSpecError("it needs rate = 22050, or the program's own, for output = 'raw'")
        if given.get("output") == "raw" and "wav" in line.placeholders:
            raise CommandSpecError("output = 'raw' is for standard output, and run has {wav}")
        speakers = _speakers(path.stem, given)
        return cls(path, line, speakers, **{key: given[key] for key in given.keys() & cls.__dataclass_fields__.keys()})

    @property
    def writes_file(self) -> bool:
        """True if it writes the sound to a file instead of standard output."""
        return "wav" in self.line.placeholders

    @property
    def reads_input(self) -> bool:
        """True if it reads the text from standard input instead of an argument."""
        return "text" not in self.line.placeholders

    def arguments(self, text: str, wav: str, speaker: Speaker, speed: float) -> list[str]:
        """Returns the program's arguments for `text`."""
        return self.line.arguments(
            {
                # A text must not be mistaken for an option.
                "text": f" {text}" if text.startswith("-") else text,
                "wav": wav,
                "voice": speaker.id,
                "language": speaker.language,
                "wpm": str(round(self.wpm * speed)),
                "speed": f"{speed:g}",
                "stretch": f"{1 / speed:g}",
            }
        )


def _speakers(name: str, given: Mapping[str, Any]) -> tuple[Speaker, ...]:
    """Returns the voices in `voices`, or the single voice of the file itself."""
    shared = {key: given[key] for key in ("language", "gender", "sample") if key in given}
    speakers = []
    for entry in given.get("voices", [{"name": name}]):
        voice = shared | command.check(entry, _VOICE_KINDS)
        if not voice.get("name"):
            raise CommandSpecError("a voice needs a name")
        if not voice.get("language"):
            raise CommandSpecError(f"it needs language = 'en-US', or the language of {voice['name']}")
        speakers.append(Speaker(**{"id": voice["name"]} | voice))
    return tuple(speakers)
