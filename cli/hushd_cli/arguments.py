"""The parser of all commands: options anywhere among the words, errors in one sentence, checked numbers, help.

What it uses of argparse's privates is used here alone.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from argparse import ArgumentError, ArgumentTypeError
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, nearest
from hushd_schema import kinds
from hushd_schema.kinds import from_text

from .terminal import console

if TYPE_CHECKING:
    from hushd_schema.kinds import Kind
    from hushd_schema.operations import Operation, Option

Group = argparse._ActionsContainer  # a parser, or some of its options
ALL = "all"  # topic of the help
_TRUTH = {"true": True, "false": False}
EXIT_CODES = (  # a row for each exit code of `hushd_protocol.errors`, of shells and of Python
    (0, "all is well"),
    (1, "nobody spoke in time"),
    (2, "the command line or the text makes no sense, or is not allowed"),
    (3, "the supervisor left or could not be started: ask again"),
    (4, "the input could not be read, or not in time"),
    (5, "the worker could not be started, or failed"),
    (6, "the engine or the model is not installed: the sentence has the command that gets it"),
    (7, "memory is short, or too many requests wait: ask again"),
    (8, "there is no such microphone or loudspeaker"),
    (9, "the output could not be written"),
    (11, "the text is probably not what was said: the sentence says why"),
    (70, "a bug in hushd: HUSHD_DEBUG=1 shows where"),
    (130, "interrupted by Ctrl-C, or cancelled"),
    (143, "ended by SIGTERM"),
)
ENVIRONMENT = (  # docs/CONFIGURATION.md has them all, with their defaults
    ("HUSHD_CONFIG", "the configuration file"),
    ("HUSHD_RUNTIME_DIR", "the folder of the supervisor's sockets"),
    ("HUSHD_STATE_DIR", "the folder of logs and of what hushd has measured"),
    ("HUSHD_MODELS_DIR", "the folder of models"),
    ("HUSHD_VOICE", "the voice of `say`, of agents' hooks and tools where none is named"),
    ("HUSHD_ENDPOINT", "the address of another machine's hushd, which is asked instead"),
    ("HUSHD_DEVICES", "here: the devices of this machine, also while another one is attached"),
    ("HUSHD_AUTOSTART", "0: start no supervisor"),
    ("HUSHD_DEBUG", "1: show where an error came from"),
    ("NO_COLOR", "any value: `hushd top` and `hushd doctor` print without colours"),
)
_WIDTH = 79
_UNKNOWN = "unrecognized arguments: "  # argparse's


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence, and whose options may stand anywhere before `--`.
    `examples`: command lines that work as they stand, each with its effect; the help ends with them."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=prog, description=description, allow_abbrev=False, add_help=False, formatter_class=Formatter
        )
        self.color = False  # argparse colours its help from Python 3.14 on; hushd's is the same in all versions
        self.add_argument("-h", "--help", action=_Help, help="show this help, or all of it")
        self.add_argument("--version", "-V", action="version", version=f"hushd {__version__}", help="show the version")
        self.examples: Sequence[tuple[str, str]] = ()
        self.switches: set[str] = set()  # options that may be followed by True or False
        self.commands: dict[str, tuple[str, Parser]] = {}  # subcommands, each with its summary
        self._rare: list[Group] = []
        self._takes_text = False

    @property
    def shown(self) -> list[argparse.Action]:
        """The options and words that the help shows, without --version and subcommands."""
        return [
            each
            for each in self._actions
            if each.help != argparse.SUPPRESS
            and not isinstance(each, argparse._SubParsersAction | argparse._VersionAction)
        ]

    def add_rare_group(self, title: str, description: str | None = None) -> Group:
        """Adds a group of options that only `--help all` shows."""
        group = self.add_argument_group(title, description)
        self._rare.append(group)
        return group

    def format_help(self, whole: bool = False) -> str:
        """Returns the help: the common part, or the `whole`, with exit codes and environment variables."""
        width = shutil.get_terminal_size().columns - 2
        self.formatter_class = partial(self.formatter_class, width=width)  # type: ignore[call-arg]  # ours take it
        groups = self._action_groups
        self._action_groups = groups if whole else [group for group in groups if group not in self._rare]
        text = super().format_help()
        self._action_groups = groups
        return text + ending(self.prog, self.examples, whole=whole, more=bool(self._rare))

    def _print_message(self, message: str, file: Any = None) -> None:
        """Writes the help and the version as results, whose loss argparse would hide."""
        console.write(message) if file is sys.stdout else super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        message = re.sub("^argument (.+?): (?=must )", r"\1 ", message)
        if message.startswith(_UNKNOWN):  # argparse names what follows the options, too: values, and files
            words = message.removeprefix(_UNKNOWN).split(" ")
            message = _UNKNOWN + " ".join([each for each in words if re.match("--?[^-]", each)] or words)
        message = message.rstrip(".") + self._meant_option(message)
        if self._takes_text and "unrecognized" in message:
            message += ": a text that begins with a dash goes after --"
        raise HushdError("bad_request", f"{message[:1].upper()}{message[1:]} (see `{self.prog} --help`).")

    def _meant_option(self, message: str) -> str:
        """Returns ` (did you mean --OPTION?)` for a message about an unknown option that is close to one."""
        unknown = re.match(f"{_UNKNOWN}--([^ =]+)", message)
        if unknown is None:
            return ""

        meant = nearest(unknown[1], (name[2:] for name in self._option_string_actions if name.startswith("--")))
        return f" (did you mean --{meant}?)" if meant else ""

    def parse(self, argv: Sequence[str], words: str, *, files: bool = False) -> argparse.Namespace:
        """Parses `argv`; the attribute `words` gets every argument that is not an option, and all after `--`.

        Options may be written with underscores for dashes.

        Args:
            files: whether the words are names of files, which need not be valid text.
        """
        self._takes_text = not files
        if not files:
            refuse_undecodable(argv)
        end = argv.index("--") if "--" in argv else len(argv)
        options = self.parse_intermixed_args(self._spelt_out(argv[:end]))
        getattr(options, words).extend(argv[end + 1 :])
        if files:
            refuse_undecodable(set(argv) - set(getattr(options, words)))
        return options

    def add_commands(self) -> Commands:
        """Adds room for subcommands; the attribute `command` gets the name of the one that was given."""
        parsers = self.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Command, prog=self.prog)
        return Commands(parsers, self.commands)

    def add_switch(self, group: Group, name: str, **options: Any) -> None:
        """Adds an option that may stand alone or be followed by True or False."""
        self.switches.add(name)
        group.add_argument(name, type=_truth, metavar="", **options)

    def add_fields(
        self, group: Group, operation: Operation, names: Iterable[str], default: Any = None, help: str = ""
    ) -> None:
        """Adds the options of an operation's fields; each attribute has the name of its field.

        Args:
            default: of an option that is left out; None: its field's, if it is a switch.
            help: their help, where this command has words of its own for it.
        """
        for name in names:
            option = operation.option(name)
            option = option._replace(help=help or option.help)
            kind = option.kind
            if kinds.plain(kind) is bool:
                unset = operation.fields[name].default if default is None else default
                self.add_switch(group, *option.flags, dest=name, default=unset, help=option.help)
                continue
            group.add_argument(
                *option.flags,
                dest=name,
                required=name in operation.needed and default is None,
                type=str if kinds.literals(kind) else _field_value(option),
                choices=kinds.few(kind),
                metavar=option.metavar,
                default=default,
                help=option.help,
                action=_Joined if option.repeated else "store",
            )

    def add_worker_options(self) -> None:
        """Adds --engine, --model and --keep-alive."""
        group = self.add_argument_group("worker")
        group.add_argument("--engine", help="the engine to use; default: the configured one")
        group.add_argument("--model", help="one of the engine's models")
        group.add_argument(
            "--keep-alive",
            metavar="TIME",
            help="how long the worker stays afterwards: seconds, 5m, 1h30m, 0 (not at all), -1 (for ever)",
        )

    def add_no_duck(self, group: Group) -> None:
        group.add_argument("--no-duck", dest="duck", action="store_false", help="do not turn other programs down")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return

        choices = [str(choice) for choice in action.choices]
        meant = did_you_mean(value, choices)
        if action.dest == "command":
            raise HushdError("bad_request", f"There is no command {value!r}{meant}: `{self.prog} --help` lists them.")
        raise ArgumentError(action, f"must be one of {', '.join(choices)}, not {value!r}{meant}")

    def _spelt_out(self, argv: Sequence[str]) -> list[str]:
        """Returns `argv` with dashes in options, and with a value after every switch, which would otherwise take the
        next FILE."""
        words: list[str] = []
        for word in argv:
            if words and words[-1] in self.switches and word.lower() in _TRUTH:
                words[-1] += f"={word}"
            elif word.startswith("--"):
                name, *value = word.split("=", 1)
                words.append("=".join([name.replace("_", "-"), *value]))
            else:
                words.append(word)
        return [f"{word}=True" if word in self.switches else word for word in words]


def ending(prog: str, examples: Sequence[tuple[str, str]], *, whole: bool, more: bool) -> str:
    """Returns the text below the options: `examples`, then exit codes and environment, or how to see them.
    `more`: whether the command has options that only its whole help shows."""
    parts = [_examples(examples)] if examples else []
    if whole:
        parts.append("Exit codes:\n" + "\n".join(f"  {code:<4}{meaning}" for code, meaning in EXIT_CODES))
        parts.append("Environment:\n" + "\n".join(f"  {name:<19}{meaning}" for name, meaning in ENVIRONMENT))
    elif more or examples:
        options = "more options, " if more else ""
        parts.append(f"`{prog} --help all` shows {options}exit codes and environment variables.")
    return "".join(f"\n{part}\n" for part in parts)


def _examples(examples: Sequence[tuple[str, str]]) -> str:
    wide = min(max(len(line) for line, _ in examples) + 2, 40)
    lines = []
    for line, does in examples:
        apart = len(line) + 2 > wide or len(line) + 2 + wide + len(does) > 2 * _WIDTH
        lines.append(f"  {line}\n  {'':{wide}}{does}" if apart else f"  {line:{wide}}{does}")
    return "Examples:\n" + "\n".join(lines)


class Formatter(argparse.HelpFormatter):
    """Formats options; one whose value may be left out is shown without a value.
    A parser makes one for each option, to check that; without a width it would import `shutil` and ask the terminal."""

    def __init__(self, prog: str, max_help_position: int = 24, width: int = 78) -> None:
        super().__init__(prog, max_help_position=max_help_position, width=width)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if action.metavar == "":
            return ", ".join(action.option_strings)
        return super()._format_action_invocation(action)


class WideFormatter(Formatter, argparse.RawDescriptionHelpFormatter):
    """Formats the help of commands with many options: texts begin further right, and descriptions keep their lines."""

    def __init__(self, prog: str, width: int = 78) -> None:
        super().__init__(prog, 30, width)


class _Help(argparse.Action):
    """`--help`, and `--help all`."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(
            option_strings, argparse.SUPPRESS, nargs="?", default=argparse.SUPPRESS, help=help, metavar=ALL
        )

    def __call__(self, parser: argparse.ArgumentParser, _: object, values: object, option: str | None = None) -> None:
        assert isinstance(parser, Parser)
        parser._print_message(parser.format_help(whole=values == ALL), sys.stdout)
        parser.exit()


class _Command(Parser):
    """The parser of a subcommand, as argparse makes it."""

    def __init__(self, prog: str, description: str, **_: object) -> None:
        super().__init__(prog, description)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parses the words that follow the subcommand, with options spelt out as in `parse`; refuses all others."""
        end = args.index("--") if "--" in args else len(args)
        parsed, others = super().parse_known_args([*self._spelt_out(args[:end]), *args[end:]], namespace)
        if others:  # the parser above would not know which options there are here
            self.error(_UNKNOWN + " ".join(others))
        return parsed, others


class _Joined(argparse.Action):
    """Joins the tables of a repeated option; a text `@FILE` in one becomes the file's path."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        for key, value in values.items():
            if isinstance(value, str) and value.startswith("@"):
                path = os.path.abspath(os.path.expanduser(value[1:]))
                if not os.path.isfile(path):
                    raise argparse.ArgumentError(self, f"{path} is not a file")
                values[key] = path
        setattr(namespace, self.dest, (getattr(namespace, self.dest, None) or {}) | values)


class Commands:
    """The subcommands of a parser; the help of each begins with its summary."""

    def __init__(self, parsers: argparse._SubParsersAction[_Command], known: dict[str, tuple[str, Parser]]) -> None:
        self._parsers, self._known = parsers, known

    def add(self, name: str, does: str, more: str = "") -> Parser:
        """Adds the command `name`.

        Args:
            does: a phrase for the list of commands.
            more: follows it in the command's own help.
        """
        description = f"{does[:1].upper()}{does[1:]}.{more and f' {more}'}"
        parser = self._parsers.add_parser(name, help=does, description=description)
        self._known[name] = does, parser
        return parser


def repeated(action: argparse.Action) -> bool:
    """Returns whether an option or word may be given several times."""
    return action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction)


def refuse_undecodable(argv: Iterable[str]) -> None:
    """Raises `bad_request` for arguments that are not valid text: Python decodes them with lone surrogates."""
    for argument in argv:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            shown = argument.encode(errors="replace").decode()
            raise HushdError("bad_request", f"The argument {shown!r} is not valid UTF-8.")


def value(kind: Kind, parse: Callable[[str], Any] | None = None, must_be: str = "") -> Callable[[str], Any]:
    """Returns a reader of an option's value, which refuses bad ones in the words of `kind`; see `kinds.from_text`."""

    def read(text: str) -> Any:
        try:
            return from_text(text, kind, parse, must_be)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    return read


def _field_value(option: Option) -> Callable[[str], Any]:
    """Returns a reader of a field's value."""
    read = value(option.kind, option.parse, option.must_be)
    none = option.none
    return read if none is NotImplemented else lambda text: none if text == "None" else read(text)


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ArgumentTypeError(f"must be True or False, not {text!r}")
    return _TRUTH[text.lower()]
