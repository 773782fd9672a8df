"""--only, the one person whom commands obey, over the setting `only`."""

from __future__ import annotations

import argparse
from argparse import Namespace


def add_option(group: argparse._ActionsContainer, does: str) -> None:
    """Adds it; `does` says what that person's voice decides."""
    group.add_argument(
        "--only",
        metavar="NAME",
        help=f"obey this person of `hushd people` alone: {does}; default: the configuration's, or anybody",
    )


def obeyed_person(options: Namespace) -> str:
    """Returns the name that the option gives, or else the configuration; empty for anybody. Raises as `obeyed`."""
    if options.only is not None:
        return str(options.only)
    from hushd_models.people import obeyed

    return obeyed()
