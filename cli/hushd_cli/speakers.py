"""The option --speaker, and the setting `[speakers]`: recordings of the speakers whom a transcript calls by name."""

from __future__ import annotations

import argparse
from argparse import ArgumentTypeError, Namespace

from hushd.client import Client


def add_option(group: argparse._ActionsContainer) -> None:
    """Adds the option, which may be repeated; `speaker` is a list of names with paths, or None."""
    group.add_argument(
        "--speaker",
        action="append",
        type=_named,
        metavar="NAME=FILE",
        help="name the voice in FILE; implies --diarize",
    )


def voiceprints(client: Client, options: Namespace) -> dict[str, str] | None:
    """Returns the voiceprints of the speakers in the options and the configuration, by name; None without --diarize.

    Raises:
        HushdError: `bad_request` for a recording without one voice, or an error in the configuration.
    """
    if not options.diarize:
        return None
    from hushd.verbs.speech import configured

    recordings = configured() | dict(options.speaker or ())
    worker = {"engine": options.engine, "model": options.model, "keep_alive": options.keep_alive}
    return client.voiceprints(recordings, **worker) or None


def _named(text: str) -> tuple[str, str]:
    from hushd_schema.results import is_name

    name, _, path = text.partition("=")
    if not (is_name(name) and path):
        raise ArgumentTypeError(f"{text!r} is not a name and a file, as in Ann=ann.wav")
    return name, path
