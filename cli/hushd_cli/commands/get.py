"""`hushd get LANGUAGE`: brings a language by one command, from the engine's packages to a sentence spoken and heard."""

from __future__ import annotations

import locale
import os
import re
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS, Namespace
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_models import languages, paces, text_language, word_errors
from hushd_models.choice.recommendation import (
    Recommendation,
    faster_voice,
    plugin_that_speaks,
    quick_plugin,
    tells_apart,
    to_get,
)
from hushd_models.choice.voices import speaking
from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import paths
from hushd_protocol.system.own_modules import replaced
from hushd_schema import engines as specs
from hushd_schema import toml
from hushd_schema.settings import Settings, editing, load

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console
from hushd_cli.terminal.console import StatusLine
from hushd_cli.terminal.progress import pulled
from hushd_cli.terminal.shown_client import shown_client

from .config import change, have_it_read
from .models.recommend import ModelIndex, session_language

if TYPE_CHECKING:
    from hushd.client import Client

_ROLES = {"stt": "hear", "tts": "speak"}
_PULL = "hushd models pull "


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    language = languages.checked(options.language)
    roles = [role for role, does in _ROLES.items() if getattr(options, f"{does}ing")] or list(_ROLES)
    index = ModelIndex()
    settings = load(index.paths.config)
    own = _own(settings)
    choices = {
        role: to_get(index.rows(), index.machine, language, role, small=options.small, own=own) for role in roles
    }
    name = languages.name(languages.code(language))
    plugin = plugin_that_speaks(language, choices["tts"], small=options.small) if "tts" in choices else ""
    if plugin:
        del choices["tts"]  # its voices are known once it is installed
        console.write(f"Speaks {name} naturally: the plugin {plugin}.\n")
    else:
        _say_what_lacks(name, choices)
    brought = [choice for choice in choices.values() if choice is not None]
    changes = dict(_changes(settings, language, brought))
    for choice in brought:
        console.write(f"{_cost(choice)}\n")
    pulls = [step for choice in brought for step in choice.commands if step.startswith(_PULL)]
    installs = _installs(brought, plugin)
    if options.again in installs:
        raise HushdError("output_failed", f"`{options.again}` has brought nothing into {sys.prefix}.")
    if (pulls or installs or changes) and not _agreed(options, [*pulls, *installs]):
        console.write("Nothing was fetched, and no setting was changed.\n")
        return 0

    if plugin:
        _ask_hub()
    with shown_client() as client:  # first, so that nothing is installed where no model can be fetched
        for step in pulls:
            pulled(client, step.removeprefix(_PULL))
    for step in installs:
        _install(step)
    if installs and (plugin or replaced()):  # pip replaces hushd too if that came from a folder: the next one goes on
        again = ["--again", installs[-1], *([] if plugin else ["--yes"])]
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], *again])
    if changes:
        change(index.paths.config, lambda text: _edited(text, changes))
        have_it_read()
        lines = ", ".join(f"{'.'.join(path)} = {toml.written(value)}" for path, value in changes.items())
        console.write(f"Wrote {lines} into {index.paths.config}.\n")
    with shown_client() as client:
        slow = _prove(client, language, brought)
    if slow:
        _say_what_is_faster(index.paths.config, language, slow)
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "Bring a language: install what hears and speaks it best on this machine, download the models, make them the "
        "usual ones for it, and speak a sentence and hear it. Run again, it shows what is installed.",
    )
    parser.add_argument("language", metavar="LANGUAGE", help="such as fr, pt-BR or French")
    parser.add_argument("--hearing", action="store_true", help="only what hears it")
    parser.add_argument("--speaking", action="store_true", help="only what speaks it")
    parser.add_argument("--small", action="store_true", help="the smallest models instead of the best that fit")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask before it begins")
    parser.add_argument("--again", help=SUPPRESS)  # the last command that has installed something
    return parser


def _say_what_lacks(name: str, choices: dict[str, Recommendation | None]) -> None:
    lacking = [_ROLES[role] for role, choice in choices.items() if choice is None]
    sentence = f"No good model is known that can {' or '.join(lacking)} {name} on this machine."
    if len(lacking) == len(choices):
        raise HushdError("model_missing", sentence)
    if lacking:
        console.complain(sentence)


def _cost(choice: Recommendation) -> str:
    """Returns a sentence on a model: what it costs, and how well it hears."""
    known = choice.known
    does = f"{_ROLES[choice.role].capitalize()}s {languages.name(languages.code(choice.language))}: {choice.row.model}"
    if not choice.commands:
        return f"{does} is installed."
    figure = word_errors.described(known.word_errors, choice.language)
    size = "" if choice.row.usable else f"{known.size_mb} MB to fetch"
    facts = [size, f"{known.memory_mb} MB of memory", known.licence, figure]
    return f"{does} ({', '.join(filter(None, facts))})."


def _installs(brought: Sequence[Recommendation], plugin: str) -> list[str]:
    """Returns the commands that install engines and a plugin: one for all extras, since uv makes the environment anew
    from its last command."""
    extras, others = dict[str, None](), dict[str, None]()
    for choice in brought:
        spec = specs.find(choice.known.engine, choice.role)
        for step in choice.commands:
            if spec and spec.extra and not spec.requirement and not step.startswith(_PULL):
                extras[spec.extra] = None
            elif not step.startswith(_PULL):
                others[step] = None
    extras |= {plugin: None} if plugin else {}
    return [*([extra_command(*extras)] if extras else []), *others]


def _own(settings: Settings) -> list[str]:
    """Returns the codes of the languages that the user has."""
    return [languages.code(each) for each in settings.languages] or [session_language()]


def _changes(
    settings: Settings, language: str, brought: Sequence[Recommendation]
) -> Iterator[tuple[tuple[str, ...], str | list[str]]]:
    """Yields the settings to change: the user's languages, and the usual models for the new one.

    A model that tells all of the user's languages apart hears every recording; any other one those that are said to be
    in its language.
    """
    code = languages.code(language)
    every = list(dict.fromkeys([*_own(settings), code]))
    if every != list(map(languages.code, settings.languages)):
        yield ("languages",), every
    for choice in brought:
        model = choice.row.model
        if choice.role == "stt" and tells_apart(choice.known, every):
            if settings.stt != model:
                yield ("stt",), model
            # A recording without a language would get another model.
            if settings.stt_by_language.get(every[0], model) != model:
                yield ("stt_by_language", every[0]), model
        elif settings.model_for(choice.role, language) != model:
            yield (f"{choice.role}_by_language", code), model


def _edited(text: str, changes: dict[tuple[str, ...], str | list[str]]) -> str:
    for path, value in changes.items():
        text = editing.with_key(text, path, value)
    return text


def _agreed(options: Namespace, steps: Sequence[str]) -> bool:
    """Shows the commands, and asks whether to go on. Raises `bad_request` where nobody can be asked."""
    console.write("".join(f"  $ {step}\n" for step in steps))
    if options.yes:
        return True
    if not (os.isatty(0) and os.isatty(1)):
        raise HushdError("bad_request", "Nobody can be asked here whether to go on: --yes goes on.")
    try:
        answer = input("Go on? [Y/n] ").strip()
    except EOFError:
        console.write("\n")  # behind the question
        return False
    return not answer or _is_yes(answer)


def _is_yes(answer: str) -> bool:
    """Returns whether an answer is a yes in English, or in the session's language where its locale is installed."""
    with suppress(locale.Error):  # it is not, and the one before stays
        locale.setlocale(locale.LC_MESSAGES, "")
    return re.match(f"[yY]|{locale.nl_langinfo(locale.YESEXPR)}", answer) is not None


def _ask_hub() -> None:
    """Raises `model_missing` where the hub does not answer that has the models of a plugin."""
    from urllib import error, request  # noqa: PLC0415 - 50 ms, and 8 MB with OpenSSL

    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        with suppress(error.HTTPError):  # an answer, too
            request.urlopen(hub, timeout=10).close()
    except (OSError, ValueError) as failure:
        raise HushdError("model_missing", f"{hub} cannot be reached, so nothing was installed.") from failure


def _install(command: str) -> None:
    """Runs the command that installs a plugin or an engine into hushd's own environment. A terminal shows the latest
    line of its output; if it fails, standard error has all of it.
    Raises `output_failed` where it fails, or the environment belongs to another user."""
    if not os.access(sys.prefix, os.W_OK) and "uv tool" not in command and "pipx" not in command:
        raise HushdError("output_failed", f"{sys.prefix} belongs to another user: `sudo {command}` installs it first.")
    line, output = StatusLine(), [""]
    with subprocess.Popen(
        ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for text in process.stdout or ():
            output.append(text)
            line.show(lambda columns: f"Installing: {output[-1].strip()}"[: columns - 1])
    line.clear()
    if process.returncode:
        os.write(console.errors(), console.shown("".join(output), console.errors()).encode(errors="replace"))
        raise HushdError("output_failed", f"`{command}` has failed: its own words are above.")


def _prove(client: Client, language: str, brought: Sequence[Recommendation]) -> str:
    """Speaks a sentence of that language and hears it, as a user will who types no option; prints both, and what the
    voice costs here.
    Returns the voice's model where that is slower than real time; else nothing."""
    usual = load(paths.find().config).model_for("tts", language)
    here = [each for each in speaking(client.voices(), language) if each.installed]
    name = languages.name(languages.code(language))
    voice = min(here, key=lambda each: f"{each.engine}/{each.model}" != usual, default=None)
    if voice is None or not (sentence := voice.sample):
        console.write(f"No installed voice speaks {name}, so hearing it was not tried.\n")
        return ""

    model = f"{voice.engine}/{voice.model}"
    for each in ("tts", f"tts/{model}"):  # both are unloaded, so that their starts are not measured
        client.preload(each)
    line = StatusLine()

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sentence.wav"
        began = time.monotonic()
        line.show(lambda columns: f"speaking by {model} …"[: columns - 1])
        try:
            speech = client.synthesize(sentence)  # `say` will be typed like this
            speech.save(file)
        finally:
            line.clear()
        pace = (time.monotonic() - began) / max(speech.duration, 0.1)
        sizes = (row.size_mb or 0.0 for row in client.status().workers if row.name.startswith(f"tts/{model}"))
        size_mb = max(sizes, default=0)
        console.write(f"Said:  {sentence}\n")
        by_it = speech.voice in {each.name for each in here if (each.engine, each.model) == (voice.engine, voice.model)}
        if by_it:
            paces.keep(paths.find(), model, pace)
            console.write(f"{model} computed {pace:.2g} s for a second of sound here, in {size_mb:.0f} MB.\n")
        elif speech.voice not in {each.name for each in here}:
            console.complain(f"`say` spoke this by {speech.voice}: `say --language {language}` speaks {name}.")
        if any(choice.role == "stt" for choice in brought):
            _prove_hearing(client, language, file)
    return model if by_it and pace > paces.REAL_TIME else ""


def _prove_hearing(client: Client, language: str, file: Path) -> None:
    """Hears a recording as `listen` will be typed; prints its text, and any other language that it was taken for."""
    try:
        transcript = client.transcribe(str(file))
    except HushdError as error:
        console.write(f"Heard: ({reason(error)})\n")
        return
    console.write(f"Heard: {transcript.text.strip()}\n")
    code, heard = (languages.code(each) for each in (language, transcript.language))
    if not text_language.may_be(code, heard):
        took = f"`listen` took it for {languages.name(heard)}"
        console.complain(f"{took}: `listen --language {code}` hears {languages.name(code)}.")


def _say_what_is_faster(config: Path, language: str, slow: str) -> None:
    """Makes a natural voice that is here and not slow the usual one of a language; or names what brings one."""
    index, name = ModelIndex(), languages.name(languages.code(language))
    sentence = f"{slow} is slower than real time here, so that a conversation waits for it"
    faster, plugin = faster_voice(index.rows(), index.machine, language), quick_plugin(index.machine, language)
    if faster and not faster.commands:
        path = ("tts_by_language", languages.code(language))
        change(config, lambda text: editing.with_key(text, path, faster.row.model))
        have_it_read()
        console.write(f"{sentence}: {faster.row.model} is faster, and speaks {name} from now on.\n")
    elif brought := faster.row.model if faster else plugin and f"the plugin {plugin}":
        console.write(f"{sentence}: `hushd get {language} --speaking` brings {brought}, which is faster.\n")
    else:
        console.write(f"{sentence}; no faster natural voice is known.\n")
