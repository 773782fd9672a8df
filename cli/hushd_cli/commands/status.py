"""`hushd status`: the running workers and their memory, as a table or as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    from hushd.client import Client

    try:
        with Client(holder="cli", start=False) as client:
            status, endpoint = client.status(), client.link.place
    except HushdError as error:
        if error.code == "no_supervisor" and not os.environ.get("HUSHD_ENDPOINT") and paths.find().paused.exists():
            raise HushdError(error.code, f"{error.message} Speaking is paused: `hushd resume` goes on.") from error
        raise
    if options.json:
        console.write_json(status.data())
    else:
        from hushd.reports.status_table import table

        console.write(table(status, console.width(), endpoint, wide=options.wide))
        if not endpoint:  # the models of another machine are not here
            console.write("".join(f"{line}\n" for line in _warm(worker.name for worker in status.workers)))
    return 0


def _warm(workers: Iterable[str]) -> list[str]:
    """Returns a line for each model in the page cache whose engine has a models folder or a worker."""
    engines = {*engines_with_files(workers)}
    with suppress(OSError):
        engines |= {*os.listdir(paths.find().models)}
    if not engines:
        return []  # without the imports
    from hushd_cli import warm_models

    return warm_models.lines(warm_models.warm_models(engines))


def engines_with_files(workers: Iterable[str]) -> Iterator[str]:
    """Returns the engines of workers whose models are files, not parts of a package."""
    from hushd_protocol import names
    from hushd_schema import engines as specs

    for worker in workers:
        role, engine, model = names.base(worker).split("/")
        spec = specs.find(engine, role) if role in names.ENGINE_ROLES else None
        if spec and "package" not in spec.models.get(model, {}):
            yield engine


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(prog, "Show what runs, its memory, and the models in the system's cache.")
    parser.add_argument(
        "--wide", action="store_true", help="more columns: parts of the memory, process, requests, starts, crashes"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser
