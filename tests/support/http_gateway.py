"""The gateway's HTTP application as a process, on a listening socket that a test made: `-m http_gateway FD`."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

from support import python_path, warm
from support.peer import BOUND_S

HERE = Path(__file__)


class HttpGateway:
    """A running gateway, with its log and its uploads in `folder`; `url` ends in /v1."""

    def __init__(self, folder: Path, **environment: str) -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._log = folder / "gateway.log"
        self._uploads = folder / "uploads"
        self._uploads.mkdir(exist_ok=True)
        whole = os.environ | {"TMPDIR": str(self._uploads)} | environment
        with open(self._log, "ab") as output:
            self.process = warm.Popen(
                [sys.executable, "-P", "-m", "http_gateway", str(listener.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(listener.fileno(),),
                stdout=output,
                stderr=output,
                env=whole | {"PYTHONPATH": python_path.first(HERE.parent, HERE.parents[1])},
            )
        listener.close()

    def log(self) -> str:
        return self._log.read_text()

    def connect(self) -> socket.socket:
        """A connection that waits for no answer longer than the tests do."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=BOUND_S)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def uploads(self) -> list[str]:
        return os.listdir(self._uploads)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(BOUND_S)


async def main(listener: socket.socket) -> None:
    import uvicorn
    from hushd import AsyncClient
    from hushd_gateway.http import create_app
    from hushd_protocol.system.paths import find
    from hushd_schema import settings as schema

    async with AsyncClient(holder="gateway") as client:
        app = create_app(client, schema.load(find().config), os.environ.get("TOKEN", ""))
        options = uvicorn.Config(app, http="h11", ws="wsproto", lifespan="off", log_level="warning", access_log=False)
        await uvicorn.Server(options).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main(socket.socket(fileno=int(sys.argv[1]))))
