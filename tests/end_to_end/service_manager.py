"""A service manager in miniature: holds the listening socket, starts the supervisor when somebody comes, and again.

As systemd does with Accept=no: it looks at its socket only while the service is not running, and what waits in the
socket's queue when the service has ended starts the next one.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

# The descriptor must be 3 and LISTEN_PID our own number, which only the process itself knows.
START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "client"}
os.execv(sys.argv[2], sys.argv[2:])
"""


class ServiceManager:
    """Listens at `folder`/client.sock from construction to `stop`; `starts` are the services it has started."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.path = folder / "client.sock"
        self.starts: list[subprocess.Popen[bytes]] = []
        self.statuses: list[int] = []
        self._environment = os.environ | (environment or {})
        self._errors = open(folder / "errors", "ab")  # noqa: SIM115 - closed by `stop`
        self._socket = socket.socket(socket.AF_UNIX)
        self.path.unlink(missing_ok=True)  # as systemd does
        self._socket.bind(str(self.path))
        self._socket.listen(128)
        self._stopped, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def service(self) -> subprocess.Popen[bytes] | None:
        return self.starts[-1] if self.starts and self.starts[-1].poll() is None else None

    def stop(self) -> None:
        os.write(self._stop, b".")
        if service := self.service:
            service.send_signal(signal.SIGTERM)
        self._thread.join(30)
        self._socket.close()
        self._errors.close()
        os.close(self._stopped)
        os.close(self._stop)
        self.path.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            readable, _, _ = select.select([self._socket, self._stopped], [], [])
            if self._stopped in readable:
                return
            number = self._socket.fileno()
            command = [sys.executable, "-I", "-S", "-c", START, str(number)]
            command += [sys.executable, "-P", "-m", "hushd_supervisor"]
            self.starts.append(
                subprocess.Popen(
                    command, pass_fds=(number,), env=self._environment, stdin=subprocess.DEVNULL, stderr=self._errors
                )
            )
            self.statuses.append(self.starts[-1].wait())
