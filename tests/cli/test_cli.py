"""The commands as processes, against scripted supervisors: what they print, write and return."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol.messages import Cancel, Chunk, Control, Credit, Error, Message, Partial, Progress, Request, Result
from support import warm
from support.command_line import command, on_terminal, one_sentence, run
from support.peer import wait_until
from support.scripted_router import ScriptedRouter, Start

VOICES = [
    {"name": "en", "language": "en", "engine": "hibari", "installed": True, "sample": "Good morning."},
    {"name": "de", "language": "de-DE", "engine": "other", "installed": False, "sample": "Guten Morgen."},
]
STATUS = {
    "supervisor": {"pid": 12, "version": "0.1.0", "uptime_s": 3700.0, "rss_mb": 22.0, "pss_mb": 15.2},
    "workers": [
        {
            "name": "stt/moonshine/tiny-en", "role": "stt", "engine": "moonshine", "model": "tiny-en", "state": "ready",
            "pid": 99, "rss_mb": 205.0, "pss_mb": 190.4, "peak_rss_mb": 240.0, "idle_s": 61.0, "expires_in_s": 239.0,
            "queued": 0, "running": 0, "requests": 3, "starts": 1, "crashes": 0,
        },
        {
            "name": "tts/hibari/en", "role": "tts", "engine": "hibari", "model": "en", "state": "stopped",
            "pid": None, "rss_mb": None, "pss_mb": None, "peak_rss_mb": 0.0, "idle_s": None, "expires_in_s": -1,
            "queued": 0, "running": 0, "requests": 0, "starts": 0, "crashes": 0,
        },
    ],
    "memory": {"budget_mb": 6400.0, "used_mb": 190.4, "available_mb": 5100.0, "pressure": "normal"},
}  # fmt: skip


def engines(router: ScriptedRouter, route: bytes, message: Message) -> None:
    """Says `head`, `body` and a corrected `HEAD`; hears two sentences and, as a third, where the input came from."""
    i = getattr(message, "id", b"")
    if isinstance(message, Control):
        hibari = {"name": "hibari", "installed": True, "voices": VOICES}
        answers: dict[str, Any] = {"describe": {"tts": {"engines": [hibari]}}}
        router.send(route, Result(id=i, data=answers.get(message.action, STATUS)))
    elif isinstance(message, Request) and message.input == "stream":
        router.requests = {message.id: message}  # type: ignore[attr-defined]
        router.send(route, Credit(id=i, chunks=200))
    elif isinstance(message, Request):
        answer(router, route, message)
    elif isinstance(message, Chunk) and message.last:
        answer(router, route, router.requests[i])  # type: ignore[attr-defined]


def answer(router: ScriptedRouter, route: bytes, message: Request) -> None:
    i = message.id
    if "bad" in message.path:
        router.send(route, Error(id=i, code="input_unreadable", message="That is no sound."))
    elif message.op == "synthesize":
        pieces = ((b"head", 0), (b"body", 4), (b"HEAD", 0))
        chunks = [Chunk(id=i, seq=n, payload=data, offset=offset) for n, (data, offset) in enumerate(pieces)]
        router.send(route, *chunks, Result(id=i, data={"duration": 1.0}))
    else:
        texts = ["Ever tried.", "Ever failed.", os.path.basename(message.path) or message.input]
        segments = [
            Partial(id=i, seq=n, data={"kind": "segment", "id": n, "start": n, "end": n + 1, "text": text})
            for n, text in enumerate(texts)
        ]
        router.send(route, Progress(id=i, done=30.0, total=60.0), *segments, Result(id=i, data={"language": "en"}))


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + bytes(100))
    return path


def test_say_writes_a_file(start_router: Start, tmp_path: Path) -> None:
    """The file has every piece at its offset, and nothing else is left beside it; options stand among the words."""
    router = start_router(engines)
    words = ["-v", "en", "Grüße,", "-r", "180", "世界!", "--keep-alive", "0"]
    done = run("say", "-o", str(tmp_path / "a.FLAC"), *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "a.FLAC").read_bytes() == b"HEADbody"
    assert os.listdir(tmp_path) == ["a.FLAC"]
    request = router.of(Request)[-1]
    assert (request.payload.decode(), request.keep_alive) == ("Grüße, 世界!", 0.0)
    assert request.params == {"voice": "en", "wpm": 180.0, "format": "flac"}


@pytest.mark.parametrize("how", ["pipe", "-f -", "-f FILE", "-f FIFO", "stdin is a file"])
def test_say_reads_its_text(how: str, start_router: Start, tmp_path: Path) -> None:
    """Standard input has it when there is none, or a file, or a pipe by name."""
    router = start_router(engines)
    text = tmp_path / "text"
    text.write_text("Good morning.\n")
    output = ["-o", str(tmp_path / "x.wav")]
    if how == "-f FILE":
        done = run("say", *output, "-f", str(text))
        assert router.of(Request)[-1].payload == b"Good morning.\n"
    elif how == "-f FIFO":
        os.mkfifo(tmp_path / "fifo")
        writer = threading.Thread(target=(tmp_path / "fifo").write_text, args=("Good morning.\n",))
        writer.start()
        done = run("say", *output, "-f", str(tmp_path / "fifo"))
        writer.join(60)
    elif how == "stdin is a file":
        with text.open() as file:
            done = run("say", *output, stdin=file)
    else:
        done = run("say", *output, *(how.split() if how != "pipe" else ()), input=b"Good morning.\n")
    assert (done.returncode, done.stderr) == (0, b"")
    if how != "-f FILE":
        assert b"".join(chunk.payload for chunk in router.of(Chunk)) == b"Good morning.\n"


def test_say_lists_voices(start_router: Start) -> None:
    """`-v ?` is a line a voice: name, language, and a sample behind a hash."""
    start_router(engines)
    done = run("say", "-v", "?")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "en                  en      # Good morning.",
        "de                  de-DE   # Guten Morgen. (not installed)",
    ]
    assert run("say", "-v", "?", "german").stdout.decode().count("\n") == 1


@pytest.mark.parametrize(("word", "here"), [
    ("ps", "hushd status"), ("list", "hushd models list"), ("pull", "hushd models pull"), ("speak", "say"),
    ("speek", "say"), ("transcribe", "listen"), ("voices", "say -v"),
])  # fmt: skip
def test_a_command_of_other_programs_is_named(word: str, here: str) -> None:
    """A user of ollama, or of another word for it, is told the command that does the same."""
    assert f"There is no command '{word}' (here it is `{here}" in one_sentence(run("hushd", word), "hushd")


@pytest.mark.parametrize(("arguments", "code", "words"), [
    ([""], 2, "nothing to say"),
    (["-f", "/nowhere", "-o", "{}/x.wav"], 4, "/nowhere"),
    (["-f", "{}", "-o", "{}/x.wav"], 4, "directory"),
    (["-f", "a", "b"], 2, "two texts"),
    (["-o", "{}/x.doc", "hi"], 2, ".wav, .flac"),
    (["-o", "{}/x", "hi"], 2, "names no format"),
    (["-o", "{}/missing/x.wav", "hi"], 9, "there is no folder"),
    (["-o", "/dev/full", "hi"], 9, "No space left"),
    (["--keep-alive", "soon", "hi"], 2, "keep a worker alive"),
    (["--model", "en", "hi"], 2, "engine"),
    ([b"\xff\xfe"], 2, "UTF-8"),
])  # fmt: skip
def test_say_refuses(arguments: list[Any], code: int, words: str, start_router: Start, tmp_path: Path) -> None:
    """Each mistake is one sentence on standard error, its own exit code, and leaves no file."""
    start_router(engines)
    done = run("say", *(a if isinstance(a, bytes) else a.format(tmp_path) for a in arguments))
    assert done.returncode == code, done.stderr
    assert words in one_sentence(done, "say")
    assert done.stdout == b""
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["-o", "{}/empty.wav/x", "{}/bad.wav"], 9, "cannot be made"),
    (["-o", "{}", "{}/bad.wav", "{}/x/bad.mp3"], 2, "both become"),
    (["--hotwords", b"\xff", "a.wav"], 2, "UTF-8"),
    (["a\nb.wav"], 4, "a\\nb.wav"),
])  # fmt: skip
def test_listen_refuses(arguments: list[Any], code: int, words: str, start_router: Start, tmp_path: Path) -> None:
    """Each mistake is one sentence and its own exit code."""
    start_router(engines)
    (tmp_path / "bad.wav").write_bytes(b"x")
    (tmp_path / "empty.wav").touch()
    done = run("listen", *(a if isinstance(a, bytes) else a.format(tmp_path) for a in arguments))
    assert done.returncode == code, done.stderr
    assert words in one_sentence(done, "listen")


def test_each_recording_that_cannot_be_heard_is_a_sentence(start_router: Start, tmp_path: Path) -> None:
    """The sentence stands in its place, with the reason; the exit code says that there were such."""
    start_router(engines)
    (tmp_path / "bad.wav").write_bytes(b"x")
    (tmp_path / "empty.wav").touch()
    names = ["/nowhere.wav", str(tmp_path), f"{tmp_path}/empty.wav", "/dev/null", f"{tmp_path}/bad.wav"]
    done = run("listen", *names, text=True)
    assert (done.returncode, done.stdout) == (4, "")
    reasons = ["/nowhere.wav", "folder", "empty", "not a regular file", "That is no sound."]
    for sentence, reason in zip(done.stderr.splitlines(), reasons, strict=True):
        assert sentence.startswith("listen: ")
        assert reason in sentence


def test_a_pipe_is_a_recording(start_router: Start, sound: Path, tmp_path: Path) -> None:
    """`listen <(…)` and a named pipe are read to their end, as standard input is, even when they are written late."""
    start_router(engines)
    line = " ".join(f"'{word}'" for word in command("listen"))
    done = subprocess.run(["bash", "-c", f"{line} <(cat {sound})"], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, b"stream", b"")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with warm.Popen(command("listen", str(fifo)), stdout=subprocess.PIPE) as process:
        fifo.write_bytes(bytes(10))  # opens once somebody reads
        assert process.communicate(timeout=60)[0].splitlines()[-1] == b"stream"


def test_a_closed_pipe_ends_quietly(start_router: Start, sound: Path) -> None:
    """`listen … | head -1`: no message, and the exit code of a program that SIGPIPE ended."""
    start_router(engines)
    for arguments in (["listen", str(sound)], ["say", "-o", "-", "hi"], ["hushd", "status"]):
        read, write = os.pipe()
        os.close(read)
        done = run(*arguments, stdout=write)
        os.close(write)
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b""), arguments


def test_a_full_standard_output_is_told(start_router: Start, sound: Path) -> None:
    """Output that cannot be written is exit code 9 and one sentence, also where standard output is closed."""
    start_router(engines)
    with open("/dev/full", "wb") as full:
        done = run("listen", str(sound), str(sound), stdout=full)
    assert done.returncode == 9
    assert "No space left" in one_sentence(done, "listen")
    line = " ".join(f"'{word}'" for word in command("listen", str(sound)))
    closed = subprocess.run(["sh", "-c", f"exec {line} >&-"], capture_output=True, check=False)
    assert closed.returncode == 9
    one_sentence(closed, "listen")


def test_a_progress_bar_for_people_only(start_router: Start, sound: Path, tmp_path: Path) -> None:
    """A long file has a bar on a terminal, which is taken away; into a pipe nothing is drawn."""
    start_router(engines)
    status, drawn = on_terminal(command("listen", str(sound), "-o", str(tmp_path)), "stderr")
    assert status == 0
    assert "a.wav [###############               ] 0:30 of 1:00" in drawn
    assert drawn.endswith("\r\x1b[K")
    assert run("listen", str(sound), "-o", str(tmp_path)).stderr == b""


def test_status_for_programs(start_router: Start) -> None:
    """--json is to the byte what the supervisor answered, with all that an answer may have."""
    golden = Path(__file__).parents[1] / "golden" / "status.json"
    answered = json.loads(golden.read_bytes())
    start_router(lambda router, route, message: router.send(route, Result(id=message.id, data=answered)))  # type: ignore[attr-defined]
    done = run("hushd", "status", "--json")
    assert done.returncode == 0
    assert done.stdout == golden.read_bytes()


def test_status_for_people(start_router: Start) -> None:
    """Two lines of the whole and a table of the workers."""
    start_router(engines)
    lines = run("hushd", "status", "--wide").stdout.decode().splitlines()
    assert lines[0] == "hushd 0.1.0, pid 12, up 1:01:40, 15.2 MB"
    assert lines[1] == "memory: 190 of 6400 MB used, 5100 MB available, pressure normal"
    assert lines[3].split() == [
        "WORKER", "STATE", "MEMORY", "ENDS", "IN", "RUNNING", "QUEUED", "IDLE", "FOR", "PRIVATE", "MAPPED",
        "PEAK", "NEEDS", "PID", "CONFINED", "REQUESTS", "STARTS", "CRASHES",
    ]  # fmt: skip
    assert lines[4].split()[:7] == ["stt/moonshine/tiny-en", "ready", "190", "MB", "3:59", "0", "0"]
    assert lines[5].split()[:4] == ["tts/hibari/en", "stopped", "-", "never"]
    assert len({len(line) for line in lines[3:]}) == 1
    assert run("hushd", "status").stdout.decode().splitlines() == [
        *lines[:3], *(line[: lines[3].index("FOR") + len("FOR")].rstrip() for line in lines[3:])
    ]  # fmt: skip


@pytest.mark.parametrize("words", [["stt"], ["tts/hibari", "stt/moonshine/tiny-en"]])
def test_unload_and_preload(words: list[str], start_router: Start) -> None:
    """They name their workers; a lease is in seconds, for the holder `cli`."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        router.send(route, Result(id=message.id))  # type: ignore[attr-defined]

    router = start_router(script)
    assert run("hushd", "unload", *words).returncode == 0
    assert router.of(Control)[0].names == words
    assert run("hushd", "load", *words, "--keep-alive", "1h").returncode == 0
    assert [(r.worker, r.op, r.keep_alive) for r in router.of(Request)] == [(word, "warm", 3600.0) for word in words]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status"], 3), (["unload", "stt"], 3), (["shutdown"], 3), (["load", "stt"], 3), (["unload"], 3),
        (["load"], 2), (["dance"], 2), (["logs"], 4), (["logs", "stt"], 4), ([b"\xff"], 2),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("runtime")
def test_hushd_refuses(arguments: list[Any], code: int) -> None:
    """It says one sentence, with the exit code, without a supervisor (HUSHD_AUTOSTART=0) and for mistakes."""
    done = run("hushd", *arguments)
    assert done.returncode == code, done.stderr
    one_sentence(done, done.stderr.decode().split(":")[0])


def test_logs(runtime: Path) -> None:
    """The last lines of the supervisor's log, or of a worker's by its name, its engine or its role."""
    folder = runtime / "state" / "logs"
    folder.mkdir(parents=True)
    (folder / "supervisor.log").write_text("".join(f"line {n}\n" for n in range(100)))
    (folder / "stt-moonshine-tiny-en.log").write_text("hears\n")
    (folder / "tts-hibari-en.log").write_text("speaks")
    assert run("hushd", "logs", "-n", "2").stdout == b"line 98\nline 99\n"
    assert run("hushd", "logs").stdout.count(b"\n") == 50
    assert run("hushd", "logs", "-n", "0").stdout == b""
    for what in ("stt", "stt/moonshine", "stt/moonshine/tiny-en"):
        assert run("hushd", "logs", what).stdout == b"hears\n"
    assert run("hushd", "logs", "tts").stdout == b"speaks"
    assert "tts-hibari-en" in one_sentence(run("hushd", "logs", "vision"), "hushd logs")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_in_the_middle_cancels_quietly(number: int, code: int, start_router: Start, tmp_path: Path) -> None:
    """No message, no half file, the request cancelled."""

    def begin(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            router.send(route, Chunk(id=message.id, seq=0, payload=b"head", offset=0))

    router = start_router(begin)
    process = warm.Popen(command("say", "-o", str(tmp_path / "x.wav"), "hi"), stderr=subprocess.PIPE)
    router.wait_for(Request)
    wait_until(lambda: any(path.stat().st_size for path in tmp_path.iterdir()))
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (code, b"")
    assert os.listdir(tmp_path) == []
    router.wait_for(Cancel)
