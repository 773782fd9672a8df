"""examples/doorbell.py and long_commands.py: what happens is said, and by whom is decided by the floor."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import urllib.error
import urllib.request

import hushd
import psutil
import pytest
from support.outside import lacking
from support.peer import wait_until

from .room import EXAMPLES, LIMIT_S, Room, ended

pytestmark = pytest.mark.timeout(2 * LIMIT_S)


def test_a_line_rings(room: Room) -> None:
    """Each line of standard input is said, and the end of it is the program's."""
    assert ended(room.start("doorbell.py", stdin=subprocess.PIPE), "The post is here.\n\n") == ""
    assert room.sounds() == 2


def test_a_post_rings_at_once(room: Room) -> None:
    """Another program that speaks is interrupted for it; a web page cannot ring."""
    process = room.start("doorbell.py", "--http", "0")
    assert process.stdout
    address = process.stdout.readline().strip()
    foreign = urllib.request.Request(address, b"Boo!", {"Origin": "https://example.org"})
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(foreign, timeout=LIMIT_S)
    refused.value.close()
    with hushd.Client() as client, client.floor("speaker", priority="text") as floor:
        urllib.request.urlopen(urllib.request.Request(address, b"A parcel is here."), timeout=LIMIT_S).close()
        wait_until(lambda: not floor.held, "the interruption", LIMIT_S)
        with pytest.raises(hushd.HushdError, match="more urgent"):
            floor.keep()
    room.wait_for_sounds(1)
    assert room.sounds() == 1


SHELLS = {"bash": ["bash", "--noprofile", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"]}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_tells_of_a_long_command(room: Room, shell: str) -> None:
    """It tells the exit code, which whoever comes next has too, the seconds and the name; short ones are passed
    over."""
    if absent := lacking(shell):
        pytest.skip(f"not installed: {absent}")
    told, log = room.folder / "told", room.folder / "log"
    told.write_text(f'echo "$@" >>{log}\n')
    program = shlex.join([sys.executable, str(EXAMPLES / "long_commands.py")])
    snippet = room.run("long_commands.py", shell)
    assert program in snippet
    (room.folder / "snippet").write_text(snippet.replace(program, f"sh {told}"))
    lines = [
        "PROMPT_COMMAND='echo prompt $?'",  # of bash
        ". ./snippet",
        "true short",
        "HUSHD_AFTER=0; sh -c 'exit 3'",
        "echo code $?; HUSHD_AFTER=1000",
        "exit",
    ]
    process = room.spawn(
        SHELLS[shell], stdin=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        environment={"HUSHD_AFTER": "1000", "HISTFILE": "/dev/null"},
    )  # fmt: skip
    output, _ = process.communicate("\n".join(lines) + "\n", timeout=LIMIT_S)
    assert "code 3" in output
    assert "prompt 3" in output or shell != "bash"
    wait_until(lambda: not members(process.pid), "the end of all that it has started", LIMIT_S)
    assert re.fullmatch(r"3 \d+ +(\d+ +)?HUSHD_AFTER=0; sh -c 'exit 3'\n", log.read_text())


def members(session: int) -> list[int]:
    """The processes of a session, which may be in the background; a zombie is none."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            there = os.getsid(process.pid) == session and process.info["status"] != psutil.STATUS_ZOMBIE
            found += [process.pid] if there else []
        except ProcessLookupError:
            pass
    return found


def test_a_long_command_is_said(room: Room) -> None:
    """The program that the shell calls says it on the loudspeaker."""
    room.run("long_commands.py", "1", "75", "make test")
    assert room.sounds() == 1
