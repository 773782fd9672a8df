"""The models of this machine as `hushd models` lists them, and `hushd models recommend`, which names those to get."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import cached_property
from itertools import product

from hushd_models import advice, catalogue, languages, preferences, word_errors
from hushd_models.choice.recommendation import Hardware, Recommendation, here, plugin_that_speaks, recommend, too_large
from hushd_models.installation import extra_command
from hushd_models.inventory import Row, row, rows
from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.cards import APPLE
from hushd_protocol.suggest import plural
from hushd_protocol.system import paths

from hushd_cli.arguments import Commands
from hushd_cli.terminal import console

_DOES = {"stt": "To hear", "tts": "To speak"}


def add_arguments(commands: Commands) -> None:
    added = commands.add(
        "recommend",
        "recommend models for this machine, with their cost and accuracy",
        "For each language the best that fits, and the smallest.",
    )
    added.add_argument("languages", nargs="*", metavar="LANGUAGE", help="such as de or fr; default: the session's")
    added.add_argument("--json", action="store_true", help="print JSON, for programs")


def show(index: ModelIndex, options: Namespace) -> int:
    rows, machine = index.rows(), index.machine
    asked = list(dict.fromkeys(map(languages.checked, options.languages)))
    own = preferences.own_languages(paths.find().config)
    pairs = product(asked or own or ["en"], ("stt", "tts"))
    by_language = {(language, role): recommend(rows, machine, language, role, own=own) for language, role in pairs}
    if options.json:
        listed = [recommendation.as_json() for some in by_language.values() for recommendation in some]
        console.write_json(listed)
        return 0
    lines = [f"This machine: {_described(machine)}."]
    for (language, role), some in by_language.items():
        lines += ["", f"{_DOES[role]} {language}:", *(_block(some) or ["  none of the well-known models can"])]
        if role == "tts" and (plugin := plugin_that_speaks(language, next(iter(some), None))):
            lines += [f"  the plugin {plugin} has natural voices", f"      $ {extra_command(plugin)}"]
    lacking = dict.fromkeys(language for (language, _), some in by_language.items() if some and some[0].commands)
    lines += [f"\n`hushd get {language}` brings what hears and what speaks it, by one command." for language in lacking]
    console.write("\n".join([*lines, ""]))
    return 0


def session_language() -> str:
    """Returns the language that the user speaks most, by the configuration or else the session; English without one."""
    return next(iter(preferences.own_languages(paths.find().config)), "en")


def _described(machine: Hardware) -> str:
    card = " and ".join(_card(*each) for each in _by_size(machine)) or "no graphics card that hushd can use"
    return (
        f"{plural(machine.cores, 'core')}, {machine.memory_mb / 1000:.1f} GB of memory for workers, "
        f"{machine.disk_mb / 1000:.0f} GB free for models, {card}"
    )


def _by_size(machine: Hardware) -> list[tuple[float, list[str]]]:
    """Returns the sizes of cards, each with its kinds."""
    sizes = dict.fromkeys(machine.cards.values())
    return [(size, [kind for kind in machine.cards if machine.cards[kind] == size]) for size in sizes]


def _card(megabytes: float, kinds: list[str]) -> str:
    if APPLE in kinds:
        return "Apple's graphics processor"
    return f"a graphics card{f' of {megabytes / 1000:.1f} GB' if megabytes else ''} for {' and '.join(kinds)}"


def _block(recommendations: Sequence[Recommendation]) -> list[str]:
    lines = []
    for recommendation in recommendations:
        known = recommendation.known
        cost = f"{known.size_mb} MB on disk, {known.memory_mb} MB of memory, {known.speed}, {known.licence}"
        figure = word_errors.described(known.word_errors, recommendation.language)
        lines += [
            f"  {recommendation.row.model}  ({cost})",
            f"      {'; '.join(filter(None, (recommendation.gain, figure)))}",
        ]
        lines += [f"      $ {step}" for step in recommendation.commands] or ["      is installed"]
    return lines


class ModelIndex:
    """The models that there are, and those on this machine."""

    def __init__(self) -> None:
        self.paths = paths.find()
        self.store = Store(self.paths)
        self.language = session_language()  # language by whose figures models are sorted
        self._asked_for: Sequence[str] = ()  # languages, in place of the session's

    def lacks_engine(self, model: Row) -> bool:
        """Returns whether a model's engine is missing here and in the environment that the configuration names."""
        if model.engine not in catalogue.engines() or advice.engine_installed(model.engine):
            return False
        return model.engine not in self.elsewhere

    def as_json(self, model: Row) -> JsonObject:
        """Returns a row for programs, with the recommendation, and the command that installs a missing engine."""
        engine = model.engine
        return model.as_json() | {
            "recommended": model.model in self.recommended,
            "install": advice.engine_command(engine) if self.lacks_engine(model) else "",
        }

    @cached_property
    def elsewhere(self) -> frozenset[str]:
        return preferences.engines_elsewhere(self.paths.config)

    @cached_property
    def machine(self) -> Hardware:
        return here(self.store.folder)

    @cached_property
    def recommended(self) -> Sequence[str]:
        """The models that `hushd models recommend` names for the same languages."""
        every = self.rows()
        spoken = self._asked_for or (self.language,)
        pairs = product(spoken, ("stt", "tts"))
        own = preferences.own_languages(self.paths.config)
        return [choice.row.model for each in pairs for choice in recommend(every, self.machine, *each, own=own)]

    def recommend_for(self, words: Sequence[str]) -> None:
        """Recommends for the languages among `words`, if there are any, in place of the session's."""
        every = self.rows()
        self._asked_for = [word for word in words if not any(word in (row.role, row.engine) for row in every)]
        self.language = [*self._asked_for, self.language][0]

    def too_large(self, model: Row) -> bool:
        """Returns whether a model that is not here has no room in this machine's memory, cards or disk."""
        return model.state == "absent" and model.known is not None and too_large(model.known, self.machine)

    def rows(self) -> list[Row]:
        return rows(self.store)

    def row(self, name: str) -> Row:
        return row(self.store, name)
