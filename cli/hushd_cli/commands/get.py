"""`hushd get LANGUAGE`: brings a language by one command, from the engine's packages to a sentence spoken and heard."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_models import languages, word_errors
from hushd_models.installation import extra_command
from hushd_models.recommendation import Recommendation, plugin_that_speaks, to_get
from hushd_protocol.errors import HushdError, reason
from hushd_schema import entry_points
from hushd_schema.settings import Settings, editing, load

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

from .config import change, have_it_read
from .models.recommend import ModelIndex, session_language

if TYPE_CHECKING:
    from hushd.client import Client

_ROLES = {"stt": "hear", "tts": "speak"}


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    language = _checked(options.language)
    roles = [role for role, does in _ROLES.items() if getattr(options, f"{does}ing")] or list(_ROLES)
    index = ModelIndex()
    choices = {role: to_get(index.rows(), index.machine, language, role, small=options.small) for role in roles}
    if "tts" in choices and (plugin := plugin_that_speaks(language, choices["tts"])):
        return _again_with(plugin, language, options)
    _say_what_lacks(language, choices)
    brought = [choice for choice in choices.values() if choice is not None]
    settings = load(index.paths.config)
    changes = dict(_changes(settings, language, brought))
    for choice in brought:
        console.write(f"{_cost(choice)}\n")
    steps = list(dict.fromkeys(step for choice in brought for step in choice.commands))
    if (steps or changes) and not _agreed(options, steps):
        return 0
    for step in steps:
        if not step.startswith("hushd models pull "):
            _install(step)
    from hushd.client import Client  # not needed for a mistake, and before packages are installed

    with Client(holder="cli") as client:
        for choice in brought:
            if not choice.row.usable and not choice.known.package:
                _pull(client, choice.row.model)
        if changes:
            change(index.paths.config, lambda text: _edited(text, changes))
            have_it_read()
            lines = ", ".join(f"{'.'.join(path)} = {_shown(value)}" for path, value in changes.items())
            console.write(f"Wrote {lines} into {index.paths.config}.\n")
        _prove(client, language, brought)
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Bring a language: install what hears and speaks it best on this machine, download the models, make them the "
        "usual ones for it, and speak a sentence and hear it. A second time it says what is here.",
    )
    parser.add_argument("language", metavar="LANGUAGE", help="such as fr, pt-BR or French")
    parser.add_argument("--hearing", action="store_true", help="only what hears it")
    parser.add_argument("--speaking", action="store_true", help="only what speaks it")
    parser.add_argument("--small", action="store_true", help="the smallest models instead of the best that fit")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask before it begins")
    return parser


def _checked(asked: str) -> str:
    if not languages.is_tag(asked) or languages.name(languages.code(asked)) == languages.code(asked):
        raise HushdError("bad_request", f"{asked!r} is not a language: name one, such as fr, pt-BR or French.")
    return languages.tag(asked)


def _say_what_lacks(language: str, choices: dict[str, Recommendation | None]) -> None:
    name = languages.name(languages.code(language))
    lacking = [_ROLES[role] for role, choice in choices.items() if choice is None]
    if len(lacking) == len(choices):
        raise HushdError(
            "model_missing", f"No good model is known that can {' or '.join(lacking)} {name} on this machine."
        )
    for does in lacking:
        console.complain(f"No good model is known that can {does} {name} on this machine.")


def _cost(choice: Recommendation) -> str:
    """Returns a sentence on a model: what it costs, and how well it hears."""
    known = choice.known
    does = f"{_ROLES[choice.role].capitalize()}s {languages.name(languages.code(choice.language))}: {choice.row.model}"
    if not choice.commands:
        return f"{does}, which is here."
    figure = word_errors.described(known.word_errors, choice.language)
    facts = [f"{known.size_mb} MB to fetch", f"{known.memory_mb} MB of memory", known.licence, figure]
    return f"{does} ({', '.join(filter(None, facts))})."


def _changes(
    settings: Settings, language: str, brought: Sequence[Recommendation]
) -> Iterator[tuple[tuple[str, ...], str | list[str]]]:
    """Yields the settings to change: the user's languages, and the usual models for the new one.

    A model that hears all of the user's languages hears every recording; any other one those that are said to be in its
    language.
    """
    code = languages.code(language)
    own = [languages.code(each) for each in settings.languages] or [session_language()]
    every = list(dict.fromkeys([*own, code]))
    if every != list(map(languages.code, settings.languages)):
        yield ("languages",), every
    for choice in brought:
        model, heard = choice.row.model, set(map(languages.code, choice.known.languages))
        if choice.role == "stt" and heard.issuperset(every):
            if settings.stt != model:
                yield ("stt",), model
        elif settings.model_for(choice.role, language) != model:
            yield (f"{choice.role}_by_language", code), model


def _edited(text: str, changes: dict[tuple[str, ...], str | list[str]]) -> str:
    for path, value in changes.items():
        text = editing.with_key(text, path, value)
    return text


def _shown(value: str | list[str]) -> str:
    import json

    return json.dumps(value)


def _agreed(options: Namespace, steps: Sequence[str]) -> bool:
    """Shows the commands, and asks whether to go on.

    Raises:
        HushdError: `bad_request` where nobody can be asked.
    """
    console.write("".join(f"  $ {step}\n" for step in steps))
    if options.yes:
        return True
    if not (os.isatty(0) and os.isatty(1)):
        raise HushdError("bad_request", "Nobody can be asked here whether to go on: --yes goes on.")
    try:
        return input("Go on? [Y/n] ").strip().lower() in ("", "y", "yes")
    except EOFError:
        return False


def _install(command: str) -> None:
    """Runs the command that installs an engine into hushd's own environment; its output is shown.

    Raises:
        HushdError: `output_failed` where it fails, or the environment belongs to another user.
    """
    if not os.access(sys.prefix, os.W_OK) and "uv tool" not in command and "pipx" not in command:
        raise HushdError("output_failed", f"{sys.prefix} belongs to another user: `sudo {command}` installs it first.")
    console.note(command)
    done = subprocess.run(["sh", "-c", command], stdout=sys.stderr, check=False)
    if done.returncode:
        raise HushdError(
            "output_failed", f"`{command}` ended with exit code {done.returncode}: see its own words above."
        )


def _again_with(plugin: str, language: str, options: Namespace) -> int:
    """Installs a plugin that speaks the language, and has the same command go on with its voices.

    Raises:
        HushdError: `output_failed` where it is not here afterwards.
    """
    console.write(f"Speaks {languages.name(languages.code(language))} naturally: the plugin {plugin}.\n")
    step = extra_command(plugin)
    if not _agreed(options, [step]):
        return 0
    _install(step)
    if plugin not in entry_points.plugins_now():
        raise HushdError("output_failed", f"`{step}` has not brought {plugin} into {sys.prefix}.")
    sys.stdout.flush()
    return subprocess.run([sys.executable, *sys.orig_argv[1:]], check=False).returncode


def _pull(client: Client, model: str) -> None:
    from hushd_cli.terminal.progress import DownloadLine

    line = DownloadLine()
    try:
        client.pull(model, on_progress=lambda what, done, total: line(model if total else what or model, done, total))
    finally:
        line.clear()


def _prove(client: Client, language: str, brought: Sequence[Recommendation]) -> None:
    """Speaks a sentence of that language and hears it, by the usual models; prints both."""
    from hushd.synthesis.voices import speaking

    voice = next((each for each in speaking(client.voices(), language) if each.installed), None)
    if voice is None or not (sentence := voice.sample):
        name = languages.name(languages.code(language))
        console.write(f"Nothing here speaks {name} yet, so that hearing it was not tried.\n")
        return
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sentence.wav"
        client.synthesize(sentence, language=language).save(file)
        console.write(f"Said:  {sentence}\n")
        if any(choice.role == "stt" for choice in brought):
            try:
                heard = client.transcribe(str(file), language=language).text.strip()
            except HushdError as error:
                heard = f"({reason(error)})"
            console.write(f"Heard: {heard}\n")
