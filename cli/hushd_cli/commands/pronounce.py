"""`hushd config pronounce`: sets how words are pronounced, for every engine and program."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted
from hushd_protocol.system import paths
from hushd_schema import pronunciations

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console


def main(prog: str, argv: Sequence[str]) -> int:
    parser = make_parser(prog)
    options = parser.parse_args(argv)
    path = paths.find().pronunciations
    if options.command is None:
        parser.print_help()
    elif options.command == "add":
        _add(path, options)
    elif options.command == "remove":
        _remove(path, options)
    else:
        _list(path, options.json)
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Set how words are pronounced, by every voice and program; dictation writes them back. The file "
        "pronunciations.txt beside the configuration has them, a line each, for you to edit.",
    )
    commands = parser.add_commands()
    added = commands.add("add", "set how a word is pronounced")
    added.add_argument("word", metavar="WORD", help="the word as written; in lower case it stands for any case")
    added.add_argument(
        "spoken", metavar="SPOKEN", help="as other words, NYOH-kee, or in the phonetic alphabet, /ˈnjɒki/"
    )
    _add_language(added)
    removed = commands.add("remove", "restore the usual pronunciation of a word")
    removed.add_argument("word", metavar="WORD")
    _add_language(removed)
    listed = commands.add("list", "list the words and their pronunciations")
    listed.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _add_language(parser: Parser) -> None:
    parser.add_argument("--language", metavar="LANG", default="", help="only for voices of this language, such as de")


def _add(path: Path, options: Namespace) -> None:
    pronunciations.changed(
        path, lambda text: pronunciations.with_entry(text, options.word, options.spoken, options.language)
    )
    console.note(f"Hear it: say {options.word!r}")


def _remove(path: Path, options: Namespace) -> None:
    def removed(text: str) -> str:
        remaining = pronunciations.without_entry(text, options.word, options.language)
        if remaining == text:
            raise HushdError(
                "bad_request", f"{path} has no {quoted(options.word)}: `hushd config pronounce list` shows what it has."
            )
        return remaining

    pronunciations.changed(path, removed)


def _list(path: Path, as_json: bool) -> None:
    entries = pronunciations.read(path)
    for mistake in entries.mistakes:
        console.complain(mistake)
    if as_json:
        console.write_json(entries.tables)
        return
    for language, table in sorted(entries.tables.items()):
        console.write(f"[{language}]\n" * bool(language))
        console.write("".join(f"{word} -> {spoken}\n" for word, spoken in table.items()))
    if not entries.tables:
        console.note("No word has a pronunciation of its own; `hushd config pronounce add WORD SPOKEN` gives one.")
