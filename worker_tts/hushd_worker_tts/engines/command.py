"""Speaks by any program, such as macOS's `say`, festival or a script.

Its models are the files `voices/NAME.toml` beside hushd's configuration (see docs/MODELS.md), a voice each. The program
is started for each sentence, without a shell, in the worker's process group, and so dies with the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from hushd_models.installation import document, extra_command
from hushd_models.own_files import OwnFiles
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema import engines
from hushd_schema.kinds import NonNegativeFloat, Rule, seconds
from hushd_schema.toml import Table
from hushd_worker import command
from hushd_worker.command import CommandLine, remove, reported, run, sound_file
from hushd_worker.errors import importing
from msgspec import Meta, Struct

from hushd_worker_tts.engine import AudioChunk, Engine, Model, Voice, greeting


class Command(Engine):
    """The engine. The abilities of a voice are those that its file declares."""

    SPEC = engines.get("command", "tts")

    def __init__(self, model: str) -> None:
        self._model = model

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return tuple(
            Model(
                name,
                languages=(spec.language,) if spec else (),
                memory_mb=spec.memory_mb if spec else 0,
                installed=spec is not None and spec.line.find(FILES.folder) is not None,
            )
            for name, spec in FILES.every().items()
        )

    @classmethod
    def install(cls) -> str:
        return f"put a file voices/NAME.toml beside {paths.find().config}, as {document('MODELS.md')} describes"

    @classmethod
    def available(cls) -> bool:
        return bool(FILES.names())

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        return tuple(_voice(name, spec) for name, spec in FILES.every().items())

    def load(self, report: Callable[[str], None]) -> None:
        command.loaded(FILES, self._model)  # reports a mistake in it now
        self._wav = sound_file()
        with importing("The engine command needs soundfile", extra_command("tts")):
            from .command_output import decoded  # noqa: PLC0415 - imports numpy and soundfile
        self._decoded = decoded

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        if not any(c.isalnum() for c in text):
            return
        # The file may have changed.
        spec, program = command.loaded(FILES, voice.model)
        samples, rate = self._decoded(self._run(spec, program, text, voice.name, speed), spec.line.program)
        if len(samples):
            yield AudioChunk(samples, rate)

    def _run(self, spec: CommandSpec, program: str, text: str, voice: str, speed: float) -> bytes:
        """Returns the program's sound for a text, not decoded."""
        arguments = spec.arguments(text, str(self._wav), voice, speed)
        data = f"{text}\n".encode("utf-8", "replace") if spec.reads_input else b""
        try:
            with reported(spec.line.program, f"raise timeout in {spec.path}"):
                self._wav.unlink(missing_ok=True)
                printed = run([program, *arguments], data, spec.timeout, self.check)
                if spec.writes_file:
                    printed = self._wav.read_bytes() if self._wav.exists() else b""
        finally:
            remove(self._wav)
        if not printed:
            where = "into its file" if spec.writes_file else "on standard output"
            raise HushdError("worker_failed", f"The program {spec.line.program!r} produced no sound {where}.")
        return printed


# --- its files -------------------------------------------------------------------------------------------------------


def _voice(name: str, spec: CommandSpec | None) -> Voice:
    """Returns the voice of a file; that of an invalid one is not installed."""
    if spec is None:
        return Voice(name, language="", gender="", model=name, installed=False, sample="", wpm=1)
    return Voice(
        name=name,
        language=spec.language,
        gender=spec.gender,
        model=name,
        installed=spec.line.find(FILES.folder) is not None,
        sample=greeting(spec.language, name),
        wpm=spec.wpm,
    )


_PLACEHOLDERS = ("text", "wav", "voice", "language", "wpm", "speed", "stretch")


class CommandSpec(Struct, frozen=True):
    """The content of one file.

    Attributes:
        language, gender: of its voice.
        wpm: words per minute at its natural speed.
        memory_mb: an estimate, of the worker and the program together.
        timeout: the maximum seconds for one sentence.
    """

    path: Path
    line: CommandLine
    language: str = ""
    gender: str = ""
    wpm: Annotated[int, Rule(make=round, given=Annotated[float, Meta(ge=10)])] = 175
    memory_mb: Annotated[int, Rule(make=round, given=NonNegativeFloat)] = 0
    timeout: Annotated[float, seconds(0.1)] = 60.0

    @classmethod
    def of(cls, path: Path, content: Table) -> CommandSpec:
        """Returns what a file says. Raises `bad_request` for an invalid value."""
        line, given = command.read(content, cls, _PLACEHOLDERS, ("language", "'en-US'"))
        return cls(path, line, **given)

    @property
    def writes_file(self) -> bool:
        """True if it writes the sound to a file instead of standard output."""
        return "wav" in self.line.placeholders

    @property
    def reads_input(self) -> bool:
        """True if it reads the text from standard input instead of an argument."""
        return "text" not in self.line.placeholders

    def arguments(self, text: str, wav: str, voice: str, speed: float) -> list[str]:
        return self.line.arguments(
            {
                # A text must not be mistaken for an option.
                "text": f" {text}" if text.startswith("-") else text,
                "wav": wav,
                "voice": voice,
                "language": self.language,
                "wpm": str(round(self.wpm * speed)),
                "speed": f"{speed:g}",
                "stretch": f"{1 / speed:g}",
            }
        )


FILES = OwnFiles("voices", "MODELS.md", CommandSpec.of)
