"""Command lines in the documents, held against the parsers that would read them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from command_reference import CommandReference, commands, references
from hushd_cli import table
from hushd_cli.reference import ROOTS
from hushd_schema.entry_points import plugin_of

ROOT = Path(__file__).parents[2]
PROGRAMS = ("hushd", "say", "listen")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
_SHELLS = ("", "sh", "bash", "console")
_SPAN = re.compile(r"(hushd|say|listen|(\./)?scripts/\w+) ")  # in the middle of a sentence
_HIDDEN = {"--auto", "--version"}  # not in the parsers' help
_LINE = re.compile(
    r"(?:^|[;|(] *|&& *|\$ +|-- )(hushd|say|listen|(?:\./)?scripts/\w+)(?= |$)([^;|#&\n]*)", re.MULTILINE
)
_RUN = ("lab", "lab/release", "tests")  # where the modules are that scripts run
_RUNS = re.compile(r'"\$scripts/\.\./(?:lab/release|lab)/([\w.]+)"|-m (\w+)|^ *(?:from|import) (\w+)', re.MULTILINE)


def wrong(page: str) -> list[str]:
    """The command lines of a page in Markdown that nothing would take, each with the word that is not known."""
    return [
        f"{program}{rest}: {word}"
        for code in _code(page)
        for program, rest in _LINE.findall(code)
        if (word := unknown(program, rest))
    ]


def _code(page: str) -> Iterator[str]:
    """Code of a page that a shell may run."""
    yield from (body.replace("\\\n", " ") for language, body in BLOCK.findall(page) if language in _SHELLS)
    yield from (span for span in SPAN.findall(BLOCK.sub("", page)) if _SPAN.match(span))


def unknown(program: str, rest: str) -> str:
    """The word of a command line that its program does not know; empty where all is right."""
    if program not in PROGRAMS:
        return _unknown_to_script(Path(program).name, rest)
    words = (program,)
    given = [word.strip("'\"`.,:)[]") for word in re.split(r"[\s=]+", rest.partition(" -- ")[0]) if word]
    if given and plugin_of(given[0]) and (*words, given[0]) not in _known():
        return ""  # of a plugin that is not here
    while given and (*words, given[0]) in _known():
        words = (*words, given.pop(0))
    command = _known()[words]
    first = next(iter(command.operands), None)
    choices = (*command.commands, "help") if command.commands else first.choices if first else ()
    if choices and given and re.fullmatch(r"[a-z][a-z-]+", given[0]) and given[0] not in choices:
        return given[0]
    return _unknown_option(command, re.sub(r"""(['"]).*?\1""", "", rest.partition(" -- ")[0]))


def _unknown_option(command: CommandReference, rest: str) -> str:
    """An option that the command has not, or a value that is none of an option's choices."""
    named = {flag.replace("_", "-"): option for option in command.options for flag in option.flags}
    given = [word.strip("`.,:)[]") for word in re.split(r"[\s=]+", rest)]
    for word, value in zip(given, [*given[1:], ""], strict=True):
        if not re.fullmatch(r"--[a-z][\w-]+|-[a-zA-Z]", word):
            continue
        flag = word.replace("_", "-")
        if flag not in named:
            if flag not in _HIDDEN:
                return word
        elif named[flag].choices and re.fullmatch(r"[a-z]+", value) and value not in named[flag].choices:
            return value
    return ""


@cache
def _known() -> dict[tuple[str, ...], CommandReference]:
    """The commands, with hidden ones, which lists and manual pages leave out."""
    known = {each.words: each for each in commands()}
    for command in table.every():
        if command.hidden:
            known |= {each.words: each for each in references((ROOTS[0], command.name), command)}
    return known


def _unknown_to_script(name: str, rest: str) -> str:
    """The script's name where there is none to run, or an option that stands nowhere in what it runs."""
    if not os.access(ROOT / "scripts" / name, os.X_OK):
        return name
    options = re.findall(r"(?<=[\s[])--[a-z][\w-]+", rest.partition(" -- ")[0])
    return next((option for option in options if option not in _sources(name)), "")


@cache
def _sources(name: str) -> str:
    """The text of a script, and of all in lab/ and tests/ that it runs."""
    texts: dict[Path, str] = {}
    waiting = [ROOT / "scripts" / name, *([ROOT / "conftest.py"] if name == "test" else [])]
    while waiting:
        path = waiting.pop()
        if path.is_dir():
            waiting += path.glob("*.py")
        elif path.is_file() and path not in texts:
            texts[path] = path.read_text()
            named = {next(filter(None, names)) for names in _RUNS.findall(texts[path])}
            waiting += [ROOT / folder / f"{one}{end}" for one in named for folder in _RUN for end in ("", ".py")]
    return "\n".join(texts.values())
