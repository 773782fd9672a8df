"""`hushd yield`: workers leave graphics cards to another program, and keep away from them for a while."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from hushd_protocol.errors import HushdError

from hushd.client import Client
from hushd.yielded import Yielded, options

from . import console

GONE = ("no_supervisor", "supervisor_lost", "shutting_down")


def yield_vram(asked: Namespace) -> None:
    """Prints the result in one line.

    Raises:
        HushdError: `server_busy` where less than was asked for is free.
    """
    wanted = options(asked.vram, asked.card, asked.keep_away)
    try:
        with Client(holder="cli", start=False) as client:
            result = client.yield_vram(asked.vram, card=asked.card, keep_away=asked.keep_away)
    except HushdError as error:
        if error.code not in GONE:
            raise
        result = Yielded((), (), {}, wanted["for_s"])  # without a supervisor there is no worker
    console.write((json.dumps(asdict(result)) if asked.json else result.sentence()) + "\n")
    if short := result.short_of(wanted["vram"]):
        names = ", ".join(card.device for card in short)
        why = "busy workers leave later" if result.busy else "other programs hold the rest"
        raise HushdError("server_busy", f"Less than {asked.vram} is free on {names}: {why}.")
