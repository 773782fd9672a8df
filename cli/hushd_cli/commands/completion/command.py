"""`hushd completion`: prints scripts for shells to complete hushd's commands, made from their parsers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from hushd_protocol.errors import HushdError

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

_SHELLS = ("bash", "zsh", "fish")
_NAMES = "names"
_EPILOG = (
    'bash: eval "$(hushd completion bash)" in ~/.bashrc. zsh: the output as _hushd in a folder of fpath, or eval after '
    "compinit. fish: hushd completion fish | source in ~/.config/fish/config.fish."
)


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    if options.shell == _NAMES:
        from .values import KINDS, values

        if options.kind not in KINDS:
            raise HushdError("bad_request", f"`{prog} {_NAMES}` takes one of {', '.join(KINDS)}.")
        console.silence_libraries()
        console.write("".join(f"{name}\n" for name in values(options.kind)))
        return 0
    from hushd_cli.reference import completed

    console.write(import_module(f"hushd_cli.commands.completion.{options.shell}").script(completed()))
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Print a script that has a shell complete hushd, say and listen: commands, options, and the names of models, "
        f"voices, workers and devices. `{_NAMES} KIND` prints the names of a kind, as the scripts ask for them.",
    )
    parser.epilog = _EPILOG
    parser.add_argument("shell", choices=(*_SHELLS, _NAMES), help="the shell")
    parser.add_argument("kind", nargs="?", metavar="KIND", help=f"with {_NAMES}: such as voices or workers")
    return parser
