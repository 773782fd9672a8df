"""`python -m hushd_desktop.spiel` is hushd's provider for Spiel; the session bus starts it."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs the provider on the session bus."""
    try:
        from jeepney.io.blocking import open_dbus_connection
    except ImportError:
        from hushd_models.installation import extra_command

        sys.exit(f"hushd's provider for Spiel needs jeepney: {extra_command('duck')}.")
    from hushd.client import Client

    from .provider import Provider

    try:
        connection = open_dbus_connection("SESSION", enable_fds=True)
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"There is no session bus that can be used ({error}).")
    with Client(holder="spiel") as client:
        Provider(connection, client).run()
    os._exit(0)


main()
