"""--fair and --no-fair, the options of commands that hear who speaks, over the setting `fair`."""

from __future__ import annotations

import argparse
from argparse import Namespace


def add_options(group: argparse._ActionsContainer) -> None:
    """Adds both; the attribute `fair` is None where neither is given."""
    group.add_argument(
        "--fair",
        metavar="MODEL",
        help="a larger model that reads the same once more, and whose text replaces the first; default: the "
        "configuration's, or none",
    )
    group.add_argument("--no-fair", dest="fair", action="store_const", const="", help="no larger model for this once")


def model(options: Namespace) -> str | None:
    """The model that the options name, or else the configuration; None for no fair copy.

    Raises:
        HushdError: `bad_request` for an error in the configuration.
    """
    if options.fair is not None:
        return options.fair or None
    from hushd_protocol.system import paths
    from hushd_schema.settings import load  # for who speaks

    return load(paths.find().config).fair or None
