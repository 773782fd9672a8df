"""`hushd models pull`: downloads models."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from hushd_models import advice
from hushd_models.inventory import Row

from hushd_cli.arguments import Commands
from hushd_cli.terminal import console
from hushd_cli.terminal.progress import DownloadLine

if TYPE_CHECKING:
    from hushd_schema.operations.models import ModelResult

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
    with _Shown(options.json) as display:
        for row in rows:
            if _comes(row):
                from hushd_schema.operations.models import ModelResult

                display.came(ModelResult(model=row.model, size=row.size, location=str(row.path or "")), _offer(row))
            else:
                progress = display.progress(row.model)
                display.came(display.client.pull(row.model, on_progress=progress))
    return 0


class _Shown:
    """A client that shows its work on models, and collects the results.

    Attributes:
        models: the worker's result for each finished model.

    Args:
        as_json: prints all results together, at the end.
    """

    def __init__(self, as_json: bool) -> None:
        from hushd.client import Client  # not needed for a list or a wrong name

        self.client = Client(holder="cli")
        self.models: list[ModelResult] = []
        self._as_json = as_json
        self._line = DownloadLine()

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._line.clear()
        self.client.close()
        if kind is None and self._as_json:
            console.write_json([model.data() for model in self.models])
        if kind is KeyboardInterrupt:
            console.note("The part that has arrived is kept: the same command continues from there.")

    def progress(self, model: str) -> Callable[[str, float, float], None]:
        """Returns a callback for the steps and bytes of `model`."""

        def show(what: str, done: float, total: float) -> None:
            self._line(model if total else what or model, done, total)

        return show

    def came(self, model: ModelResult, sentence: str = "") -> None:
        """Takes the worker's result for a model that has arrived; prints its place, or the sentence."""
        self.models.append(model)
        self._line.clear()
        if not self._as_json:
            console.write(f"{sentence or f'{model.model}: {model.location}'}\n")


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
