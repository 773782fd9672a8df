"""Programs that pause or read slowly, and the request of another one: the real commands, engines and supervisor."""

from __future__ import annotations

import subprocess
import sys
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hushd import Client
from hushd.transport.call import new_id
from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from support.peer import Start, Supervisor, wait_until

SAY = Path(sys.executable).parent / "say"
TTS = "[worker.tts]\nmax_replicas = 1\n[worker.stt]\nmax_replicas = 1\n"
LONG = "The quick brown fox jumps over the lazy dog today. " * 300

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def hushd(start_supervisor: Start) -> Supervisor:
    """A supervisor with the engines that hushd carries, one process of each."""
    return start_supervisor(TTS)


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts `agent | say -o FILE`, whose standard input is the agent's."""
    with ExitStack() as stack:

        def start() -> subprocess.Popen[bytes]:
            file = tmp_path / f"{len(list(tmp_path.iterdir()))}.wav"
            file.touch()
            said = stack.enter_context(subprocess.Popen([SAY, "-o", file], stdin=subprocess.PIPE))
            stack.callback(said.kill)
            return said

        yield start


def speaks() -> bool:
    """Returns whether another program's short request is answered."""
    with Client() as client:
        return sum(len(chunk) for chunk in client.synthesize("Yes.")) > 1000


def test_pipes_that_pause_and_streams_that_never_come(
    hushd: Supervisor, pipe: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Agents that think, after a first sentence or before, and programs that send no sound keep nobody waiting; the
    second sentence is spoken all the same."""
    over, codes = threading.Event(), list[str]()
    with Client() as silent:

        def listen() -> None:
            with pytest.raises(HushdError) as caught:
                list(silent.transcribe(_never(over)))
            codes.append(caught.value.code)

        listening = [threading.Thread(target=listen, daemon=True) for _ in range(2)]
        for thread in listening:
            thread.start()
        agents = [pipe() for _ in range(4)]
        for agent in agents[:3]:
            assert agent.stdin is not None
            agent.stdin.write(b"This is the first sentence. ")
            agent.stdin.flush()
        assert speaks()
        with Client() as client:
            sound = b"".join(client.synthesize("The memory is given back.", format="wav"))
            text = " ".join(segment.text for segment in client.transcribe(sound))
        assert "memory" in text.lower()
        assert all(agent.poll() is None for agent in agents)
        over.set()
        for thread in listening:
            thread.join(60)
        assert codes == ["input_unreadable"] * 2  # at last, what came was nothing
    for agent in agents:
        agent.communicate(b"And this is the second one.", timeout=60)
        assert agent.returncode == 0
    for file in sorted(tmp_path.iterdir())[:3]:
        with wave.open(str(file)) as speech:
            assert speech.getnframes() / speech.getframerate() > 2


def _never(over: threading.Event) -> Iterator[bytes]:
    over.wait(120)
    yield b"no sound"


class SlowReader(threading.Thread):
    """A client of a long speech that takes another chunk when nothing has come for a second."""

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__(daemon=True)
        self.messages: list[m.Message] = []
        self.over = False
        self._supervisor = supervisor
        self.start()

    def run(self) -> None:
        with self._supervisor.connect() as peer:
            name = new_id()
            peer.send(m.Request(id=name, worker="tts", op="synthesize", payload=LONG.encode(), credit=1))
            while not self.over:
                try:
                    self.messages.append(peer.receive(1.0))
                except AssertionError:  # nothing came
                    peer.send(m.Credit(id=name, chunks=min(1, self.chunks)))

    @property
    def chunks(self) -> int:
        return sum(isinstance(message, m.Chunk) for message in self.messages)


def test_six_slow_readers(hushd: Supervisor) -> None:
    """Clients that take a chunk of a long speech now and then: another program speaks, and each of them goes on."""
    readers = [SlowReader(hushd) for _ in range(6)]
    for chunks in (1, 2, 3):
        wait_until(lambda chunks=chunks: all(reader.chunks >= chunks for reader in readers))
        assert speaks()
    for reader in readers:
        reader.over = True
        reader.join(60)
    assert not any(isinstance(message, m.Error) for reader in readers for message in reader.messages)
