"""What hushd is told of a program that hears: a small TOML file (see docs/ENGINES.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hushd_worker import command_spec
from hushd_worker.command_spec import CommandLine, CommandSpecError

from hushd_worker_stt.engine import Options, PieceLength

_PLACEHOLDERS = ("wav", "language", "task", "prompt", "hotwords", "beam", "temperature")
_PIECE = PieceLength(15.0, 30.0)
_KEYS = ("run", "languages", "output", "translate", "auto", "memory_mb", "timeout", "piece")


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """How to run one program.

    Attributes:
        path: the file.
        line: the program and its arguments.
        languages: what it hears.
        output: `text` or `json`.
        translate: words that make it translate, after all others.
        auto: what `{language}` stands for where nobody has said it.
        memory_mb: an estimate, of the worker and the program together.
        timeout: seconds for one piece.
        piece: how much audio it is given at once.
    """

    path: Path
    line: CommandLine
    languages: tuple[str, ...]
    output: str = "text"
    translate: tuple[str, ...] = ()
    auto: str = ""
    memory_mb: int = 0
    timeout: float = 120.0
    piece: PieceLength = _PIECE

    @classmethod
    def read(cls, path: Path) -> CommandSpec:
        """Reads the file at `path`.

        Raises:
            RecipeError: it is not there, no TOML, or makes no sense.
        """
        content = command_spec.read(path, _KEYS)
        line = command_spec.command_line(content, _PLACEHOLDERS)
        languages = command_spec.words("languages", content.get("languages"))
        if not languages:
            raise CommandSpecError('needs languages = ["en", …]')
        return cls(
            path,
            line,
            languages,
            output=command_spec.one_of(content, "output", "text", "json"),
            translate=command_spec.words("translate", content.get("translate", []), _PLACEHOLDERS),
            auto=command_spec.text(content, "auto"),
            memory_mb=round(command_spec.number(content, "memory_mb", 0)),
            timeout=command_spec.seconds(content, "timeout", 120),
            piece=_piece(content["piece"]) if "piece" in content else _PIECE,
        )

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def program(self) -> str:
        return self.line.program

    @property
    def needs_file(self) -> bool:
        """Whether the audio is a file; else it is on standard input."""
        return "wav" in self.line.placeholders

    @property
    def translates(self) -> bool:
        return bool(self.translate) or "task" in self.line.placeholders

    def arguments(self, wav: str, options: Options) -> list[str]:
        """The program's arguments for the file `wav`."""
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


def _piece(value: object) -> PieceLength:
    if isinstance(value, list) and len(value) == 2 and all(map(command_spec.is_number, value)):
        shortest, longest = map(float, value)
        if 1 <= shortest <= longest <= 600:
            return PieceLength(shortest, longest)
    raise CommandSpecError(f"says piece = {value!r}, which is [shortest, longest] in seconds, from 1 to 600")
