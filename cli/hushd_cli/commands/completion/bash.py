"""The completion for bash, which does not need bash-completion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hushd_cli.reference import FILES, ROOTS, Argument, CommandReference

_SCRIPT = """\
# Completion of hushd, say and listen for bash: made by `hushd completion bash`.
_hushd() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} path=${COMP_WORDS[0]##*/} place word
    for ((place = 1; place < COMP_CWORD; place++)); do
        word=${COMP_WORDS[place]}
        case "$path $word" in
            %(paths)s) path="$path $word" ;;
        esac
    done
    if [ "$current" = = ]; then
        current=
    elif [ "$before" = = ]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    case "$path $before" in
%(values)s
    esac
    if [[ $current == -* ]]; then
        case "$path" in
%(options)s
        esac
        return
    fi
    case "$path" in
%(words)s
    esac
}
_hushd_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}
_hushd_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
_hushd_names() {
    local IFS=$'\\n' name plain
    plain=$(printf '%%b' "${current//\\\\ / }")
    for name in $(hushd completion names "$1" 2>/dev/null); do
        [[ $name == "$plain"* ]] && COMPREPLY+=("$(printf '%%q' "$name")")
    done
}
complete -F _hushd %(roots)s
"""


def script(commands: Sequence[CommandReference]) -> str:
    """Returns the script, for bash or bash-completion."""
    values = [
        f"        {_either(f'{command.path} {flag}' for flag in option.flags)}) {action}; return ;;"
        for command in commands
        for option in command.options
        if option.metavar and (action := _action(option) or ":")
    ]
    options = [
        f"            {_quoted(command.path)}) _hushd_words {_quoted(' '.join(_flags(command)))} ;;"
        for command in commands
    ]
    words = [f"        {_quoted(command.path)}) {action} ;;" for command in commands if (action := _operands(command))]
    return _SCRIPT % {
        "paths": _either(command.path for command in commands if len(command.words) > 1),
        "values": "\n".join(values),
        "options": "\n".join(options),
        "words": "\n".join(words),
        "roots": " ".join(ROOTS),
    }


def _flags(command: CommandReference) -> list[str]:
    return [flag for option in command.options for flag in option.flags]


def _operands(command: CommandReference) -> str:
    if command.commands:
        return f"_hushd_words {_quoted(' '.join(command.commands))}"
    return "; ".join(filter(None, map(_action, command.operands[:1])))


def _action(argument: Argument) -> str:
    if argument.choices:
        return f"_hushd_words {_quoted(' '.join(argument.choices))}"
    if argument.names == FILES:
        return "_hushd_files"
    return f"_hushd_names {argument.names}" if argument.names else ""


def _either(words: Iterable[str]) -> str:
    return " | ".join(map(_quoted, words))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`") + '"'
