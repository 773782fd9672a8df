"""--only, the person whom commands obey alone, over the setting `only`."""

from __future__ import annotations

import argparse
from argparse import Namespace


def add_option(group: argparse._ActionsContainer, does: str) -> None:
    """Adds it; `does` says what that person's voice decides."""
    group.add_argument(
        "--only", metavar="NAME", help=f"a person of `hushd people`: {does}; default: the configuration's, or anybody"
    )


def person(options: Namespace) -> str:
    """The name that the option gives, or else the configuration; empty for anybody. Raises as `obeyed`."""
    if options.only is not None:
        return str(options.only)
    from hushd_models.people import obeyed

    return obeyed()
