"""The image's files, as far as they can be tried without docker: its health check, and what it promises."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from support.peer import CONFIG, Start

PACKAGING = Path(__file__).parents[2] / "packaging"
DOCKERFILE = (PACKAGING / "docker/Dockerfile").read_text()


def health_check(runtime: Path) -> list[str]:
    """The command of the health check, for another runtime folder, run by this Python."""
    found = re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found
    program, *words = json.loads(found[1])
    assert program == "python"
    assert "HUSHD_RUNTIME_DIR=/tmp/hushd " in DOCKERFILE
    assert "/tmp/hushd/" in words[-1]
    return [sys.executable, *(word.replace("/tmp/hushd", str(runtime)) for word in words)]


def test_the_health_check_wakes_nothing(runtime: Path, start_supervisor: Start) -> None:
    """It succeeds where a token is needed too, starts no gateway and no worker, and fails once nobody listens."""
    started = start_supervisor(CONFIG, "--http", "127.0.0.1:0", environment={"HUSHD_HTTP_TOKEN": "sesame"})
    with started.connect() as peer:
        command = health_check(runtime)
        for _ in range(3):
            assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0
        status = peer.control("status")
        assert status["door"]["gateway"]["pid"] is None
        assert status["workers"] == []
    started.stop()
    assert subprocess.run(command, capture_output=True, timeout=60).returncode != 0


def test_what_the_image_starts_is_a_command_of_hushd(runtime: Path) -> None:
    """It refuses to serve strangers without a token, in one sentence that names the variable."""
    entry, words = (re.search(rf"^{key} (\[.*\])$", DOCKERFILE, re.MULTILINE) for key in ("ENTRYPOINT", "CMD"))
    assert entry
    assert words
    assert json.loads(entry[1]) == ["hushd"]
    code = "from hushd_cli import entry; entry.hushd()"
    environment = {name: value for name, value in os.environ.items() if name != "HUSHD_HTTP_TOKEN"}
    command = [sys.executable, "-P", "-c", code, *json.loads(words[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 2
    assert "HUSHD_HTTP_TOKEN" in done.stderr
