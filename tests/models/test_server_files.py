"""The files of servers: one by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_models import server_files
from hushd_protocol.system import paths
from support.refusals import hushd_error


@pytest.fixture
def folder(runtime: Path) -> Path:
    folder = paths.find().config.parent / "servers"
    folder.mkdir()
    return folder


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / f"{name}.toml").write_text("\n".join(('run = ["program", "{port}"]', *lines)))


def test_an_unknown_server_is_named_with_those_there_are(folder: Path) -> None:
    """Whatever is asked of it; where there is none, the sentence says how one is added."""
    for ask in (server_files.read, server_files.need_mb, server_files.existing):
        with hushd_error(
            "model_missing", r"There is no server 'nobody': `hushd servers add NAME -- COMMAND` adds one\."
        ):
            ask("nobody")
    write(folder, "mine", 'like = "whisper.cpp"')
    for ask in (server_files.read, server_files.need_mb, server_files.existing):
        with hushd_error("model_missing", r"There is no server 'nobody': there are mine\."):
            ask("nobody")


def test_a_server_is_found_by_its_name(folder: Path) -> None:
    """The path of its file, and the memory which that says, in the machine and on a card."""
    write(folder, "mine", 'like = "whisper.cpp"', "memory_mb = 900", "vram_mb = 400")
    assert server_files.existing("mine") == folder / "mine.toml"
    assert server_files.need_mb("mine") == (900.0, 400.0)
