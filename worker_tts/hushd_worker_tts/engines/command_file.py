"""What hushd is told of a program that speaks: a small TOML file (see docs/VOICES.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hushd_worker import command_spec
from hushd_worker.command_spec import CommandLine, CommandSpecError

_PLACEHOLDERS = ("text", "wav", "voice", "language", "wpm", "speed", "stretch")
_KEYS = (
    "run", "language", "gender", "sample", "voices", "output", "rate", "channels", "wpm", "memory_mb", "timeout",
)  # fmt: skip
_VOICE_KEYS = ("name", "id", "language", "gender", "sample")


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
    """How to run one program.

    Attributes:
        path: the file.
        line: the program and its arguments.
        speakers: its voices, one at least.
        output: `sound`, a file of any usual kind, or `raw`, 16 bit samples.
        rate, channels: of raw samples.
        wpm: how many words a minute it speaks by itself.
        memory_mb: an estimate, of the worker and the program together.
        timeout: seconds for one sentence.
    """

    path: Path
    line: CommandLine
    speakers: tuple[Speaker, ...]
    output: str
    rate: int
    channels: int
    wpm: int
    memory_mb: int
    timeout: float

    @classmethod
    def read(cls, path: Path) -> CommandSpec:
        """Reads the file at `path`.

        Raises:
            RecipeError: it is not there, no TOML, or makes no sense.
        """
        content = command_spec.read(path, _KEYS)
        output = command_spec.one_of(content, "output", "sound", "raw")
        if output == "raw" and "rate" not in content:
            raise CommandSpecError("needs rate = 22050, or what it is, for output = 'raw'")
        line = command_spec.command_line(content, _PLACEHOLDERS)
        if output == "raw" and "wav" in line.placeholders:
            raise CommandSpecError("says output = 'raw', which is of standard output, and has {wav}")
        return cls(
            path,
            line,
            _speakers(path.stem, content),
            output,
            rate=round(command_spec.number(content, "rate", 22050, least=1000)),
            channels=round(command_spec.number(content, "channels", 1, least=1)),
            wpm=round(command_spec.number(content, "wpm", 175, least=10)),
            memory_mb=round(command_spec.number(content, "memory_mb", 0)),
            timeout=command_spec.seconds(content, "timeout", 60),
        )

    @property
    def writes_file(self) -> bool:
        """Whether it writes a file; else the sound comes on standard output."""
        return "wav" in self.line.placeholders

    @property
    def reads_input(self) -> bool:
        """Whether the text comes on standard input; else it is an argument."""
        return "text" not in self.line.placeholders

    def arguments(self, text: str, wav: str, speaker: Speaker, speed: float) -> list[str]:
        """The program's arguments for a text."""
        return self.line.arguments(
            {
                # A text must not be taken for an option.
                "text": f" {text}" if text.startswith("-") else text,
                "wav": wav,
                "voice": speaker.id,
                "language": speaker.language,
                "wpm": str(round(self.wpm * speed)),
                "speed": f"{speed:g}",
                "stretch": f"{1 / speed:g}",
            }
        )


def _speakers(name: str, content: Mapping[str, Any]) -> tuple[Speaker, ...]:
    """`voices`, or the one that the file itself is."""
    language, gender = command_spec.text(content, "language"), command_spec.text(content, "gender")
    listed = content.get("voices", [{"name": name}])
    if not (isinstance(listed, list) and listed and all(isinstance(entry, dict) for entry in listed)):
        raise CommandSpecError("has voices that are no tables: write [[voices]], and name and language below it")
    speakers = []
    for entry in listed:
        command_spec.refuse_others(entry, _VOICE_KEYS)
        speaker = Speaker(
            name=command_spec.text(entry, "name"),
            id=command_spec.text(entry, "id", command_spec.text(entry, "name")),
            language=command_spec.text(entry, "language", language),
            gender=command_spec.text(entry, "gender", gender),
            sample=command_spec.text(entry, "sample", command_spec.text(content, "sample")),
        )
        if not speaker.name:
            raise CommandSpecError("has a voice without a name")
        if not speaker.language:
            raise CommandSpecError(f"needs language = 'en-US', or what {speaker.name} speaks")
        speakers.append(speaker)
    return tuple(speakers)
