"""Messages received and not yet read: memory first, then a file."""

from __future__ import annotations

import os
import random
import stat
import tempfile
import threading
from pathlib import Path

import pytest
from hushd.transport.spool import Spool
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Partial, Result

ID = bytes(16)


def chunk(seq: int, payload: bytes) -> Chunk:
    return Chunk(id=ID, seq=seq, payload=payload, offset=seq, rate=16000)


@pytest.fixture
def spooled_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_order_and_content_survive_the_disk(spooled_files: Path) -> None:
    """Random puts and gets with little memory give back the same messages in the same order, fields and all."""
    rng = random.Random(3)
    for _ in range(50):
        spool, sent, read = Spool(memory=rng.choice([0, 100, 1000])), [], []
        for seq in range(rng.randrange(1, 60)):
            if rng.random() < 0.2:
                message: Chunk | Partial = Partial(id=ID, seq=seq, data={"n": seq})
            else:
                message = chunk(seq, rng.randbytes(rng.randrange(300)))
            spool.put(message)
            sent.append(message)
            while rng.random() < 0.4 and len(read) < len(sent):
                read.append(spool.get())
        while len(read) < len(sent):
            read.append(spool.get())
        assert read == sent
        spool.discard(EOFError())


def test_the_file_has_no_name_and_shrinks(spooled_files: Path) -> None:
    """The file cannot be opened by others (mode 0600, no name), and its space is given back once it was read."""
    spool = Spool(memory=10)
    for seq in range(4):
        spool.put(chunk(seq, bytes(8)))
    file = spool._store._file
    assert file is not None
    info = os.fstat(file.fileno())
    assert stat.S_IMODE(info.st_mode) == 0o600
    assert info.st_nlink == 0
    assert info.st_size == 24
    assert os.listdir(spooled_files) == []
    for _ in range(4):
        spool.get()
    assert os.fstat(file.fileno()).st_size == 0
    spool.discard(EOFError())


def test_a_full_disk_is_output_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call fails with one sentence if neither memory nor the temporary folder can take it."""
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    spool = Spool(memory=4)
    spool.put(chunk(0, b"1234"))
    with pytest.raises(HushdError) as caught:
        spool.put(chunk(1, b"5"))
    assert caught.value.code == "output_failed"


def test_an_error_comes_after_what_was_before_it() -> None:
    """A reader gets all that had arrived, and only then the error."""
    spool = Spool()
    spool.put(chunk(0, b"a"))
    spool.end(HushdError("worker_crashed", "Gone."))
    spool.put(chunk(1, b"late"))
    assert spool.get().payload == b"a"
    with pytest.raises(HushdError, match="Gone"):
        spool.get()


def test_a_waiting_reader_wakes_up() -> None:
    """Whoever waits gets the next message, and one who waits for a discarded spool gets its error."""
    spool, got, first = Spool(), [], threading.Event()

    def read() -> None:
        try:
            while True:
                got.append(spool.get())
                first.set()
        except HushdError as error:
            got.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    spool.put(Result(id=ID))
    gone = HushdError("cancelled", "No.")
    assert first.wait(60)  # the reader has its message before the rest is taken away
    spool.discard(gone)
    reader.join(60)
    assert got == [Result(id=ID), gone]
