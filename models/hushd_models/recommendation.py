"""Which models to get for a machine and its languages: the best that fits, and the smallest. Pure: rows come in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import advice, languages
from .catalogue import Known
from .inventory import Row

FAST_CORES = 8  # with fewer, and no graphics card, slow models take longer than the speech itself lasts

# The best first, as far as their makers' figures say; the last that has a language is the smallest choice for it.
_BEST = {
    "stt": (
        ("faster-whisper/large-v3-turbo", "100 languages, detected by itself; the fewest wrong words of these"),
        (
            "onnx-asr/nemo-parakeet-tdt-0.6b-v3",
            "25 of Europe's languages with punctuation, quick on a processor; few wrong words",
        ),
        ("onnx-asr/gigaam-v3-e2e-rnnt", "Russian with punctuation, quick on a processor"),
        ("faster-whisper/small", "99 languages, detected by itself; translates into English, times each word"),
        ("faster-whisper/base", "99 languages in little memory, with more wrong words than small"),
        ("moonshine/tiny-en", "English with text while you speak; comes with hushd, and takes the least memory"),
    ),
    "tts": (
        ("kokoro/kokoro-v1.0", "54 natural voices in 9 languages; installs GPL-3.0 packages"),
        ("kokoro/kokoro-v1.0.int8", "the same voices in less than half the memory"),
        ("hibari/en", "natural English, first sound after 18 ms; comes with hushd"),
        ("piper/*", "one natural voice of this language, quick on any processor; its package is GPL-3.0"),
        ("espeak-ng/all", "115 languages in 35 MB, first sound after 4 ms; it sounds like a machine"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Machine:
    """The properties that decide: cores, MB for workers, MB free for models, and whether there is a graphics card."""

    cores: int
    memory_mb: float
    disk_mb: float
    card: bool = False


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A model for a role and a language, what one gets for it, and the commands that bring it; none if it is here."""

    role: str
    language: str
    row: Row
    known: Known
    gain: str
    commands: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "role": self.role,
            "language": self.language,
            "model": self.row.model,
            "here": not self.commands,
            "size_mb": self.known.size_mb,
            "memory_mb": self.known.memory_mb,
            "licence": self.known.licence,
            "speed": self.known.speed,
            "gain": self.gain,
            "commands": list(self.commands),
        }


def recommend(
    rows: Iterable[Row],
    machine: Machine,
    language: str,
    role: str,
    engine_installed: Callable[[str], bool] = advice.engine_installed,
) -> list[Recommendation]:
    """The best model that fits the machine, what comes with hushd, and the smallest; empty where none has the language.

    Args:
        rows: of the inventory.
    """
    by_name = {row.model: row for row in rows}
    found = [
        _made(role, language, row, row.known, gain, engine_installed)
        for name, gain in _BEST[role]
        for row in _named(by_name, name, language)
        if row.known and _fits(row, row.known, machine)
    ]
    inside = [one for one in found[1:-1] if one.row.state == "embedded"]
    return [*found[:1], *inside, *found[1:][-1:]]


def _named(rows: Mapping[str, Row], name: str, language: str) -> list[Row]:
    """The row of that name, or for `ENGINE/*` the first of the engine's, if it has the language."""
    engine, _, rest = name.partition("/")
    wanted = [row for model, row in rows.items() if model == name or (rest == "*" and row.engine == engine)]
    code = languages.code(language)
    able = [row for row in wanted if row.known and code in map(languages.code, row.known.languages)]
    exact = [row for row in able if row.known and languages.tag(language) in map(languages.tag, row.known.languages)]
    return (exact or able)[:1]


def _fits(row: Row, known: Known, machine: Machine) -> bool:
    quick = known.speed != "slow" or machine.card or machine.cores >= FAST_CORES
    return quick and known.memory_mb <= machine.memory_mb and (row.usable or known.size_mb <= machine.disk_mb)


def _made(
    role: str, language: str, row: Row, known: Known, gain: str, engine_installed: Callable[[str], bool]
) -> Recommendation:
    steps = [] if engine_installed(known.engine) else [advice.engine_command(known.engine)]
    if not row.usable and not known.package:
        steps.append(f"hushd models pull {row.model}")
    return Recommendation(role, language, row, known, gain, tuple(steps))
