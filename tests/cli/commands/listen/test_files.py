"""`listen` with several and with long recordings, against scripted supervisors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd.transcripts.formats import TRANSCRIPT_FORMATS
from hushd_protocol.messages import Cancel, Chunk, Credit, Error, Message, Partial, Progress, Request, Result
from support import warm
from support.command_line import on_terminal
from support.peer import wait_until
from support.scripted_router import ScriptedRouter, Start


def command(*arguments: str) -> list[str]:
    """`listen` on two cores, whatever this machine has."""
    two = (
        "import hushd_cli.commands.listen.files as r; r.cores = lambda: 2; from hushd_cli import entry; entry.listen()"
    )
    return [sys.executable, "-P", "-c", two, *arguments]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    given = {} if "input" in options else {"stdin": subprocess.DEVNULL}
    return warm.run(command(*arguments), capture_output=True, timeout=60, **(given | options))


def segment(request: Request, n: int, text: str, start: float = 0.0, seconds: float = 1.0) -> Partial:
    data = {"kind": "segment", "id": n, "start": start + n * seconds, "end": start + (n + 1) * seconds, "text": text}
    return Partial(id=request.id, seq=n, data=data)


def name(request: Request) -> str:
    return os.path.basename(request.path)


class Hearers:
    """A supervisor that answers requests in the order the test wants; `most` is how many were under way at once."""

    def __init__(self, start_router: Start, answer: Callable[[list[Request]], list[Request]]) -> None:
        self.under_way: list[tuple[bytes, Request]] = []
        self.most = 0
        self._answer = answer
        self.router = start_router(self.script)

    def script(self, router: ScriptedRouter, route: bytes, message: Message) -> None:
        if not isinstance(message, Request):
            return
        self.under_way.append((route, message))
        self.most = max(self.most, len(self.under_way))
        for request in self._answer([request for _, request in self.under_way]):
            self.finish(router, request)

    def finish(self, router: ScriptedRouter, request: Request) -> None:
        route = next(route for route, other in self.under_way if other is request)
        self.under_way.remove((route, request))
        if "bad" in request.path:
            router.send(route, Error(id=request.id, code="input_unreadable", message=f"{name(request)} is no sound."))
            return
        texts = [f"{name(request)} {n}" for n in range(2)]
        router.send(
            route,
            *(segment(request, n, text) for n, text in enumerate(texts)),
            Result(id=request.id, data={"language": "en", "duration": 2.0}),
        )


@pytest.fixture
def sounds(tmp_path: Path) -> list[str]:
    """Five files, in the order of the alphabet."""
    names = [str(tmp_path / f"{letter}.wav") for letter in "abcde"]
    for path in names:
        Path(path).write_bytes(b"RIFF" + bytes(100))
    return names


def test_what_is_piped_in_is_read(start_router: Start, sounds: list[str]) -> None:
    """Standard input is the recording without FILE, if it is a file or a pipe, and no option is for the microphone."""
    got = bytearray()

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            router.send(route, Credit(id=message.id, chunks=20))
        elif isinstance(message, Chunk):
            got.extend(message.payload)
            if message.last:
                heard = {"kind": "segment", "id": 0, "start": 0.0, "end": 1.0, "text": "Hello."}
                router.send(route, Partial(id=message.id, seq=0, data=heard), Result(id=message.id, data={}))

    start_router(script)
    data = Path(sounds[0]).read_bytes()
    with open(sounds[0], "rb") as file:
        for options in ({"stdin": file}, {"input": data}):
            got.clear()
            done = run(**options)
            assert (done.returncode, done.stdout, bytes(got)) == (0, b"Hello.\n", data)


def test_what_fails_has_no_header(start_router: Start, sounds: list[str], tmp_path: Path) -> None:
    """A format's first line comes with the first segment: a recording that is not there writes nothing."""
    Hearers(start_router, lambda requests: requests)
    for form in ("vtt", "tsv", "json"):
        done = run("-f", form, str(tmp_path / "gone.wav"))
        assert (done.returncode, done.stdout) == (4, b"")
    assert run("-f", "vtt", sounds[0]).stdout.startswith(b"WEBVTT\n\n00:00.000")


def test_a_terminal_shows_which_recording_it_is(start_router: Start, sounds: list[str]) -> None:
    """The name goes before the text of each of several; elsewhere, and before the text of one alone, it does not."""
    Hearers(start_router, lambda requests: requests)

    def shown(*arguments: str) -> str:
        status, text = on_terminal(command(*arguments), "stdout")
        assert status == 0
        return text.replace("\r", "")

    two = [f"{path}:\n{os.path.basename(path)} 0\n{os.path.basename(path)} 1\n" for path in sounds[:2]]
    assert shown(*sounds[:2]) == "".join(two)
    assert shown(sounds[0]) == "a.wav 0\na.wav 1\n"
    assert run(*sounds[:2]).stdout == b"a.wav 0\na.wav 1\nb.wav 0\nb.wav 1\n"


@pytest.mark.parametrize(("place", "options", "expected"), [
    ("out.txt", [], {"out.txt": "a.wav 0\na.wav 1\n"}),
    ("out.SRT", [], {"out.SRT": "1\n00:00:00,000 --> 00:00:01,000\na.wav 0\n\n"}),
    ("notes.md", ["-f", "txt"], {"notes.md": "a.wav 0\na.wav 1\n"}),
    ("v1.2", [], {"v1.2/a.txt": "a.wav 0\na.wav 1\n"}),
    ("out.txt/", [], {"out.txt/a.txt": "a.wav 0\na.wav 1\n"}),
])  # fmt: skip
def test_o_is_a_file_or_a_folder(
    place: str, options: list[str], expected: dict[str, str], start_router: Start, sounds: list[str], tmp_path: Path
) -> None:
    """A place that looks like a file is one, and its extension says the format; any other is a folder."""
    Hearers(start_router, lambda requests: requests)
    done = run(sounds[0], "-o", str(tmp_path) + "/" + place, *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    for name, text in expected.items():
        assert (tmp_path / name).read_text().startswith(text)


def test_o_may_be_a_pipe_and_no_file_without_a_name_of_one(
    start_router: Start, sounds: list[str], tmp_path: Path
) -> None:
    """Whoever reads a named pipe gets the text; a file that is there and names no format is not written over."""
    Hearers(start_router, lambda requests: requests)
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        done = run(sounds[0], "-o", str(tmp_path / "pipe"))
        assert (done.returncode, done.stderr) == (0, b"")
        assert os.read(reader, 100) == b"a.wav 0\na.wav 1\n"
    finally:
        os.close(reader)
    (tmp_path / "notes").write_text("Mine.")
    done = run(sounds[0], "-o", str(tmp_path / "notes"))
    assert (done.returncode, (tmp_path / "notes").read_text()) == (9, "Mine.")
    assert b"cannot be made" in done.stderr


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["a.wav", "b.wav", "-o", "out.txt"], 2, "is one file, and there are 2 recordings: name a folder, as out.txt/"),
    (["a.wav", "-o", "out.docx"], 2, "names no format: end it with one of .txt, .vtt"),
    (["a.wav", "-o", "out.txt", "-f", "all"], 2, "'out.txt' takes one format"),
    (["a.wav", "-o", "a.wav", "-f", "txt"], 2, "would replace it"),
    (["a.wav", "-o", "nowhere/out.txt"], 9, "there is no folder 'nowhere'"),
])  # fmt: skip
def test_a_place_that_does_not_fit(
    arguments: list[str], code: int, words: str, start_router: Start, sounds: list[str], tmp_path: Path
) -> None:
    """It is refused before anything is transcribed."""
    hearers = Hearers(start_router, lambda requests: requests)
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr.decode()
    assert hearers.router.of(Request) == []


def test_warnings_are_printed_and_only_doubt_has_an_exit_code(start_router: Start, sounds: list[str]) -> None:
    """A warning stands on standard error with its recording's name, one about the options once for all of them."""
    warnings = [
        {"code": "clipped", "message": "The text repeats itself."},
        {"code": "no_effect", "message": "There is no patience."},
    ]

    def warning(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            router.send(route, segment(message, 0, "Hm."), Result(id=message.id, data={"warnings": warnings}))

    start_router(warning)
    done = run(*sounds[:2])
    assert (done.returncode, done.stdout) == (0, b"Hm.\nHm.\n")
    assert done.stderr.decode().splitlines() == [
        f"listen: {sounds[0]}: The text repeats itself.",
        "listen: There is no patience.",
        f"listen: {sounds[1]}: The text repeats itself.",
    ]
    assert json.loads(run(sounds[0], "-f", "json").stdout)["warnings"] == warnings
    warnings[0]["code"] = "unlikely_text"
    assert run(*sounds[:2]).returncode == 11


def test_every_file_gets_its_own_error(start_router: Start, sounds: list[str], tmp_path: Path) -> None:
    """One that fails is told in its place and stops no other; the highest exit code wins."""
    (tmp_path / "bad.wav").write_bytes(b"x")
    Hearers(start_router, lambda requests: requests)
    done = run(sounds[0], str(tmp_path / "bad.wav"), "/nowhere.wav", sounds[1])
    assert done.returncode == 4
    assert done.stdout.decode().splitlines() == ["a.wav 0", "a.wav 1", "b.wav 0", "b.wav 1"]
    first, second = done.stderr.decode().splitlines()
    assert first == "listen: bad.wav is no sound."
    assert "/nowhere.wav" in second


def test_a_supervisor_without_room_gets_less_at_once(start_router: Start, sounds: list[str]) -> None:
    """`server_busy` while another of ours is heard means: one after the other; nothing is lost by it."""
    refused: list[str] = []

    class Strict(Hearers):
        def script(self, router: ScriptedRouter, route: bytes, message: Message) -> None:
            if isinstance(message, Request) and self.under_way and not refused:
                refused.append(name(message))
                router.send(route, Error(id=message.id, code="server_busy", message="No memory.", retry_after_ms=1000))
                self.finish(router, self.under_way[0][1])
            else:
                super().script(router, route, message)

    hearers = Strict(start_router, lambda requests: requests if refused else [])
    done = run(*sounds)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().split("\n")[:-1] == [f"{letter}.wav {n}" for letter in "abcde" for n in (0, 1)]
    assert refused == ["b.wav"] or refused == ["a.wav"]
    assert hearers.most == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_cancels_all(number: int, code: int, start_router: Start, sounds: list[str], tmp_path: Path) -> None:
    """Requests under way are cancelled, the latest by the connection's end; none is made, no half file is left."""
    router = start_router()
    process = warm.Popen(command(*sounds, "-o", str(tmp_path / "out")), stderr=subprocess.PIPE)
    requests = router.wait_for(Request, 2)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (code, b"")
    assert router.wait_for(Cancel)[0].id in {request.id for request in requests}
    assert len(router.of(Request)) == 2
    assert os.listdir(tmp_path / "out") == []


def test_all_formats_go_to_files(start_router: Start, sounds: list[str], tmp_path: Path) -> None:
    """`-f all` writes a file of each format into the current folder, as whisper does, or into that of -o."""
    Hearers(start_router, lambda requests: requests)
    here = tmp_path / "here"
    here.mkdir()
    done = run(sounds[0], "-f", "all", cwd=here)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert sorted(os.listdir(here)) == sorted(f"a.{form}" for form in TRANSCRIPT_FORMATS)
    assert run(sounds[0], "-f", "all", "-o", str(tmp_path / "there")).returncode == 0
    for file in os.listdir(here):
        assert (tmp_path / "there" / file).read_bytes() == (here / file).read_bytes()
    assert json.loads((here / "a.json").read_text())["text"] == "a.wav 0 a.wav 1"


class LongTalk:
    """A worker that hears a word a minute for ten minutes, from `start_s` on, and stops after `until` of them."""

    def __init__(self, until: int = 10, error: str = "") -> None:
        self.until = until
        self.error = error

    def __call__(self, router: ScriptedRouter, route: bytes, message: Message) -> None:
        if not isinstance(message, Request):
            return
        first = round(message.params.get("start_s", 0.0) / 60)
        router.send(route, Progress(id=message.id, done=first * 60.0, total=600.0))
        for n in range(self.until - first):
            router.send(route, segment(message, n, f"word{first + n}", first * 60.0, 60.0))
        if self.until == 10:
            router.send(route, Result(id=message.id, data={"language": "en", "duration": 600.0}))
        elif self.error:
            router.send(route, Error(id=message.id, code=self.error, message="The worker died."))


@pytest.fixture
def journals(runtime: Path) -> Iterator[Callable[[], list[Path]]]:
    def find() -> list[Path]:
        return sorted((runtime / "state" / "transcripts").glob("*"))

    yield find
    assert find() == []  # in the end, nothing is left of it


Journals = Callable[[], list[Path]]


@pytest.mark.parametrize(("how", "written"), [
    (signal.SIGKILL, False),
    (signal.SIGKILL, True),
    (signal.SIGINT, True),
    (signal.SIGTERM, False),
    ("worker_failed", True),
])  # fmt: skip
def test_an_interrupted_recording_is_resumed(
    how: signal.Signals | str, written: bool, start_router: Start, journals: Journals, sounds: list[str], tmp_path: Path
) -> None:
    """Whatever ended it after six of ten minutes: --resume asks for the rest only and gives the whole, in order."""
    arguments = [sounds[0], "-f", "json", *(["-o", str(tmp_path / "out")] if written else [])]
    router = start_router(LongTalk(6, how if isinstance(how, str) else ""))
    process = warm.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    router.wait_for(Request)
    wait_until(lambda: journals() and journals()[0].read_text().count("\n") == 7)
    if not isinstance(how, str):
        process.send_signal(how)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert stdout == b""
    router.script = LongTalk()
    done = run(*arguments, "--resume")
    assert (done.returncode, done.stderr) == (0, b"")
    text = (tmp_path / "out" / "a.json").read_text() if written else done.stdout
    document = json.loads(text)
    assert document["text"] == " ".join(f"word{n}" for n in range(10))
    assert [(s["id"], s["start"], s["end"]) for s in document["segments"]] == [
        (n, n * 60.0, n * 60.0 + 60.0) for n in range(10)
    ]
    assert document["language"] == "en"
    assert [request.params.get("start_s") for request in router.of(Request)] == [None, 360.0]


@pytest.mark.parametrize("unlikely", [False, True])
@pytest.mark.parametrize("written", [False, True])
def test_what_could_be_read_of_a_damaged_recording_is_kept(
    written: bool, unlikely: bool, start_router: Start, journals: Journals, sounds: list[str], tmp_path: Path
) -> None:
    """Its transcript is printed or written, with all verdicts, and the damage is told; nothing is kept to be resumed.
    The next file is heard. The exit code says that a text is probably wrong, before all else."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request) and name(message) == "a.wav":
            data = {"kind": "segment", "id": 0, "start": 0.0, "end": 400.0, "text": "So far", "unlikely": unlikely}
            ends = {"language": "de", "duration": 400.5, "warnings": [{"code": "cut_off", "message": "It is cut off."}]}
            router.send(route, Partial(id=message.id, seq=0, data=data), Result(id=message.id, data=ends))
        elif isinstance(message, Request):
            router.send(route, Result(id=message.id, data={"language": "en", "duration": 1.0}))

    start_router(script)
    folder = tmp_path / "out"
    done = run(*sounds[:2], "-f", "json", *(["-o", str(folder)] if written else []))
    first_line, *more = done.stderr.decode().splitlines()
    assert first_line == f"listen: {sounds[0]}: It is cut off."
    assert (done.returncode, len(more)) == ((11, 1) if unlikely else (4, 0))
    texts = [(folder / f"{n}.json").read_text() for n in "ab"] if written else done.stdout.decode().splitlines()
    first, second = map(json.loads, texts)
    assert (first["text"], first["language"]) == ("So far", "de")
    assert first.get("unlikely", []) == [{"start": 0.0, "end": 400.0}] * unlikely
    assert (second["text"], second["language"]) == ("", "en")


def test_resuming_needs_the_same_request(start_router: Start, journals: Journals, sounds: list[str]) -> None:
    """Another language is another transcript: it begins at the start, and leaves the first one's journal alone. Without
    --resume it begins anew, too, and success removes the journal."""
    router = start_router(LongTalk(6, "worker_failed"))
    assert run(sounds[0], "--language", "en").returncode == 5
    (kept,) = journals()
    router.script = LongTalk()
    assert run(sounds[0], "--language", "de", "--resume").returncode == 0
    assert router.of(Request)[-1].params == {"language": "de"}
    assert journals() == [kept]
    assert run(sounds[0], "--language", "en", "--resume").returncode == 0
    assert router.of(Request)[-1].params == {"language": "en", "start_s": 360.0}
    router.script = LongTalk(6, "worker_failed")
    assert run(sounds[0]).returncode == 5
    assert len(journals()) == 1
    router.script = LongTalk()
    assert run(sounds[0]).stdout.decode().split() == [f"word{n}" for n in range(10)]
    assert "start_s" not in router.of(Request)[-1].params
