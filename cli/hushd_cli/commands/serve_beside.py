"""`hushd serve` beside a running supervisor: hands it the addresses, and stays while it serves them.

`python -m hushd_cli.commands.serve_beside KIND=ADDRESS…`: the supervisor's own program becomes this one if another
supervisor serves.
"""

from __future__ import annotations

import os
import time
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
            lines: Sequence[str] | None = _serve(client, addresses, printed=())
            while lines is not None:
                client.link.wait_lost()
                lines = _serve_again(client, addresses, lines)
        console.complain("The supervisor has left: these addresses are served no longer.")
    except (KeyboardInterrupt, SystemExit):
        pass  # Ctrl-C or a signal, which end a supervisor with 0 too
    return 0


def _serve(client: Client, addresses: Sequence[str], printed: Sequence[str]) -> Sequence[str]:
    """Makes the supervisor listen, and prints the addresses unless `printed` already; returns the printed lines."""
    from hushd_schema.status import Listeners

    listeners = Listeners.from_data(client.control("listen", *addresses)).listeners
    lines = [line for listener in listeners if (line := invitation(listener.kind, listener.address))]
    if lines != list(printed):
        console.write("".join(f"{line}\n" for line in lines))
    return lines


def _serve_again(client: Client, addresses: Sequence[str], printed: Sequence[str]) -> Sequence[str] | None:
    """Serves with the next supervisor, once it runs; returns None if none starts."""
    until = time.monotonic() + AGAIN_S
    while time.monotonic() < until:
        try:
            return _serve(client, addresses, printed)
        except HushdError as error:
            if error.code not in UNANSWERED:
                raise
        time.sleep(PAUSE_S)
    return None


if __name__ == "__main__":
    from hushd_cli.entry import serve_beside

    serve_beside()
