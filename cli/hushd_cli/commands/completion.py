"""`hushd completion`: a script with which a shell asks, at each TAB, for the words that may follow; and the answer.

The script is short and never out of date: the answer is made from the parser of the typed command, of whatever package.
Of hushd's commands that one alone is imported, while argcomplete asks one parser of all.
"""

from __future__ import annotations

import os
import re
import shlex
from argparse import Action
from collections.abc import Iterable, Mapping, Sequence

from hushd_cli import main as whole
from hushd_cli import table
from hushd_cli.arguments import Parser
from hushd_cli.reference import ROOTS, help_of, parsers, value_of
from hushd_cli.terminal import console

from .completion_names import names

_FILES = ("FILE", "PATH", "DIR", "PROGRAM")  # values that are names of files
EXIT_FILES = 1  # exit code of `hushd completion answer`: the shell completes names of files
_SCRIPTS = {
    "bash": """\
# Completion of hushd, say and listen for bash: made by `hushd completion bash`.
_hushd() {
    local offered
    if offered=$(hushd completion answer bash "${COMP_WORDS[@]:0:COMP_CWORD + 1}" 2>/dev/null); then
        mapfile -t COMPREPLY < <(printf '%s' "$offered")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]#=}")
    fi
}
complete -F _hushd hushd say listen
""",
    "zsh": """\
#compdef hushd say listen
# Completion of hushd, say and listen for zsh: made by `hushd completion zsh`.
_hushd() {
    local offered
    if offered="$(hushd completion answer zsh "${(@Q)words[1,CURRENT]}" 2>/dev/null)"; then
        local -a listed=("${(@f)offered}")
        compset -P '--[^=]#='
        _describe hushd listed
    else
        compset -P '--[^=]#='
        _files
    fi
}
if [ "$funcstack[1]" = _hushd ]; then
    _hushd "$@"
else
    compdef _hushd hushd say listen
fi
""",
    "fish": """\
# Completion of hushd, say and listen for fish: made by `hushd completion fish`.
function __hushd_answer
    hushd completion answer fish (commandline -opc) (commandline -ct) 2>/dev/null
    or __fish_complete_path (commandline -ct)
end
for program in hushd say listen
    complete -c $program -f -a '(__hushd_answer)'
end
""",
}
_EPILOG = (
    'bash: eval "$(hushd completion bash)" in ~/.bashrc. zsh: the output as _hushd in a folder of fpath, or eval after '
    "compinit. fish: hushd completion fish | source in ~/.config/fish/config.fish."
)


def main(prog: str, argv: Sequence[str]) -> int:
    if argv[:1] == ["answer"] and len(argv) > 3:
        console.silence_libraries()
        shell, *words = argv[1:]
        return _answer(shell, words)
    console.write(_SCRIPTS[make_parser(prog).parse_args(argv).shell])
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "Print a script that has a shell complete hushd, say and listen: commands, options, and the names of models, "
        "voices, languages, settings and workers. "
        "At each TAB it runs `hushd completion answer SHELL WORD…`.",
    )
    parser.epilog = _EPILOG
    parser.add_argument("shell", choices=tuple(_SCRIPTS), help="the shell")
    return parser


def _answer(shell: str, words: Sequence[str]) -> int:
    """Prints the words that may replace the last of `words`, as a shell takes them; returns the exit code."""
    *before, current = _joined(words)
    before = [os.path.basename(before[0]), *before[1:]]
    option, given, value = current.partition("=")
    if option.startswith("--") and given:
        before, current = [*before, option], value
    offered = offers(before, current)
    if offered is None:
        return EXIT_FILES
    console.write("".join(f"{line}\n" for line in _lines(shell, offered, current)))
    return 0


def _joined(words: Sequence[str]) -> list[str]:
    """Returns the words of a command line, of which bash splits `--option=value` at the sign."""
    joined: list[str] = []
    for word in words:
        if word == "=" or (joined[-1:] and joined[-1].startswith("--") and joined[-1].endswith("=")):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _lines(shell: str, offered: Mapping[str, str], current: str) -> Iterable[str]:
    if shell == "bash":  # the others choose themselves, and show what each word is for
        try:
            typed = "".join(shlex.split(current))
        except ValueError:  # an open quotation mark
            typed = current.lstrip("'\"")
        return [re.sub(r"([^\w@%+:=,./-])", r"\\\1", word) for word in offered if word.startswith(typed)]
    if shell == "fish":
        return [f"{word}\t{does}" for word, does in offered.items()]
    return [f"{word.replace(':', chr(92) + ':')}:{does}".rstrip(":") for word, does in offered.items()]


def offers(before: Sequence[str], current: str) -> Mapping[str, str] | None:
    """Returns what may follow `before` and begins as `current` does, each with its purpose; None stands for files."""
    command, rest = table.find(before[1:] if before[0] == "hushd" else before)
    if command is None:
        return _of_hushd(current) if len(before) == 1 else {}
    known = dict(parsers((command.name,), command))
    path: tuple[str, ...] = (command.name,)
    for word in rest:
        path = (*path, word) if (*path, word) in known else path
    parser, last = known[path], rest[-1] if rest else ""
    option = next((each for each in parser.shown if last in each.option_strings and value_of(parser, each)), None)
    if option:
        return _values(path, parser, option, ())
    if current.startswith("-"):
        return _flags(parser)
    if parser.commands:
        return {name: does for name, (does, _) in parser.commands.items()}
    words = [word for word in rest[len(path) - 1 :] if not word.startswith("-")]
    operand = next((each for each in parser.shown if not each.option_strings), None)
    return _values(path, parser, operand, words) if operand else {}


def _of_hushd(current: str) -> Mapping[str, str]:
    """Returns the commands of `hushd`, or its options."""
    if current.startswith("-"):
        return _flags(whole.make_parser(ROOTS[0]))
    return {command.name: command.summary for command in table.every() if not command.hidden}


def _flags(parser: Parser) -> Mapping[str, str]:
    return {flag: help_of(parser, option) for option in parser.shown for flag in option.option_strings}


def _values(path: Sequence[str], parser: Parser, action: Action, before: Sequence[str]) -> Mapping[str, str] | None:
    """Returns what an option or a word of a command takes, after the words `before`; None stands for files."""
    if action.choices:
        return dict.fromkeys(map(str, action.choices), "")
    return None if value_of(parser, action) in _FILES else names(path, action.option_strings, before)
