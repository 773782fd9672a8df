"""--second-pass and --no-second-pass, the options of commands that hear live speech, over the setting `second_pass`."""

from __future__ import annotations

import argparse
from argparse import Namespace


def add_options(group: argparse._ActionsContainer) -> None:
    """Adds both; the attribute `second_pass` is None where neither is given."""
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
    """The model that the options name, or else the configuration; None for no second pass.

    Raises:
        HushdError: `bad_request` for an error in the configuration.
    """
    if options.second_pass is not None:
        return options.second_pass or None
    from hushd_protocol.system import paths
    from hushd_schema.settings import load  # for live speech alone

    return load(paths.find().config).second_pass or None
