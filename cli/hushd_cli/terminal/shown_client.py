"""A client that shows at the terminal what its requests wait for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hushd_models import languages
from hushd_protocol.system import paths

from .console import StatusLine
from .progress import download_line

if TYPE_CHECKING:
    from hushd.client import Client

    from .progress import DownloadLine


@contextmanager
def shown_client(*inputs: str, role: str = "") -> Iterator[Client]:
    """Yields a client that shows what its requests wait for, also a model's download.

    The supervisor, or the worker where one runs, starts while the client is imported.

    Args:
        inputs: files, or `-`, without which the command fails.
        role: of the first request's worker, if that request names no more.
    """
    here = paths.find()
    is_elsewhere = os.environ.get("HUSHD_ENDPOINT") or here.attached.exists()
    if not is_elsewhere and all(name == "-" or (os.path.exists(name) and not os.path.isdir(name)) for name in inputs):
        line = " ".join([role, *languages.of_session()]) if role else ""
        if not here.client_socket.exists():
            from hushd.transport import autostart  # noqa: PLC0415 - where no supervisor runs

            autostart.begin(here, line)
        elif line and paths.is_private(here.runtime):
            with suppress(OSError):  # no supervisor reads it
                pipe = os.open(here.expected, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                os.write(pipe, f"{line}\n".encode())
                os.close(pipe)
    from hushd.client import Client  # noqa: PLC0415 - imported while the supervisor or the worker starts

    waits = StatusLine()
    downloads: DownloadLine | None = None

    def show(note: str) -> None:
        waits.show(lambda columns: f"{note} …"[: max(0, columns - 1)]) if note else waits.clear()

    def show_download(model: str, done: float, total: float) -> None:
        nonlocal downloads

        downloads = download_line()
        downloads(model, done, total)

    try:
        with Client(holder="cli", on_pull=show_download, on_wait=show) as client:
            yield client
    finally:
        waits.clear()
        if downloads:
            downloads.clear()
