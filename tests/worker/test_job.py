"""An engine's view of a request: input in its four forms, output under credit, cancel wherever it waits."""

from __future__ import annotations

import os
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
from support.stt_jobs import opened
from support.worker_peer import NoticedCondition

ID = bytes(range(16))


class Scene:
    """A job, what it has sent, and a thread for the engine's part."""

    def __init__(self, file: Path | None = None, **fields: Any) -> None:
        self.sent: list[Message] = []
        self.job = Job(JobMessage(id=ID, op="echo", **fields), self.sent.append, lambda: opened(file))
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


def test_a_file_is_read_in_pieces(file: Path) -> None:
    """A file arrives whole, in pieces of at most 64 KiB, as often as it is asked for; an empty file gives none."""
    job = Scene(input="path", path=str(file), file=file).job
    for _ in range(2):
        pieces = list(job.read())
        assert b"".join(pieces) == file.read_bytes()
        assert [len(piece) for piece in pieces] == [MAX_PAYLOAD] * 3 + [5]
    file.write_bytes(b"")
    assert list(Scene(input="path", path=str(file), file=file).job.read()) == []


def test_a_file_ends_with_its_job(file: Path) -> None:
    """Nothing of a job's file stays open once the job is gone."""
    before = settled_descriptors()
    scene = Scene(input="path", path=str(file), file=file)
    list(scene.job.read())
    del scene
    assert open_descriptors() <= before


def test_no_path_is_opened(file: Path) -> None:
    """A job whose file has not come is `path_unreachable`, so that its client sends the bytes, whatever the path."""
    with pytest.raises(HushdError) as caught:
        list(Scene(input="path", path=str(file)).job.read())
    assert (caught.value.code, caught.value.retryable) == ("path_unreachable", True)
    assert str(file) in caught.value.message


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
    scene = Scene(input="path", path=str(file), file=file)
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
