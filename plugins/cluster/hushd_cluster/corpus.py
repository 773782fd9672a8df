"""`hushd cluster transcribe`: a corpus from its recordings to the report of the run."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from hushd.verbs.requests import transcribe_params
from hushd_cli.commands.listen.options import transcribe_options
from hushd_cli.terminal import console
from hushd_protocol.errors import CODES, HushdError

from . import session, sources
from .claim import claimed
from .figures import Figures
from .outputs import Outputs
from .recording import SET_ASIDE, Recording, shown
from .spread import Spread

MAX_COMPLAINTS = 100  # recordings set aside that are named at the end of a run


def transcribe(options: Namespace) -> int:
    """Transcribes a corpus; returns the highest exit code of the recordings set aside."""
    source = _source(options)
    outputs = Outputs(options.output, options.format)
    params = transcribe_params(transcribe_options(options)) | {
        name: getattr(options, name) for name in ("engine", "model")
    }
    with claimed(options.output):
        return _transcribe(options, source, outputs, params)


def _transcribe(options: Namespace, source: sources.Source, outputs: Outputs, params: Mapping[str, Any]) -> int:
    recordings, passed = left(source, outputs, options.retry)
    line = console.StatusLine()

    def report(figures: Figures) -> None:
        line.show(lambda _: figures.line())

    with session.connected(options.address, or_local=True):
        spread = Spread(recordings, outputs, params, is_mixed=source.is_mixed, cpus=options.cpus, report=report)
        try:
            spread.run()
        except KeyboardInterrupt:
            line.clear()
            console.note("Run the same command to continue.")
            raise
        finally:
            line.clear()
            outputs.keep()
    return _report(options, source, spread, passed)


def _source(options: Namespace) -> sources.Source:
    """Returns the corpus that the command line names."""
    if (options.corpus is None) == (options.manifest is None):
        raise HushdError(
            "bad_request", "Name a folder with recordings, its URL, or --manifest FILE.jsonl: one of them."
        )
    if options.manifest is not None:
        return sources.Manifest(options.manifest)
    return sources.Folder(options.corpus, options.output)


def left(source: sources.Source, outputs: Outputs, retry: bool) -> tuple[list[Recording], list[str]]:
    """Returns the recordings without a transcript, and the names of those that were set aside by an earlier run.
    Raises HushdError if the corpus or its transcripts cannot be read.
    `retry`: whether those set aside are tried again, and so among the first."""
    new = [recording for recording in source.recordings() if not outputs.is_done(recording)]
    passed = [] if retry else [recording.name for recording in new if recording.name in outputs.set_aside]
    return [recording for recording in new if retry or recording.name not in outputs.set_aside], passed


def _report(options: Namespace, source: sources.Source, spread: Spread, passed: list[str]) -> int:
    """Says what came of a run; returns the exit status."""
    for host, error in spread.left_out.items():
        console.complain(f"The node {host} was left out, since it failed where others did not: {error.message}")
    for name, failure in list(spread.failed.items())[:MAX_COMPLAINTS]:
        console.complain(f"{name}: {failure.message}")
    aside = f"{shown(options.output)}/{SET_ASIDE}"
    if (more := len(spread.failed) - MAX_COMPLAINTS) > 0:
        console.complain(f"{more} more were set aside: {aside} has them.")
    if passed:
        console.complain(f"{len(passed)} set aside before, in {aside}: --retry tries them again.")
    for sentence in source.faults[:MAX_COMPLAINTS]:
        console.complain(sentence)
    if (more := len(source.faults) - MAX_COMPLAINTS) > 0:
        console.complain(f"{more} more are wrong.")
    if options.json:
        console.write_json(spread.figures.data())
    else:
        console.write(spread.figures.text() + "\n")
    exits = [failure.exit for failure in spread.failed.values()]
    exits += [spread.outputs.set_aside[name].exit for name in passed]
    return max([0, *exits, *([CODES["bad_request"].exit] if source.faults else [])])
