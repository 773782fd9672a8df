"""Files of speech servers for tests: of the scripted one, which lies, and of real ones where they are installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psutil
from hushd_schema import server_file

LYING = Path(__file__).parent / "lying_server.py"
# A worker with the server `mine`, until its input ends. `ask` is for programs that go on from here.
PARENT = """
import sys
from hushd_models import server_files
from hushd_worker.server.exchange import Bounds
from hushd_worker.server.process import ServerProcess
from hushd_worker.usage import PrivateMemory
server = ServerProcess(server_files.read("mine"))
def ask(limit, check=lambda: None):
    with server.ask("/v1/audio/speech", b'{"input": "one"}', "application/json", check, Bounds(limit, limit)) as answer:
        return b"".join(answer.blocks())
server.start(ask, lambda note: None)
"""
WORKER = f"""{PARENT}
memory = PrivateMemory()
memory.measure()
print(server._where["port"], server._guard.pid, memory.now // 1_000_000, flush=True)
sys.stdin.read()
server.end()
"""


def write(folder: Path, name: str, *lies: str, **keys: Any) -> Path:
    """Writes `servers/NAME.toml` into `folder`, where the configuration is: the scripted server with its lies."""
    keys = {"run": [sys.executable, "-S", str(LYING), "{port}", *lies], "like": "openai"} | keys
    keys = {key: value for key, value in keys.items() if value is not None}
    path = folder / "servers" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(server_file.text_of(keys))
    return path


def listening(port: int) -> bool:
    return any(each.laddr.port == port for each in psutil.net_connections() if each.status == psutil.CONN_LISTEN)
