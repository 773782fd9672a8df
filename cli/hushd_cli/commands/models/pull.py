"""`hushd models pull` downloads models."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hushd.client import Client
from hushd_models import advice
from hushd_models.inventory import Row
from hushd_schema.operations.models import ModelResult

from hushd_cli.arguments import Commands
from hushd_cli.terminal import console
from hushd_cli.terminal.progress import pulled

if TYPE_CHECKING:
    from .recommend import ModelIndex


def add_arguments(commands: Commands) -> None:
    """Adds the subcommands to those of `hushd models`."""
    pulled = commands.add("pull", "download models, or continue an interrupted download")
    pulled.add_argument("names", nargs="+", metavar="NAME", help="ENGINE/NAME, such as faster-whisper/base")
    pulled.add_argument("--dry-run", action="store_true", help="only print the source, the size and the licence")
    pulled.add_argument("--json", action="store_true", help="print JSON, for programs")


def pull(index: ModelIndex, options: argparse.Namespace) -> int:
    """Downloads models one after the other; prints the cost of each beforehand."""
    rows = [index.row(name) for name in options.names]  # checks all names before it requests any
    if options.dry_run:
        if options.json:
            console.write_json([index.as_json(row) for row in rows])
        else:
            console.write("".join(f"{_offer(row)}\n" for row in rows))
        return 0
    for row in rows:
        if not _comes(row):
            console.note(_offer(row))
    lacking = {row.engine: str(index.as_json(row)["install"]) for row in rows}
    for engine, command in lacking.items():
        if command:
            console.complain(f"The engine {engine}, which runs this, is not installed: {command}.")

    models = []
    try:
        with Client(holder="cli") as client:
            for row in rows:
                if _comes(row):
                    models.append(ModelResult(model=row.model, size=row.size, location=str(row.path or "")))
                else:
                    models.append(pulled(client, row.model))
                if not options.json:
                    console.write(f"{_offer(row) if _comes(row) else f'{row.model}: {models[-1].location}'}\n")
    except KeyboardInterrupt:
        console.note("The part that has arrived is kept: the same command continues from there.")
        raise
    if options.json:
        console.write_json([model.data() for model in models])
    return 0


def _comes(row: Row) -> bool:
    """Returns whether a model is not downloaded, since it comes with its engine or the system."""
    return row.state == "embedded" or row.origin == "system"


def _offer(row: Row) -> str:
    """Returns a sentence with the size, licence and source of a model to pull."""
    if _comes(row):
        return f"{row.model} is installed already: it comes with its engine."
    if row.known is None:
        return f"{row.model} was put here by hand."
    cost = f" ({row.known.cost})" if row.known.cost else ""
    return f"{row.model}{cost} from {row.known.repository or row.known.url or advice.command(row.known)}"
