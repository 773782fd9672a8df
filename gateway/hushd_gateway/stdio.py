"""`hushd serve --wyoming stdio://`: Wyoming on standard input and output, for the program that started it."""

from __future__ import annotations

import asyncio
import os
import selectors
import sys
from contextlib import suppress

from hushd import AsyncClient
from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from hushd_schema.settings import STDIO, load
from hushd_schema.settings.access import check_packages

EXIT_INTERRUPTED = 130


def main() -> int:
    """Serves until the end of standard input; returns the exit status."""
    try:
        check_packages("wyoming", STDIO)
        asyncio.run(_serve())
    except HushdError as error:
        print(f"hushd serve: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


async def _serve() -> None:
    """Serves standard input; finishes the request that is running when the input ends."""
    from .wyoming import serve_connection

    settings = load(find().config)
    reader, writer = await _streams()
    async with AsyncClient(holder="gateway") as client:
        await serve_connection(reader, writer, client=client, settings=settings, listener=STDIO)
    with suppress(OSError):
        writer.close()
        await writer.wait_closed()


async def _streams() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Returns streams for standard input and output; prints go to standard error from now on."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    try:
        with selectors.DefaultSelector() as selector:  # asyncio only logs that it cannot wait for /dev/null
            selector.register(sys.stdin, selectors.EVENT_READ)
        output = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())  # a writer's `drain` needs it
        transport, _ = await loop.connect_write_pipe(lambda: protocol, output)
    except (ValueError, OSError):
        raise HushdError(
            "bad_request", "Standard input and output must be pipes here: start it from a program that speaks Wyoming."
        ) from None
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


if __name__ == "__main__":
    sys.exit(main())
