"""`hushd mcp`: serves the hosts of agents."""

from __future__ import annotations

import gc

from hushd_protocol.errors import HushdError

from . import console


def host(address: str | None, holder: str | None, patience: float | None) -> int:
    """Serves until the host closes standard input, or at `address` until a signal ends it."""
    gc.disable()  # the SDK makes 100,000 objects that live for ever: walking them cost a sixth of the start
    try:
        from hushd.mcp import server
    except ImportError as error:
        from hushd_models.installation import extra_command

        raise HushdError(
            "engine_missing", f"`hushd mcp` needs the MCP SDK ({error}): {extra_command('mcp')}."
        ) from error
    if address is not None:
        from hushd.mcp import web

        gc.freeze()
        gc.enable()
        return web.serve(address, patience, holder, console.complain)
    gc.freeze()
    gc.enable()
    return server.serve(patience, holder)
