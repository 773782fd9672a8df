"""`hushd serve` beside a running supervisor: hands it the addresses, and stays while it serves them.

`python -m hushd_cli.commands.serve.beside KIND=ADDRESS…`: the supervisor's own program becomes this one if another
supervisor serves.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence

from hushd.client import Client
from hushd_protocol.errors import UNANSWERED, HushdError
from hushd_protocol.hosts import invitation
from hushd_schema.settings import HTTP_TOKEN

from hushd_cli.terminal import console

AGAIN_S = 10.0  # for the next supervisor, such as `hushd restart`'s
PAUSE_S = 0.2


def main(prog: str, addresses: Sequence[str]) -> int:
    """Serves until the supervisor has ended without a successor; Ctrl-C ends the addresses."""
    console.program = prog
    if os.environ.get(HTTP_TOKEN):
        raise HushdError(
            "bad_request",
            f"A supervisor runs already and takes no {HTTP_TOKEN} from here: run `hushd shutdown` first, or write the "
            "token into a file that [http] token_file names.",
        )
    try:
        with Client(holder="serve", start=False, endpoint="") as client:
            stay(client, addresses)
    except (KeyboardInterrupt, SystemExit):
        pass  # Ctrl-C or a signal, which end a supervisor with 0 too
    return 0


def stay(client: Client, addresses: Sequence[str]) -> None:
    """Stays connected to one supervisor after the other."""
    lines = serve(client, addresses, printed=())
    while True:
        client.link.wait_lost()
        try:
            lines = again(client, addresses, lines)
        except HushdError as error:
            if error.code not in UNANSWERED:
                raise
            console.complain("The supervisor has left: these addresses are served no longer.")
            return


def serve(client: Client, addresses: Sequence[str], printed: Sequence[str]) -> Sequence[str]:
    """Makes the supervisor listen, and prints the addresses unless `printed` already; returns the printed lines."""
    from hushd_schema.status import Listeners

    listeners = Listeners.from_data(client.control("listen", *addresses)).listeners
    lines = [line for listener in listeners if (line := invitation(listener.kind, listener.address))]
    if lines != list(printed):
        console.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    return lines


def again(client: Client, addresses: Sequence[str], printed: Sequence[str]) -> Sequence[str]:
    """Serves with the next supervisor, once it runs. Raises the last error if none starts."""
    pause = threading.Event()
    for _ in range(round(AGAIN_S / PAUSE_S)):
        try:
            return serve(client, addresses, printed)
        except HushdError as error:
            if error.code not in UNANSWERED:
                raise
            last = error
        pause.wait(PAUSE_S)
    raise last


if __name__ == "__main__":
    from hushd_cli.entry import serve_beside

    serve_beside()
