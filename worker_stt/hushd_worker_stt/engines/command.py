"""Transcribes by any program that reads a WAV file and prints its transcript: whisper.cpp, Apple's SpeechAnalyzer, a
script.

Its models are the files `commands/NAME.toml` beside hushd's configuration (see docs/MODELS.md). The program is started
for each piece of speech, without a shell, in the worker's process group, and so dies with the worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from hushd_models.own_files import OwnFiles
from hushd_protocol.errors import HushdError
from hushd_schema import engines
from hushd_schema.kinds import NonNegativeFloat, Rule, seconds, span_s
from hushd_schema.toml import Table
from hushd_worker import command
from hushd_worker.command import CommandLine, remove, reported, run, sound_file
from msgspec import Struct
from msgspec.structs import replace

from hushd_worker_stt.engine import RATE, DetectedLanguage, Engine, Model, Options, PieceLength, Segment

from .command_output import OutputError, from_json, from_text, wav

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples


class Command(Engine):
    """The engine `command`. A model is a program, whose file declares its abilities."""

    SPEC = replace(engines.get("command", "stt"), translates=True)  # a program does, if its file says so

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return tuple(
            Model(name, spec.languages, spec.memory_mb, translation=spec.translates)
            if spec
            else Model(name, ("und",), 0)
            for name, spec in FILES.every().items()
        )

    @classmethod
    def installed(cls, model: str) -> bool:
        spec = FILES.find(model)
        return spec is not None and spec.line.find(FILES.folder) is not None

    def load(self, model: str, report: Callable[[str], None]) -> None:
        self._name = model
        self._read()
        self._wav = sound_file()

    def _read(self) -> None:
        """Reads the file again, so that an edit takes effect without a restart of the worker."""
        self._spec, self._program = command.loaded(FILES, self._name)
        self.PIECE = PieceLength(*self._spec.piece)

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        self._read()
        if options.translate and not self._spec.translates:
            raise HushdError("unsupported", f"The command {self._spec.name!r} cannot translate.")
        printed = self._run(samples, options)
        duration = len(samples) / RATE
        try:
            if self._spec.output == "json":
                return from_json(printed, duration)[0]
            return from_text(printed, duration)
        except OutputError as error:
            raise HushdError("worker_failed", f"The program {self._spec.program!r} {error}.") from error

    def detect_language(self, samples: Samples) -> DetectedLanguage | None:
        """Returns the language in the program's JSON; plain text has none."""
        self._read()
        if self._spec.output != "json":
            return None
        try:
            language = from_json(self._run(samples, Options()), len(samples) / RATE)[1]
        except OutputError:
            return None  # the failure is reported with the text
        return DetectedLanguage(language) if language in self._spec.languages else None

    def _run(self, samples: Samples, options: Options) -> bytes:
        spec, sound = self._spec, wav(samples)
        try:
            with reported(spec.program, f"raise timeout in {spec.path}, or shorten its pieces"):
                if spec.needs_file:
                    with open(os.open(self._wav, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
                        file.write(sound)
                    sound = b""
                arguments = spec.arguments(str(self._wav), options)
                return run([self._program, *arguments], sound, spec.timeout, self.check)
        finally:
            remove(self._wav)


_PLACEHOLDERS = ("wav", "language", "task", "prompt", "hotwords", "beam", "temperature")


class CommandSpec(Struct, frozen=True):
    """The content of one file.

    Attributes:
        output: `text` or `json`.
        translate: the arguments that make it translate, after all others.
        auto: the value of `{language}` if no language is requested.
        memory_mb: an estimate, of the worker and the program together.
        timeout: the maximum seconds for one piece.
        piece: the length of its pieces of audio.
    """

    path: Path
    line: CommandLine
    languages: tuple[str, ...] = ()
    output: Literal["text", "json"] = "text"
    translate: tuple[str, ...] = ()
    auto: str = ""
    memory_mb: Annotated[int, Rule(make=round, given=NonNegativeFloat)] = 0
    timeout: Annotated[float, seconds(0.1)] = 120.0
    piece: Annotated[tuple[float, float], span_s(1, 600)] = (15.0, 30.0)

    @classmethod
    def of(cls, path: Path, content: Table) -> CommandSpec:
        """Returns what a file says. Raises `bad_request` for an invalid value."""
        line, given = command.read(content, cls, _PLACEHOLDERS, ("languages", '["en", …]'))
        translate = command.words("translate", given.pop("translate", ()), _PLACEHOLDERS)
        return cls(path, line, translate=translate, **given)

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def program(self) -> str:
        return self.line.program

    @property
    def needs_file(self) -> bool:
        """True if it reads the audio from a file instead of standard input."""
        return "wav" in self.line.placeholders

    @property
    def translates(self) -> bool:
        return bool(self.translate) or "task" in self.line.placeholders

    def arguments(self, wav: str, options: Options) -> list[str]:
        """Returns the program's arguments for the file `wav`."""
        values = {
            "wav": wav,
            "language": options.language or self.auto,
            "task": "translate" if options.translate else "transcribe",
            "prompt": options.prompt,
            "hotwords": options.hotwords,
            "beam": "" if options.beam is None else str(options.beam),
            "temperature": "" if options.temperature is None else f"{options.temperature:g}",
        }
        return self.line.arguments(values) + list(self.translate if options.translate else ())


FILES = OwnFiles("commands", "MODELS.md", CommandSpec.of)
