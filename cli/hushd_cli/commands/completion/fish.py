"""The completion for fish."""

from __future__ import annotations

from collections.abc import Sequence

from hushd_cli.reference import FILES, ROOTS, Argument, CommandReference

_HEAD = """\
# Completion of hushd, say and listen for fish: made by `hushd completion fish`.
function __hushd_at
    set -l words (commandline -opc)
    set -l found (string replace -r '.*/' '' -- $words[1])
    for word in $words[2..-1]
        switch "$found $word"
            case %(paths)s
                set found "$found $word"
        end
    end
    test "$found" = "$argv"
end
"""


def script(commands: Sequence[CommandReference]) -> str:
    """Returns the script, to be saved as `hushd.fish`, `say.fish` and `listen.fish`, or sourced."""
    head = _HEAD % {"paths": " ".join(_quoted(command.path) for command in commands if len(command.words) > 1)}
    lines = [f"complete -c {root} -f" for root in ROOTS]
    return "\n".join([head, *lines, *(line for command in commands for line in _lines(command)), ""])


def _lines(command: CommandReference) -> list[str]:
    condition = f"complete -c {command.words[0]} -n {_quoted(f'__hushd_at {command.path}')}"
    lines = [f"{condition} -a {_quoted(name)} -d {_quoted(does)}" for name, does in command.commands.items()]
    lines += [
        f"{condition} {_spellings(option)}{_value(option)} -d {_quoted(option.help)}" for option in command.options
    ]
    if not command.commands:
        lines += [
            f"{condition}{value}" for operand in command.operands[:1] if (value := _value(operand, required=False))
        ]
    return lines


def _spellings(option: Argument) -> str:
    return " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)


def _value(argument: Argument, *, required: bool = True) -> str:
    if not argument.metavar:
        return ""
    needed = " -r" if required else ""
    if argument.names == FILES:
        return f"{needed} -F"
    if argument.choices:
        return f"{needed} -a {_quoted(' '.join(argument.choices))}"
    return f"{needed} -a '(hushd completion names {argument.names} 2>/dev/null)'" if argument.names else needed


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
