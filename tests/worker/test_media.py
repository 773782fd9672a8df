"""Recordings and answers that are none: lists, scripts and descriptions that name other files."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_stt.audio.recording import Recording
from support.playlists import FILES, WORDS, private_files
from support.stt_jobs import make_job


@pytest.mark.parametrize("way", ["path", "bytes"])
@pytest.mark.parametrize("name", FILES)
def test_nothing_of_another_file_is_read(tmp_path: Path, name: str, way: str) -> None:
    """Each of the files is refused in one sentence without a word of the file that it names, and at once."""
    private = private_files(tmp_path)
    data = FILES[name](private)
    private.itself.write_bytes(data)
    job, _ = make_job(private.itself if way == "path" else data)
    timer = threading.Timer(30, job.cancel)  # what the endless ones took
    timer.start()
    try:
        with pytest.raises(HushdError) as caught, Recording(job) as recording:
            list(recording.blocks())
    finally:
        timer.cancel()
    assert caught.value.code == "input_unreadable"
    assert WORDS not in caught.value.message
    assert "\n" not in caught.value.message


# Reads the files of its arguments as a recording and as a server's answer, the first one, which is sound, to have all
# loaded; the kernel kills it if it then opens a file or makes a socket.
LOCKED = """
import ctypes, os, struct, sys
from hushd_protocol.errors import HushdError
from hushd_worker.server.exchange import Broken
from hushd_worker_stt.audio.extent import Bytes
from hushd_worker_stt.audio.film import Film
from hushd_worker_tts.engines.received_sound import decoded
def lock(*calls):
    rows = [(0x20, 0, 0, 0), *((0x15, len(calls) - at, 0, call) for at, call in enumerate(calls))]
    program = b"".join(struct.pack("HBBI", *row) for row in (*rows, (6, 0, 0, 0x7FFF0000), (6, 0, 0, 0x80000000)))
    kept = ctypes.create_string_buffer(program)
    filters = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(kept)))
    prctl = ctypes.CDLL(None).prctl
    assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, filters) == 0
def heard(descriptor):
    for read in (recording, lambda each: list(decoded(iter([os.pread(each, 10**7, 0)]), "audio/mpeg"))):
        try:
            yield bool(read(descriptor))
        except (HushdError, Broken):
            yield False
def recording(descriptor):
    with Film(Bytes(descriptor, lambda: None), "It") as film:
        return list(film.blocks())
os.chdir(os.path.dirname(sys.argv[2]))
sound, *files = [os.open(path, os.O_RDONLY) for path in sys.argv[2:]]
assert all(heard(sound))
lock(*map(int, sys.argv[1].split(",")))
for path, file in zip(sys.argv[3:], files):
    print(os.path.basename(path), flush=True)
    assert not any(heard(file))
os._exit(0)
"""
# Numbers from asm/unistd.h: open, where there is one, openat, openat2 and socket
CALLS = {"x86_64": "2,257,437,41", "aarch64": "56,437,198"}


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() not in CALLS, reason="its system calls are unknown")
def test_the_kernel_sees_no_other_file_and_no_socket(tmp_path: Path) -> None:
    """They come as recordings, and as what a speech server sends for sound, and name a file by its path or its name."""
    private = private_files(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content(private))
        (tmp_path / f"{name} near").write_bytes(content(private).replace(f"{tmp_path}/".encode(), b""))
    files = [str(path) for path in tmp_path.iterdir() if path.name.removesuffix(" near") in FILES]
    program = [sys.executable, "-c", LOCKED, CALLS[platform.machine()], str(private.sound), *files]
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout.splitlines()[-1:]
