"""The options --second-pass and --no-second-pass of commands for live speech, which override the setting
`second_pass`."""

from __future__ import annotations

import argparse
from argparse import Namespace


def add_options(group: argparse._ActionsContainer) -> None:
    """Adds both; the attribute `second_pass` is None if neither is given."""
    text = (
        "a larger model that transcribes the same again; its text replaces the first; default: the "
        "configuration's, or none"
    )
    without = "no second pass this time"
    former = argparse.SUPPRESS  # --fair and --no-fair
    for name, with_help, no_help in (("second-pass", text, without), ("fair", former, former)):
        group.add_argument(f"--{name}", dest="second_pass", metavar="MODEL", help=with_help)
        group.add_argument(f"--no-{name}", dest="second_pass", action="store_const", const="", help=no_help)


def model(options: Namespace) -> str | None:
    """Returns the model from the options, or else the configuration; None for no second pass.

    Raises:
        HushdError: `bad_request` for an error in the configuration.
    """
    if options.second_pass is not None:
        return options.second_pass or None
    from hushd_protocol.system import paths
    from hushd_schema.settings import load  # only needed for live speech

    return load(paths.find().config).second_pass or None
