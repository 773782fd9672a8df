"""Recommends models for a machine and its languages: the best that fits, and the smallest.

The best of speech to text has the fewest wrong words by its published figure, the best voice the first rank. Every
command and every error that names a model to get for a language uses this, so that all name the same.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hushd_protocol import JsonObject
from hushd_protocol.cards import APPLE, COUNTED
from hushd_protocol.names import SPEEDS
from hushd_protocol.system import footprint, paths
from hushd_protocol.system.cgroup import Cgroup
from hushd_protocol.system.graphics_cards import has_nvidia
from hushd_schema import engines as specs
from hushd_schema.entry_points import plugins

from hushd_models import advice, languages, paces, word_errors
from hushd_models.catalogue import Known
from hushd_models.inventory import Row, rows, serving
from hushd_models.store import Store

MEMORY_SHARE = 0.8  # share of all memory that workers may take together by default
# Slow models take longer than the speech itself lasts where there are fewer cores, and no graphics card that the engine
# can use.
FAST_CORES = 8

# The own plugins whose engines speak naturally, with the codes of their languages: where none is here, one is offered.
SPEAKING = {
    "engines-piper": "ar ca cs da de el en es fa fi fr hu it nl no pl pt ro ru sv tr uk vi zh",
    "engines-sherpa-onnx": "ar bg cs da de el en es et fi fr hi hr hu id it ja ko lt lv nl pl pt ro ru sk sl sv tr uk "
    "vi",
}
_QUICK = "engines-piper"  # the one of them whose voices are faster than Kokoro on any processor
_DOES = {"stt": "hears it", "tts": "speaks it"}


@dataclass(frozen=True, slots=True)
class Hardware:
    """The properties of a machine that matter: cores, MB for workers, MB of free disk space for models.

    Attributes:
        cards: the kinds of graphics cards, each with the MB of its largest card, 0 if unknown; `mps` is Apple's
            graphics processor, which computes in the machine's memory.
        paces: of voices that were measured here, by ENGINE/MODEL (`hushd_models.paces`).
    """

    cores: int
    memory_mb: float
    disk_mb: float
    cards: Mapping[str, float] = field(default_factory=dict)
    paces: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A model for a role and a language, its advantages, and the commands that get it, if it is not installed."""

    role: str
    language: str
    row: Row
    known: Known
    gain: str
    commands: Sequence[str]

    def as_json(self) -> JsonObject:
        return {
            "role": self.role,
            "language": self.language,
            "model": self.row.model,
            "here": not self.commands,
            "size_mb": self.known.size_mb,
            "memory_mb": self.known.memory_mb,
            "licence": self.known.licence,
            "speed": self.known.speed,
            "word_errors": word_errors.rate(self.known.word_errors, self.language) or 0,
            "gain": self.gain,
            "commands": list(self.commands),
        }


def here(folder: Path) -> Hardware:
    """Returns this machine's properties; `folder`, or its nearest existing parent, will hold the models."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    memory_mb = footprint.machine(Cgroup.own()).total / 1e6 * MEMORY_SHARE
    apple = {APPLE: memory_mb} if sys.platform == "darwin" and os.uname().machine == "arm64" else {}
    return Hardware(
        footprint.cores(),
        memory_mb,
        shutil.disk_usage(existing).free / 1e6,
        ({COUNTED: 0.0} if has_nvidia() else {}) | apple,  # the driver alone knows sizes, and is not asked
        paces.measured(paths.find()),
    )


def for_language(role: str, language: str, engine: str | None = None) -> str:
    """Returns the end of a sentence, from `; `: what hears or speaks a language (a tag or a name), or the command that
    brings it; empty if nothing can. `engine`: restricts it to this engine's models, and names the one to pull."""
    store = Store(paths.find())
    able = [row for row in rows(store) if row.role == role and _has(row, language) and engine in (None, row.engine)]
    if usable := [row for row in able if row.usable and advice.engine_installed(row.engine)]:
        return f"; {min(usable, key=partial(_place, language, {})).model} {_DOES[role]}"
    if not able:
        return ""
    if engine is None:
        return f"; `hushd get {languages.code(language)}` brings a model that {_DOES[role]}"
    machine = here(store.folder)
    fitting = [row for row in able if row.known and _fits(row, row.known, machine)]
    recommended = [each.row for each in recommend(able, machine, language, role)]
    best = next(iter(recommended), None) or min(fitting or able, key=partial(_place, language, machine.paces))
    assert best.known
    return f"; {best.model} {_DOES[role]} once you have run {advice.steps(best.known, here=best.usable)}"


def for_others(own: Sequence[str] = ()) -> str:
    """Returns a sentence for whoever speaks another language than the model knows, which is English: the installed
    model that hears others, or the command that brings one. `own`: the user's languages."""
    if best := min(serving(Store(paths.find()), "stt", None), key=_breadth, default=None):
        what = f"leave the language out, and name {best.model}, which hears others, or no model"
    else:
        example = next((code for code in map(languages.code, own) if code != "en"), "fr")
        what = f"`hushd get LANGUAGE`, such as `hushd get {example}`, brings a model for it"
    return f"If another language is spoken, {what}."


def _breadth(row: Row) -> tuple[bool, int, int]:
    """Returns the place of a model among those of several languages: the most languages, in little memory."""
    return row.known is None or row.known.speed == "slow", -len(row.languages), row.memory_mb


def _has(row: Row, language: str) -> bool:
    """Returns whether a model is well-known, and has a language, of any country."""
    return row.known is not None and languages.is_among(language, row.known.languages)


def best(role: str) -> Sequence[tuple[str, str]]:
    """Returns the models to recommend by their rank, each with its advantages."""
    every = [(model, spec) for spec in specs.every(role) for model in spec.recommended]
    every.sort(key=lambda entry: entry[0].rank)
    return [(f"{spec.name}/{model.model}", model.gain) for model, spec in every]


def to_get(
    rows: Iterable[Row],
    machine: Hardware,
    language: str,
    role: str,
    *,
    small: bool = False,
    own: Sequence[str] = (),
) -> Recommendation | None:
    """Returns what `hushd get` brings: the best model, or with `small` the smallest, that one command can install; to
    hear, one that `tells_apart` the user's `own` languages and this one, if there is any."""
    able = [choice for choice in _every(rows, machine, language, role, own) if _is_installable(choice.known.engine)]
    if small:
        able.sort(key=lambda choice: choice.known.memory_mb)
    if role == "stt":
        able.sort(key=lambda choice: not tells_apart(choice.known, (*own, language)))
    return next(iter(able), None)


def tells_apart(known: Known, spoken: Sequence[str]) -> bool:
    """Returns whether a model hears recordings in all of `spoken`, without being told which language it is."""
    return all(languages.is_among(each, known.languages) for each in spoken) and not _confuses(known, spoken)


def _confuses(known: Known, spoken: Sequence[str]) -> bool:
    """Returns whether a model has to be told which of `spoken` a recording is in."""
    heard = {languages.code(each) for each in spoken if languages.is_among(each, known.languages)}
    return known.needs_language and len(heard) > 1


def faster_voice(rows: Iterable[Row], machine: Hardware, language: str) -> Recommendation | None:
    """Returns the best natural voice of those that are not slow here."""
    natural = [row for row in rows if not specs.robotic(row.engine)]
    best = next(iter(recommend(natural, machine, language, "tts")), None)
    return None if best is None or paces.is_slow(best.known.model, machine.paces) else best


def plugin_that_speaks(language: str, best: Recommendation | None, *, small: bool = False) -> str:
    """Returns the plugin that would speak a language naturally, where the best voice here does not, or with `small`
    there is none; empty if none would, or it is installed."""
    if best is not None and (small or not specs.robotic(best.known.engine)):
        return ""
    code = languages.code(language)
    return next((each for each, codes in SPEAKING.items() if code in codes.split() and each not in plugins()), "")


def quick_plugin(machine: Hardware, language: str) -> str:
    """Returns the plugin that is not here and would speak a language naturally and fast; empty if none would, or the
    fastest voices were slow here."""
    plugin = plugin_that_speaks(language, None)
    return plugin if plugin == _QUICK and not paces.is_slow_speed(0, machine.paces) else ""


def _is_installable(engine: str) -> bool:
    """Returns whether an engine is here, or one command brings it into this environment."""
    spec = specs.find(engine)
    return advice.engine_installed(engine) or (spec is not None and bool(spec.extra or spec.requirement))


def recommend(
    rows: Iterable[Row],
    machine: Hardware,
    language: str,
    role: str,
    own: Sequence[str] = (),
) -> list[Recommendation]:
    """Returns the best model that fits the machine, the one that comes with hushd, and the smallest one.
    The list is empty if no model has the language. `own`: the user's languages."""
    choices = _every(rows, machine, language, role, own)
    inside = [choice for choice in choices if choice.row.state == "embedded"]
    smallest = min(choices, key=lambda choice: choice.known.memory_mb, default=None)
    shown = {choice.row.model: choice for choice in (*choices[:1], *inside, smallest) if choice}
    return list(shown.values())


def _every(
    rows: Iterable[Row], machine: Hardware, language: str, role: str, own: Sequence[str]
) -> list[Recommendation]:
    """Returns the models to recommend that fit a machine, the best first; where there are others, none that confuses
    the language with one of the user's `own`."""
    every = list(rows)
    choices = [
        _made(role, language, row, row.known, gain)
        for name, gain in best(role)
        for row in _named(every, name, language)
        if row.known and _fits(row, row.known, machine)
    ]
    choices.sort(key=lambda choice: _place(language, machine.paces, choice.row))
    return [choice for choice in choices if not _confuses(choice.known, (*own, language))] or choices


def _named(rows: Iterable[Row], name: str, language: str) -> list[Row]:
    """Returns the row of that name, or for `ENGINE/*` the engine's first of the very tag, else of the language."""
    able = [row for row in rows if name in (row.model, f"{row.engine}/*") and _has(row, language)]
    exact = [row for row in able if row.known and languages.tag(language) in map(languages.tag, row.known.languages)]
    return (exact or able)[:1]


def too_large(known: Known, machine: Hardware) -> bool:
    """Returns whether a model that is not installed has no room: in memory, on a card or on the disk."""
    in_memory = _has_room(known, machine) or any(_fits_card(kind, known, machine) for kind in machine.cards)
    return known.size_mb > machine.disk_mb or not in_memory


def _fits(row: Row, known: Known, machine: Hardware) -> bool:
    if not row.usable and known.size_mb > machine.disk_mb:
        return False
    if known.speed != "slow" or machine.cores >= FAST_CORES:
        return _has_room(known, machine)
    return any(_fits_card(kind, known, machine) for kind in machine.cards)


def _has_room(known: Known, machine: Hardware) -> bool:
    """Returns whether a model fits into the workers' share of a machine. If its weights are mapped, only its private
    memory must, and the whole machine holds the rest: Parakeet v3 hears in 1,000 MB (`scripts/bench gigabyte`)."""
    private_mb = known.memory_mb - (known.size_mb if known.mapped else 0)
    whole_mb = machine.memory_mb / (MEMORY_SHARE if known.mapped else 1)
    return private_mb <= machine.memory_mb and known.memory_mb <= whole_mb


def _fits_card(kind: str, known: Known, machine: Hardware) -> bool:
    """Returns whether a model's engine can compute on cards of `kind`, and the largest of them has room for it."""
    spec = specs.find(known.engine, known.role)
    if spec is None or kind not in spec.cards:
        return False
    machine_mb, card_mb = float(known.memory_mb), 0.0
    if spec.on_card_mb:
        machine_mb, card_mb = spec.on_card_mb({"": int(known.size_mb * 1e6)})
    if kind == APPLE:
        return machine_mb + card_mb <= machine.memory_mb
    return machine_mb <= machine.memory_mb and (not machine.cards[kind] or card_mb <= machine.cards[kind])


def _made(role: str, language: str, row: Row, known: Known, gain: str) -> Recommendation:
    spec = specs.find(known.engine, role)
    outside = spec.outside if spec else ""
    commands = tuple(step.removeprefix(outside) for step in advice.commands(known, here=row.usable))
    return Recommendation(role, language, row, known, gain, commands)


def _place(language: str, measured: Mapping[str, float], row: Row) -> tuple[bool, float, float, int, int, int]:
    """Returns the place of a well-known model among others, the best first. `measured`: paces of voices here."""
    assert row.known
    names = [name for name, _ in best(row.role)]
    rank = min((names.index(name) for name in (row.model, f"{row.engine}/*") if name in names), default=len(names))
    own, english = word_errors.place(row.known.word_errors, language)
    # Voices, and models without figures, are chosen by size among those of medium speed: the fast ones are the least
    # natural.
    speed = abs(SPEEDS.index(row.known.speed) - SPEEDS.index("medium"))
    slow = row.role == "tts" and paces.is_slow(row.model, measured)
    return slow, own, english, rank, speed, 0 if row.role == "stt" else -row.known.size_mb
