"""A real Ray cluster of several nodes on this machine, each with its own hushd: `ray_cluster.py FOLDER…`, one a node.

Run as a program it starts the nodes, prints the cluster's address, and for each line `N` that it reads kills node N;
for `metrics N` it prints the port of that node's figures. At the end of its input it ends all of them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from support import python_path, warm
from support.peer import BOUND_S, Peer, processes, wait_until

HERE, TESTS = Path(__file__), Path(warm.__file__).parents[1]
ADDRESS = "127.0.0.2"  # Ray takes 127.0.0.1 for a name of the machine's own address
MEMORY = 80 * 1024 * 1024  # bytes of each node's object store


class RayCluster:
    """Nodes, of one CPU each; `folders` are their hushd's, where `config` is the configuration. A context manager.

    The first node is the head, which commands run on; it cannot be killed. `variables` are of all of them.
    """

    def __init__(self, nodes: int, config: str = "", variables: Mapping[str, str] | None = None) -> None:
        self._variables = dict(variables or {})
        self.folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))  # Ray's sockets have long names below it
        self.folders = [self.folder / f"h{number}" for number in range(nodes)]
        for folder in self.folders:
            folder.mkdir(mode=0o700)
            (folder / "config.toml").write_text(config)
        self._started: list[subprocess.Popen[str]] = []
        self.errors = self.folder / "errors"
        with open(self.errors, "wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE), *map(str, self.folders)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ
                | self._variables
                | {"RAY_TMPDIR": str(self.folder), "PYTHONPATH": python_path.first(TESTS)},
                text=True,
                start_new_session=True,
            )
        self.address = self._line()
        assert self.address, self.errors.read_text()

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def environment(self, node: int = 0) -> dict[str, str]:
        """The environment of commands on a node."""
        return {
            **os.environ,
            **self._variables,
            **of_hushd(self.folders[node]),
            "RAY_ADDRESS": self.address,
            "RAY_TMPDIR": str(self.folder),
        }

    def hushd(self, *words: str, node: int = 0, **options: Any) -> subprocess.Popen[str]:
        command = [str(Path(sys.executable).parent / "hushd"), *words]
        pipe = subprocess.PIPE
        process = warm.Popen(command, env=self.environment(node), stdout=pipe, stderr=pipe, text=True, **options)
        self._started.append(process)
        return process

    def done(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.end(self.hushd(*words))

    def end(
        self, process: subprocess.Popen[str], limit_s: float = 3 * BOUND_S, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Waits for a command's end; `text` is its standard input."""
        with process:
            try:
                out, errors = process.communicate(text, timeout=limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    def requests(self, node: int, what: str = "requests") -> int:
        """The number of requests that a node's workers had, or of those that are `running`; 0 without a supervisor."""
        if not self.folders[node].joinpath("client.sock").exists():
            return 0
        with Peer(self.folders[node] / "client.sock") as peer:
            return sum(row[what] for row in peer.control("status")["workers"])

    def metrics(self, node: int) -> str:
        """A node's figures, as Prometheus reads them."""
        with urllib.request.urlopen(
            f"http://{ADDRESS}:{self._ask(f'metrics {node}')}/metrics", timeout=BOUND_S
        ) as page:
            return str(page.read().decode())

    def kill(self, node: int) -> None:
        assert self._ask(str(node)) == str(node)
        end(self.folders[node])

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()
        try:
            assert self._process.stdin
            self._process.stdin.close()
            self._process.wait(BOUND_S)
        finally:
            for folder in self.folders:
                end(folder)
            self._process.kill()
            self._process.wait()
            assert self._process.stdout
            self._process.stdout.close()
        wait_until(lambda: not any(map(remains, self.folders)), "the end of the nodes' processes")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, line: str) -> str:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        output: IO[str] | None = self._process.stdout
        assert output
        return output.readline().strip()


def of_hushd(folder: Path) -> dict[str, str]:
    return {
        "HUSHD_RUNTIME_DIR": str(folder), "HUSHD_STATE_DIR": str(folder / "state"),
        "HUSHD_CONFIG": str(folder / "config.toml"), "HUSHD_AUTOSTART": "1", "TMPDIR": str(folder),
    }  # fmt: skip


def remains(folder: Path) -> dict[int, list[str]]:
    """The processes of a node: all that have its folder in their environment."""
    return processes(f"HUSHD_RUNTIME_DIR={folder}\0".encode())


def end(folder: Path) -> None:
    """Kills the remains of a node."""
    for pid in remains(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def main(folders: list[str]) -> None:
    from ray.cluster_utils import Cluster

    def node(folder: str) -> dict[str, Any]:
        return {
            "num_cpus": 1, "node_ip_address": ADDRESS, "object_store_memory": MEMORY, "include_dashboard": False,
            "env_vars": of_hushd(Path(folder)),
        }  # fmt: skip

    head = node(folders[0]) | {"_system_config": {"metrics_report_interval_ms": 1000}}
    cluster = Cluster(initialize_head=True, head_node_args=head, shutdown_at_exit=True)
    nodes = [cluster.head_node, *(cluster.add_node(**node(folder)) for folder in folders[1:])]
    print(cluster.address, flush=True)
    for line in sys.stdin:
        word, _, number = line.strip().rpartition(" ")
        if word == "metrics":
            print(nodes[int(number)].metrics_export_port, flush=True)
            continue
        cluster.remove_node(nodes[int(number)], allow_graceful=False)
        print(number, flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
