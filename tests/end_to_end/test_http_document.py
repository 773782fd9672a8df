"""docs/SERVING.md and FROM-OPENAI.md: their lines and programs run as they stand, with the real engines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_schema import settings as schema
from support import moonshine_once
from support.outside import needs
from support.peer import BOUND_S, Peer, check_nothing_is_left, wait_until
from support.recordings import recording

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (DOCS / "FROM-OPENAI.md", DOCS / "SERVING.md")
PORT = 8000  # of the pages
OPEN_WEBUI = """\
curl -sf $base/audio/models
curl -sf $base/audio/voices
curl -sf $base/audio/speech -H 'Content-Type: application/json' -H 'Authorization: Bearer TOKEN' \\
  -d '{"model": "tts-1", "input": "Hello there.", "voice": "alloy"}' -o speech.mp3
curl -sf $base/audio/transcriptions -H 'Authorization: Bearer TOKEN' \\
  -F file=@speech.mp3 -F model=whisper-1 -F language=en
"""  # the calls that its documentation names


def blocks(language: str) -> list[tuple[str, str]]:
    """The page's name and the text of each block in a language."""
    found = [
        (page.stem, text)
        for page in PAGES
        for text in re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    ]
    assert found
    return found


@pytest.fixture(scope="module")
def room(home: Path) -> Path:
    """A private runtime folder, with a recording; the variables lead there. The default engine hears the same once."""
    shutil.copy(recording(), home)
    (home / "config.toml").write_text(moonshine_once.configuration())
    return home


@pytest.fixture(scope="module")
def address(room: Path) -> Iterator[str]:
    with open(room / "serve.log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "hushd", "serve", "--http", "127.0.0.1:0"], stdout=log, stderr=log
        )
    wait_until(lambda: (room / "client.sock").exists() or server.poll() is not None, "a supervisor")
    with Peer(room / "client.sock") as peer:
        (row,) = peer.control("status")["door"]["listeners"]
    yield row["address"]
    server.terminate()
    server.wait(BOUND_S)
    check_nothing_is_left(room)


def run(command: list[str], room: Path) -> str:
    done = subprocess.run(command, cwd=room, env=os.environ, capture_output=True, text=True, timeout=4 * BOUND_S)
    assert done.returncode == 0, (command[-1], done.stdout, done.stderr)
    return done.stdout


@needs("curl")
def test_every_curl_line_is_answered(room: Path, address: str) -> None:
    """Each succeeds, in the pages' order, with the files of the lines before."""
    printed = ""
    for _, lines in [*blocks("bash"), ("Open WebUI", OPEN_WEBUI)]:
        lines = lines.replace(f"127.0.0.1:{PORT}", address)
        printed += run(["bash", "-ec", f"base=http://{address}/v1\n{lines}"], room)
    for shown in ("Hello", "00:00:00,", "transcript.text.done", '"object":"list"'):
        assert shown.replace('":', '": ') in printed or shown in printed, shown
    assert (room / "hello.mp3").stat().st_size > 5000


def test_every_program_runs(room: Path, address: str) -> None:
    """Those of the openai package, one after the other; the second hears what the first has spoken."""
    (first,) = (text for _, text in blocks("python") if "from openai import" in text)
    second = (DOCS / "examples/openai_realtime.py").read_text()
    for program in (first, second):
        printed = run([sys.executable, "-c", program.replace(f"127.0.0.1:{PORT}", address), "hello.wav"], room)
        assert "friend" in printed


def test_every_table_is_a_configuration(tmp_path: Path) -> None:
    """hushd reads them without a complaint, and they say what the pages say."""
    for page, text in blocks("toml"):
        path = tmp_path / "config.toml"
        path.write_text(text)
        http = schema.load(path).http
        table = tomllib.loads(text).get("http", {})
        for name, value in table.items():
            found = getattr(http, name)
            assert (dict(found) if isinstance(value, dict) else found) in (value, tuple(value)), page
