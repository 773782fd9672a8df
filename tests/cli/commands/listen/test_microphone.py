"""Listening live: what a client asks again, how a session ends, and how unfinished text is shown."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd import Client, HushdError
from hushd_cli.commands.listen.microphone import unfinished
from hushd_protocol.messages import Chunk, Claim, Credit, Error, Message, Partial, Request, Result, Turn
from support import python_path, warm
from support.command_line import command
from support.peer import wait_until
from support.scripted_router import ScriptedRouter, Start

DEVICE = Path(__file__).parents[3] / "support" / "quiet_device"


@pytest.fixture
def client(runtime: Path) -> Iterator[Client]:
    with Client() as client:
        yield client


def unstable(name: bytes, seq: int, stable: str, text: str) -> Partial:
    return Partial(id=name, seq=seq, data={"kind": "unstable", "stable": stable, "text": text})


def segment(name: bytes, seq: int, text: str) -> Partial:
    return Partial(id=name, seq=seq, data={"kind": "segment", "id": 0, "start": 0.0, "end": 1.0, "text": text})


def answering(router: ScriptedRouter, route: bytes, message: Message) -> None:
    """Understands a word with each of the first three chunks, and the utterance at the end."""
    if isinstance(message, Request) and message.input == "stream":
        router.send(route, Credit(id=message.id, chunks=200))
    elif isinstance(message, Chunk) and message.seq < 3:
        words = ["Ever", " tried", " again"][: message.seq + 1]
        router.send(route, unstable(message.id, message.seq, "".join(words[:-1]), words[-1]))
    elif isinstance(message, Chunk) and message.last:
        data = {"language": "en", "duration": 0.5, "segments": 1, "ended": "endpoint"}
        router.send(route, segment(message.id, 3, "Ever tried again."), Result(id=message.id, data=data))


CHUNKS = [bytes([n]) * 3200 for n in range(5)]


@pytest.mark.parametrize("known", ["unstable", "segment"])
def test_a_crash_while_somebody_speaks(known: str, start_router: Start, client: Client) -> None:
    """All that was said is sent again; but not once a segment was handed out, which would come twice."""
    asked: list[Request] = []
    crashed: list[bool] = []

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            asked.append(message)
        if len(asked) == 2 or not isinstance(message, Chunk):
            answering(router, route, message)
        elif message.seq == 2 and not crashed:  # what was on its way behind it belongs to nothing any more
            crashed.append(True)
            first = unstable(message.id, 0, "", "Ever") if known == "unstable" else segment(message.id, 0, "Ever.")
            router.send(route, first, Error(id=message.id, code="worker_crashed", message="The worker died."))

    router = start_router(script)
    transcription = client.listen(iter(CHUNKS))
    if known == "unstable":
        assert transcription.transcript().text == "Ever tried again."
        again = b"".join(chunk.payload for chunk in router.of(Chunk)).removeprefix(b"".join(CHUNKS[:3]))
        assert again.endswith(b"".join(CHUNKS))
    else:
        assert next(transcription).text == "Ever."
        with pytest.raises(HushdError, match="died"):
            next(transcription)


@pytest.mark.parametrize(
    ("stable", "text", "columns", "line"),
    [
        ("Ever", " tried", 80, "Ever[ tried]"), ("", "Ever", 80, "[Ever]"), ("Ever tried", "", 80, "Ever tried[]"),
        ("Ever tried", " again", 17, "Ever tried[ again]"), ("Ever tried", " again", 16, "…er tried[ again]"),
        ("Ever tried", " again", 6, "…[gain]"), ("你好", "吗", 7, "你好[吗]"), ("你好", "吗", 6, "…好[吗]"),
        ("one\ntwo", "\nthree", 80, "one two[ three]"),
    ],
)  # fmt: skip
def test_the_unfinished_on_a_line(stable: str, text: str, columns: int, line: str) -> None:
    """Its end is shown where it is too long, and what may change is dim."""
    assert unfinished(stable, text, columns) == line.replace("[", "\x1b[2m").replace("]", "\x1b[0m")


def start_listen(folder: Path, *arguments: str, errors: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """`listen` on a microphone that hears a hum."""
    return warm.Popen(
        command("listen", *arguments),
        env=os.environ | {"PYTHONPATH": python_path.first(DEVICE), "HUSHD_DIARY": str(folder / "diary")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )


def finishing(router: ScriptedRouter, route: bytes, message: Message) -> None:
    """Grants the floor, warms, and hears a line with the fifth chunk and one at the end."""
    if isinstance(message, Claim):
        router.send(route, Turn(id=message.id, state="granted", number=1))
    elif isinstance(message, Request) and message.op == "warm":
        router.send(route, Result(id=message.id))
    elif isinstance(message, Request):
        router.send(route, Credit(id=message.id, chunks=200))
    elif isinstance(message, Chunk) and message.last:
        router.send(route, segment(message.id, 1, "The rest."), Result(id=message.id, data={"ended": "input"}))
    elif isinstance(message, Chunk) and message.seq == 5:
        router.send(route, segment(message.id, 0, "A line."))


@pytest.mark.parametrize("form", ["txt", "json", "srt"])
def test_ctrl_c_ends_a_continuous_session(form: str, start_router: Start, runtime: Path) -> None:
    """Audio recorded until then is transcribed to its end, in any format, and the exit code is 0."""
    router = start_router(finishing)
    process = start_listen(runtime, "--continuous", "-f", form)
    wait_until(lambda: len(router.of(Chunk)) > 6, "chunks")
    process.send_signal(signal.SIGINT)
    text, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")
    assert text.index("A line.") < text.index("The rest.")
    assert sum(chunk.last for chunk in router.of(Chunk)) == 1


def test_the_unfinished_is_shown_on_a_terminal(start_router: Start, runtime: Path) -> None:
    """Standard error shows it, anew in its place, and without it once the line is printed."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Chunk):
            answering(router, route, message)
        else:
            finishing(router, route, message)

    router = start_router(script)
    ours, theirs = pty.openpty()
    process = start_listen(runtime, "--continuous", errors=theirs)
    os.close(theirs)
    wait_until(lambda: len(router.of(Chunk)) > 6, "chunks")
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    shown = ""
    with contextlib.suppress(OSError):  # at the end: what a terminal was given may come a piece at a time
        while piece := os.read(ours, 10_000):
            shown += piece.decode()
    os.close(ours)
    assert text == "Ever tried again.\n"
    assert shown == (
        "listen: Listening: Ctrl-C ends.\r\n"
        "\r\x1b[K\x1b[2mEver\x1b[0m\r\x1b[KEver\x1b[2m tried\x1b[0m\r\x1b[KEver tried\x1b[2m again\x1b[0m\r\x1b[K"
    )
