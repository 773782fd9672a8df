"""An engine's view of a request: input in its four forms, output under credit, cancel wherever it waits."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import CREDIT_WINDOW, MAX_PAYLOAD
from hushd_protocol.messages import Chunk, Credit, Message, Partial, Progress
from hushd_protocol.messages import Job as JobMessage
from hushd_worker.job import Cancelled, Job
from support.descriptors import open_descriptors, settled_descriptors
from support.worker_peer import NoticedCondition

ID = bytes(range(16))


class Scene:
    """A job, what it has sent, and a thread for the engine's part."""

    def __init__(self, **fields: Any) -> None:
        self.sent: list[Message] = []
        self.job = Job(JobMessage(id=ID, op="echo", **fields), self.sent.append)
        self.condition = self.job._changed = NoticedCondition()
        self.outcome: Any = None

    def engine(self, work: Callable[[Job], Any]) -> threading.Thread:
        def run() -> None:
            try:
                self.outcome = work(self.job)
            except BaseException as error:
                self.outcome = error

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def until_waiting(self) -> None:
        assert self.condition.waiting.wait(60)
        self.condition.waiting.clear()


def end(thread: threading.Thread) -> None:
    thread.join(60)
    assert not thread.is_alive()


def named(path: Path, **changed: int) -> dict[str, Any]:
    """The fields of a job for this file, as its client saw it."""
    info = path.stat()
    fields = {"device": info.st_dev, "inode": info.st_ino, "size": info.st_size} | changed
    return {"input": "path", "path": str(path), **fields}


def refusal(scene: Scene) -> HushdError:
    with pytest.raises(HushdError) as caught:
        list(scene.job.read())
    return caught.value


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "input.wav"
    path.write_bytes(os.urandom(3 * MAX_PAYLOAD + 5))
    return path


# --- input ----------------------------------------------------------------------------------------------------------


def test_inline_input_is_the_payload() -> None:
    """One piece, whole, without a message to anybody."""
    scene = Scene(input="inline", payload=b"hello")
    assert list(scene.job.read()) == [b"hello"]
    assert scene.sent == []


def test_a_path_is_read_in_pieces(file: Path) -> None:
    """A file arrives whole, in pieces of at most 64 KiB; an empty file gives none; a link to it counts as it."""
    pieces = list(Scene(**named(file)).job.read())
    assert b"".join(pieces) == file.read_bytes()
    assert [len(piece) for piece in pieces] == [MAX_PAYLOAD] * 3 + [5]
    link = file.with_name("link")
    link.symlink_to(file)
    assert b"".join(Scene(**named(link)).job.read()) == file.read_bytes()
    file.write_bytes(b"")
    assert list(Scene(**named(file)).job.read()) == []


def test_a_path_that_is_another_file_is_unreachable(file: Path) -> None:
    """Another device, inode or size under the same name (PrivateTmp, a container): path_unreachable."""
    fields = named(file)
    before = settled_descriptors()
    for wrong in ("inode", "device", "size"):
        for value in (0, -1, fields[wrong] + 1, 2**64 - 1):
            assert refusal(Scene(**named(file, **{wrong: value}))).code == "path_unreachable"
    other = file.with_name("other")
    other.write_bytes(b"not what the client saw")
    os.replace(other, file)
    error = refusal(Scene(**fields))
    assert (error.code, error.retryable) == ("path_unreachable", True)
    file.unlink()
    os.mkfifo(file)  # with the old inode's number, on some file systems
    assert refusal(Scene(**fields)).code == "path_unreachable"
    assert open_descriptors() <= before, "a refused file stays open"


def test_a_path_that_cannot_be_opened_is_unreachable(file: Path, folder: Path) -> None:
    """Missing, below a file, a NUL in it, too long, a socket: path_unreachable with the path in the sentence."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        for path in (f"{folder}/none", f"{file}/below", "/tmp/\0", "/" + "x" * 5000, "", f"{folder}/socket"):
            error = refusal(Scene(input="path", path=path, device=1, inode=1))
            assert error.code == "path_unreachable"
            assert path in error.message


def test_a_stream_is_read_as_it_comes_and_pays_for_itself() -> None:
    """A window of credit first, one more for each chunk but the last; payload order kept, empty pieces left out."""
    scene = Scene(input="stream")
    pieces: Iterator[bytes] = scene.job.read()
    reader = scene.engine(lambda job: b"|".join(pieces))
    scene.until_waiting()
    assert scene.sent == [Credit(id=ID, chunks=CREDIT_WINDOW)]
    payloads = [b"a", b"", b"b", b"c"]
    for seq, payload in enumerate(payloads):
        scene.job.feed(Chunk(id=ID, seq=seq, payload=payload))
    scene.job.feed(Chunk(id=ID, seq=len(payloads), last=True, payload=b"end"))
    end(reader)
    assert scene.outcome == b"a|b|c|end"
    assert scene.sent[1:] == [Credit(id=ID, chunks=1)] * len(payloads)


# --- output ---------------------------------------------------------------------------------------------------------


def test_output_waits_for_credit() -> None:
    """Never more chunks than the client has granted, and each grant is used, in order."""
    scene = Scene(credit=2)
    granted = 2
    writer = scene.engine(lambda job: [job.send_chunk(bytes([n])) for n in range(40)])
    while granted < 40:
        scene.until_waiting()
        assert len(scene.sent) == granted
        more = min(3, 40 - granted)
        granted += more
        scene.job.grant(more)
    end(writer)
    assert [(message.seq, message.payload) for message in scene.sent if isinstance(message, Chunk)] == [
        (n, bytes([n])) for n in range(40)
    ]


def test_long_output_is_split_at_64_kib_with_right_offsets() -> None:
    """Each piece costs a credit, carries its own offset, and rate and channels; the pieces make the whole."""
    scene = Scene(credit=10)
    data = os.urandom(3 * MAX_PAYLOAD + 1)
    scene.job.send_chunk(data, offset=1000, rate=22050, channels=2)
    chunks = [message for message in scene.sent if isinstance(message, Chunk)]
    assert [chunk.offset for chunk in chunks] == [1000 + n * MAX_PAYLOAD for n in range(4)]
    assert [chunk.seq for chunk in chunks] == [0, 1, 2, 3]
    assert {(chunk.rate, chunk.channels, chunk.last) for chunk in chunks} == {(22050, 2, False)}
    assert [len(chunk.payload) for chunk in chunks] == [MAX_PAYLOAD] * 3 + [1]
    assert b"".join(chunk.payload for chunk in chunks) == data


def test_partials_need_no_credit_and_share_the_numbering() -> None:
    """seq counts chunks and partials together, so that their order is known; progress has none."""
    scene = Scene(credit=2)
    scene.job.send_partial({"text": "a"})
    scene.job.send_chunk(b"1")
    scene.job.progress(1.5, 10.0)
    scene.job.send_partial({"text": "b"})
    assert scene.sent == [
        Partial(id=ID, seq=0, data={"text": "a"}),
        Chunk(id=ID, seq=1, payload=b"1"),
        Progress(id=ID, done=1.5, total=10.0),
        Partial(id=ID, seq=2, data={"text": "b"}),
    ]


# --- cancel ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("work", "sent"),
    [(lambda job: list(job.read()), 1), (lambda job: job.send_chunk(bytes(3 * MAX_PAYLOAD)), 2)],
    ids=["waiting for input", "waiting for credit"],
)
def test_cancel_wakes_who_waits(work: Callable[[Job], Any], sent: int) -> None:
    """A job that waits for input or credit ends with Cancelled as soon as it is cancelled, and sends no more."""
    scene = Scene(input="stream", credit=2)
    thread = scene.engine(work)
    scene.until_waiting()
    scene.job.cancel()
    end(thread)
    assert isinstance(scene.outcome, Cancelled)
    assert len(scene.sent) == sent


def test_cancel_between_two_pieces(file: Path) -> None:
    """Reading a file stops at the next piece, and a stream with chunks waiting does not hand them out."""
    scene = Scene(**named(file))
    pieces = scene.job.read()
    next(pieces)
    scene.job.cancel()
    with pytest.raises(Cancelled):
        next(pieces)
    scene = Scene(input="stream")
    scene.job.feed(Chunk(id=ID, seq=0, payload=b"x"))
    scene.job.cancel()
    with pytest.raises(Cancelled):
        list(scene.job.read())


@pytest.mark.parametrize(
    "call",
    [
        lambda job: job.check(),
        lambda job: job.send_chunk(b"x"),
        lambda job: job.send_partial({}),
        lambda job: job.progress(),
    ],
    ids=["check", "send_chunk", "send_partial", "progress"],
)
def test_a_cancelled_job_says_nothing_more(call: Callable[[Job], None]) -> None:
    """Every call raises Cancelled, even with credit left; `cancelled` is true and does not raise."""
    scene = Scene(credit=5)
    call(scene.job)
    said = len(scene.sent)
    assert not scene.job.cancelled
    scene.job.cancel()
    assert scene.job.cancelled
    with pytest.raises(Cancelled):
        call(scene.job)
    assert len(scene.sent) == said
