"""Reads command files of models: small TOML files that describe how to run a program that transcribes (see
docs/MODELS.md)."""

from __future__ import annotations

from pathlib import Path

from hushd_protocol.light_dataclass import dataclass
from hushd_schema.kinds import Kind, choice, is_number, number, seconds, text, texts
from hushd_worker import command
from hushd_worker.command import RUN, CommandLine, CommandSpecError

from hushd_worker_stt.engine import Options, PieceLength

_PLACEHOLDERS = ("wav", "language", "task", "prompt", "hotwords", "beam", "temperature")
_PIECE = PieceLength(15.0, 30.0)


def _is_piece(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 2 and all(map(is_number, value))):
        return False
    return bool(1 <= value[0] <= value[1] <= 600)


def _piece(value: list[float]) -> PieceLength:
    return PieceLength(*map(float, value))


_KINDS = {
    "run": RUN,
    "languages": texts(),
    "output": choice("text", "json"),
    "translate": texts(),
    "auto": text(),
    "memory_mb": number(0)._replace(make=round),
    "timeout": seconds(0.1),
    "piece": Kind("[shortest, longest] in seconds, from 1 to 600", _is_piece, _piece),
}


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """The content of one file.

    Attributes:
        path: the file.
        line: the program and its arguments.
        languages: the languages that it transcribes.
        output: `text` or `json`.
        translate: the arguments that make it translate, after all others.
        auto: the value of `{language}` if no language is requested.
        memory_mb: an estimate, of the worker and the program together.
        timeout: the maximum seconds for one piece.
        piece: the length of its pieces of audio.
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
            CommandSpecError: the file does not exist, is not TOML, or has invalid values.
        """
        given = command.check(command.load(path), _KINDS)
        for key, example in (("run", '["program", "argument", …]'), ("languages", '["en", …]')):
            if not given.get(key):
                raise CommandSpecError(f"it needs {key} = {example}")
        line = command.command_line(given.pop("run"), _PLACEHOLDERS)
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
