"""The completion for zsh."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_cli.reference import FILES, ROOTS, Argument, CommandReference

_SCRIPT = """\
#compdef %(roots)s
# Completion of hushd, say and listen for zsh: made by `hushd completion zsh`.
_hushd() {
    local typed=${words[1]:t} depth=1 place
    for ((place = 2; place < CURRENT; place++)); do
        case "$typed $words[place]" in
            (%(paths)s) typed="$typed $words[place]"; depth=$place ;;
        esac
    done
    shift $((depth - 1)) words
    ((CURRENT -= depth - 1))
    case "$typed" in
%(cases)s
    esac
}
_hushd_names() { # after the options of compadd comes the kind
    local -a names
    names=(${(f)"$(hushd completion names ${@[-1]} 2>/dev/null)"})
    compadd "${@[1,-2]}" -a names
}
if [ "$funcstack[1]" = _hushd ]; then
    _hushd "$@"
else
    compdef _hushd %(roots)s
fi
"""


def script(commands: Sequence[CommandReference]) -> str:
    """Returns the script, to be saved as `_hushd` in a folder of `fpath`, or evaluated after `compinit`."""
    return _SCRIPT % {
        "roots": " ".join(ROOTS),
        "paths": "|".join(_quoted(command.path) for command in commands if len(command.words) > 1),
        "cases": "\n".join(map(_case, commands)),
    }


def _case(command: CommandReference) -> str:
    specs = [spec for option in command.options for spec in _option(option)]
    if command.commands:
        named = " ".join(f"{name}\\:{_quoted(_escaped(does))}" for name, does in command.commands.items())
        specs.append(f"'1:command:(({named.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}))'")
    else:
        specs += [_operand(operand) for operand in command.operands]
    joined = " \\\n            ".join(specs)
    return f"        ({_quoted(command.path)}) _arguments -S \\\n            {joined} ;;"


def _option(option: Argument) -> list[str]:
    """Returns a specification for each spelling of an option; they exclude each other."""
    others = "*" if option.many else f"({' '.join(option.flags)})"
    value = f":{_escaped(option.metavar)}:{_action(option)}" if option.metavar else ""
    return [_single(f"{others}{flag}[{_escaped(option.help)}]{value}") for flag in option.flags]


def _operand(operand: Argument) -> str:
    return _single(f"{'*' if operand.many else ''}:{_escaped(operand.metavar)}:{_action(operand)}")


def _action(argument: Argument) -> str:
    if argument.choices:
        return f"({' '.join(argument.choices)})"
    if argument.names == FILES:
        return "_files"
    return f"_hushd_names {argument.names}" if argument.names else " "


def _escaped(text: str) -> str:
    for sign in "\\[]:":
        text = text.replace(sign, f"\\{sign}")
    return text


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"').replace("$", "\\$").replace("`", "\\`") + '"'
