"""The option --only, the person whom commands obey, which overrides the setting `only`."""

from __future__ import annotations

import argparse
from argparse import Namespace


def add_option(group: argparse._ActionsContainer, does: str) -> None:
    """Adds the option; `does` describes the effect of the person's voice."""
    group.add_argument(
        "--only",
        metavar="NAME",
        help=f"obey only this person of `hushd people`: {does}; default: the configuration's, or anybody",
    )


def obeyed_person(options: Namespace) -> str:
    """Returns the name from the option, or else the configuration; empty for anybody. Raises as `obeyed`."""
    if options.only is not None:
        return str(options.only)
    from hushd_models.people import obeyed

    return obeyed()
