"""`listen` with several and with long recordings, against scripted supervisors."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd_protocol.messages import Cancel, Error, Message, Partial, Progress, Request, Result
from support import warm
from support.scripted_router import ScriptedRouter

Start = Callable[..., ScriptedRouter]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def command(*arguments: str) -> list[str]:
    """`listen` on two cores, whatever this machine has."""
    two = (
        "import hushd_cli.commands.listen.files as r; r.cores = lambda: 2; from hushd_cli import entry; entry.listen()"
    )
    return [sys.executable, "-P", "-c", two, *arguments]


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    return warm.run(
        command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, cwd=cwd
    )


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


def last_first(total: int) -> Callable[[list[Request]], list[Request]]:
    """Answers the newest of two, so that the first file stays to the end."""
    seen: list[str] = []

    def answer(requests: list[Request]) -> list[Request]:
        seen.append(name(requests[-1]))
        if len(seen) == total:
            return requests[::-1]
        return [requests[-1]] if len(requests) > 1 else []

    return answer


def test_as_many_at_once_as_there_are_cores_in_order(start_router: Start, sounds: list[str]) -> None:
    """Two cores, two requests under way; the first file is slowest, and yet its text comes first, whole."""
    hearers = Hearers(start_router, last_first(5))
    done = run(*sounds)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().split("\n")[:-1] == [f"{letter}.wav {n}" for letter in "abcde" for n in (0, 1)]
    assert hearers.most == 2
    assert [name(request) for request in hearers.router.of(Request)] == [f"{letter}.wav" for letter in "abcde"]


def test_files_are_written_as_they_finish(start_router: Start, sounds: list[str], tmp_path: Path) -> None:
    """A transcript that is ready does not wait in memory for a slower one before it."""
    folder = tmp_path / "out"
    seen: list[list[str]] = []

    def written() -> list[str]:
        """Lists whole files: one that is being written has another name, with a dot."""
        return sorted(path for path in os.listdir(folder) if not path.startswith("."))

    def answer(requests: list[Request]) -> list[Request]:
        if name(requests[-1]) == "e.wav":
            wait_until(lambda: len(written()) == 3)
            seen.append(written())
            return requests
        return [requests[-1]] if len(requests) > 1 else []

    Hearers(start_router, answer)
    assert run(*sounds, "-o", str(folder)).returncode == 0
    assert seen == [["b.txt", "c.txt", "d.txt"]]
    assert sorted(os.listdir(folder)) == [f"{letter}.txt" for letter in "abcde"]


def test_a_dash_is_standard_output(start_router: Start, sounds: list[str], tmp_path: Path) -> None:
    """`-o -` makes no folder of that name; it takes one format, and says so when asked for all."""
    Hearers(start_router, lambda requests: requests)
    done = run(sounds[0], "-o", "-", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a.wav 0\na.wav 1\n", b"")
    refused = run(sounds[0], "-o", "-", "-f", "all", cwd=tmp_path)
    assert (refused.returncode, refused.stderr) == (2, b"listen: Standard output takes one format: name it with -f.\n")
    assert not (tmp_path / "-").exists()


def test_one_error_that_concerns_them_all(start_router: Start, sounds: list[str]) -> None:
    """Five files that an engine cannot translate are one sentence, and not five."""

    def refuse(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            router.send(route, Error(id=message.id, code="unsupported", message="The engine does not translate."))

    start_router(refuse)
    done = run(*sounds, "--task", "translate")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"listen: The engine does not translate.\n")


@pytest.mark.parametrize(
    ("place", "options", "expected"),
    [
        ("out.txt", [], {"out.txt": "a.wav 0\na.wav 1\n"}),
        ("out.SRT", [], {"out.SRT": "1\n00:00:00,000 --> 00:00:01,000\na.wav 0\n\n"}),
        ("notes.md", ["-f", "txt"], {"notes.md": "a.wav 0\na.wav 1\n"}),
        ("v1.2", [], {"v1.2/a.txt": "a.wav 0\na.wav 1\n"}),
        ("out", [], {"out/a.txt": "a.wav 0\na.wav 1\n"}),
        ("out.txt/", [], {"out.txt/a.txt": "a.wav 0\na.wav 1\n"}),
    ],
)
def test_o_is_a_file_or_a_folder(
    place: str, options: list[str], expected: dict[str, str], start_router: Start, sounds: list[str], tmp_path: Path
) -> None:
    """A place that looks like a file is one, and its extension says the format; any other is a folder."""
    Hearers(start_router, lambda requests: requests)
    done = run(sounds[0], "-o", str(tmp_path) + "/" + place, *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    for name, text in expected.items():
        assert (tmp_path / name).read_text().startswith(text)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a.wav", "b.wav", "-o", "out.txt"], 2, "is one file, and there are 2 recordings: name a folder, as out.txt/"),
        (["a.wav", "-o", "out.docx"], 2, "names no format: end it with one of .txt, .vtt"),
        (["a.wav", "-o", "out.txt", "-f", "all"], 2, "'out.txt' takes one format"),
        (["a.wav", "-o", "a.wav", "-f", "txt"], 2, "would replace it"),
        (["a.wav", "-o", "nowhere/out.txt"], 9, "there is no folder 'nowhere'"),
    ],
)
def test_a_place_that_does_not_fit(
    arguments: list[str], code: int, words: str, start_router: Start, sounds: list[str], tmp_path: Path
) -> None:
    """It is refused before anything is transcribed."""
    hearers = Hearers(start_router, lambda requests: requests)
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr.decode()
    assert hearers.router.of(Request) == []


def test_warnings_are_printed_and_fail_nothing(start_router: Start, sounds: list[str]) -> None:
    """A warning stands on standard error with its recording's name, one about the options once for all of them."""
    warnings = [
        {"code": "unlikely_text", "message": "The text repeats itself."},
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


def test_a_name_that_is_no_text(start_router: Start, sounds: list[str], tmp_path: Path) -> None:
    """A file with a name of another encoding is heard like any other, and its transcript has the same; an option that
    is not text is told."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            router.send(route, segment(message, 0, message.input), Result(id=message.id))

    start_router(script)
    old = os.path.join(os.fsencode(tmp_path), b"caf\xe9.wav")
    with open(old, "wb") as file:
        file.write(b"RIFF")
    done = run(os.fsdecode(old), sounds[0], "-o", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(os.listdir(os.fsencode(tmp_path / "out"))) == [b"a.txt", b"caf\xe9.txt"]
    assert run(os.fsdecode(old)).stdout == b"stream\n"
    refused = run(sounds[0], "--initial_prompt", os.fsdecode(b"caf\xe9"))
    assert (refused.returncode, refused.stderr) == (2, b"listen: The argument 'caf?' is not valid UTF-8.\n")


def test_no_transcript_replaces_its_recording(start_router: Start, sounds: list[str], tmp_path: Path) -> None:
    """A recording whose name ends like the transcript's is not written over, by no format and through no link."""
    router = start_router()
    voice, link = tmp_path / "voice.txt", tmp_path / "link.json"
    voice.write_bytes(b"RIFF")
    link.symlink_to(voice)
    for arguments in ([voice, "-f", "txt", "-o", tmp_path], [link, "-f", "all"]):
        done = run(*map(str, arguments), cwd=tmp_path)
        assert done.returncode == 2
        assert b"would replace it: name another folder." in done.stderr
    assert voice.read_bytes() == b"RIFF"
    assert router.of(Request) == []


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


def test_a_supervisor_without_any_room_is_told(start_router: Start, sounds: list[str]) -> None:
    """Every file fails as busy if no other request of this command runs either."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            router.send(route, Error(id=message.id, code="server_busy", message="No memory."))

    start_router(script)
    done = run(*sounds[:3])
    assert (done.returncode, done.stdout) == (7, b"")
    assert done.stderr == b"listen: No memory.\n" * 3


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
    """`-f all` writes five files into the current folder, as whisper does, or into that of -o."""
    Hearers(start_router, lambda requests: requests)
    here = tmp_path / "here"
    here.mkdir()
    done = run(sounds[0], "-f", "all", cwd=here)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert sorted(os.listdir(here)) == ["a.json", "a.srt", "a.tsv", "a.txt", "a.vtt"]
    assert run(sounds[0], "-f", "all", "-o", str(tmp_path / "there")).returncode == 0
    for file in os.listdir(here):
        assert (tmp_path / "there" / file).read_bytes() == (here / file).read_bytes()
    assert json.loads((here / "a.json").read_text())["text"] == "a.wav 0 a.wav 1"


def test_no_word_times_is_said_to_who_asked(start_router: Start, sounds: list[str]) -> None:
    """Asking an engine for what it does not know is not an error, but is not passed over either."""
    Hearers(start_router, lambda requests: requests)
    done = run(sounds[0], "--word_timestamps", "True")
    assert done.returncode == 0
    assert done.stderr == b"listen: The engine does not report word times.\n"
    assert run(sounds[0], "-f", "srt", "--max_line_width", "20").stderr == b""


# --- progress ---------------------------------------------------------------------------------------------------------


def on_terminal(*arguments: str, printed: bool) -> tuple[int, str]:
    """Runs `listen` with standard error, and if `printed` standard output too, on a terminal; returns the drawing."""
    leader, follower = pty.openpty()
    output = follower if printed else subprocess.PIPE
    process = warm.Popen(command(*arguments), stdin=subprocess.DEVNULL, stdout=output, stderr=follower)
    os.close(follower)
    drawn = b""
    while block := read_terminal(leader):
        drawn += block
    os.close(leader)
    process.communicate(timeout=60)
    return process.returncode, drawn.decode()


def read_terminal(leader: int) -> bytes:
    try:
        return os.read(leader, 4096)
    except OSError:
        return b""


def halfway(router: ScriptedRouter, route: bytes, message: Message) -> None:
    """Half of ten minutes is heard at once."""
    if isinstance(message, Request):
        router.send(route, Progress(id=message.id, done=300.0, total=600.0), segment(message, 0, "Half."))
        router.send(route, Result(id=message.id, data={"language": "en"}))


def test_one_progress_line_in_all(start_router: Start, sounds: list[str], tmp_path: Path) -> None:
    """Several files share a line, which is gone at the end."""
    start_router(halfway)
    status, drawn = on_terminal(*sounds, "-o", str(tmp_path / "out"), printed=False)
    assert status == 0
    assert "0 of 5 files [" in drawn
    assert "5:00 of ~50:00" in drawn
    assert "5 of 5 files [##############################] 50:00 of 50:00" in drawn
    assert drawn.endswith("\r\x1b[K")


def test_text_and_progress_share_a_terminal(start_router: Start, sounds: list[str]) -> None:
    """Each line of text takes the place of the progress, which is drawn again below it."""
    start_router(halfway)
    status, drawn = on_terminal(sounds[0], printed=True)
    assert status == 0
    bar = "a.wav [###############               ] 5:00 of 10:00"
    assert f"\r\x1b[K{bar}\r\x1b[KHalf.\r\n\r\x1b[K{bar}" in drawn
    assert drawn.endswith("\r\x1b[K")


# --- resuming ---------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM, "worker_failed"])
@pytest.mark.parametrize("written", [False, True])
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


@pytest.mark.parametrize("written", [False, True])
def test_what_could_be_read_of_a_damaged_recording_is_kept(
    written: bool, start_router: Start, journals: Journals, sounds: list[str], tmp_path: Path
) -> None:
    """Its transcript is printed or written as if it had ended there, then the error is told; there is no more of it,
    so nothing is kept to be resumed. The next file is heard."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request) and name(message) == "a.wav":
            data = {"kind": "segment", "id": 0, "start": 0.0, "end": 400.0, "text": "So far", "language": "de"}
            damage = {"code": "input_unreadable", "message": "It is cut off.", "detail": {"read_s": 400.5}}
            router.send(route, Partial(id=message.id, seq=0, data=data), Error(id=message.id, **damage))
        elif isinstance(message, Request):
            router.send(route, Result(id=message.id, data={"language": "en", "duration": 1.0}))

    start_router(script)
    folder = tmp_path / "out"
    done = run(*sounds[:2], "-f", "json", *(["-o", str(folder)] if written else []))
    assert (done.returncode, done.stderr) == (4, b"listen: It is cut off.\n")
    texts = [(folder / f"{n}.json").read_text() for n in "ab"] if written else done.stdout.decode().splitlines()
    first, second = map(json.loads, texts)
    assert (first["text"], first["language"]) == ("So far", "de")
    assert (second["text"], second["language"]) == ("", "en")


def test_the_rest_is_heard_in_the_language_that_was_found(
    start_router: Start, journals: Journals, sounds: list[str]
) -> None:
    """The rest of a resumed recording is transcribed in the language found in its first part."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            data = {"kind": "segment", "id": 0, "start": 0.0, "end": 400.0, "text": "Ja.", "language": "de"}
            failed = Error(id=message.id, code="worker_failed", message="Too bad.")
            router.send(route, Partial(id=message.id, seq=0, data=data), failed)

    router = start_router(script)
    assert run(sounds[0]).returncode == 5
    router.script = LongTalk()
    assert run(sounds[0], "--resume").returncode == 0
    assert [request.params for request in router.of(Request)] == [{}, {"start_s": 400.0, "language": "de"}]


def test_resuming_needs_the_same_request(start_router: Start, journals: Journals, sounds: list[str]) -> None:
    """Another language is another transcript: it begins at the start, and leaves the first one's journal alone."""
    router = start_router(LongTalk(6, "worker_failed"))
    assert run(sounds[0], "--language", "en").returncode == 5
    (kept,) = journals()
    router.script = LongTalk()
    assert run(sounds[0], "--language", "de", "--resume").returncode == 0
    assert router.of(Request)[-1].params == {"language": "de"}
    assert journals() == [kept]
    assert run(sounds[0], "--language", "en", "--resume").returncode == 0
    assert router.of(Request)[-1].params == {"language": "en", "start_s": 360.0}


def test_a_file_that_has_changed_begins_anew(start_router: Start, journals: Journals, sounds: list[str]) -> None:
    """The transcript of another recording is not mixed into this one."""
    router = start_router(LongTalk(6, "worker_failed"))
    assert run(sounds[0]).returncode == 5
    Path(sounds[0]).write_bytes(b"RIFF" + bytes(200))
    router.script = LongTalk()
    assert run(sounds[0], "--resume").stdout.decode().split() == [f"word{n}" for n in range(10)]
    assert "start_s" not in router.of(Request)[-1].params


def test_without_resume_it_begins_anew(start_router: Start, journals: Journals, sounds: list[str]) -> None:
    """A journal is only a help to who asks for it, and success without it removes it too."""
    router = start_router(LongTalk(6, "worker_failed"))
    assert run(sounds[0]).returncode == 5
    assert len(journals()) == 1
    router.script = LongTalk()
    assert run(sounds[0]).stdout.decode().split() == [f"word{n}" for n in range(10)]
    assert "start_s" not in router.of(Request)[-1].params


def test_some_files_of_many_are_resumed(start_router: Start, journals: Journals, sounds: list[str]) -> None:
    """Each has its own journal; those that were finished are heard again, where their text went to a pipe."""
    router = start_router(LongTalk(6, "worker_failed"))
    assert run(*sounds[:2]).returncode == 5
    assert len(journals()) == 2
    router.script = LongTalk()
    router.heard.clear()
    done = run(*sounds[:3], "--resume")
    assert done.stdout.decode().split() == [f"word{n}" for _ in range(3) for n in range(10)]
    starts = {name(request): request.params.get("start_s") for request in router.of(Request)}
    assert starts == {"a.wav": 360.0, "b.wav": 360.0, "c.wav": None}


@pytest.mark.parametrize("late", [False, True])
def test_resuming_survives_a_supervisor_without_room(
    late: bool, start_router: Start, journals: Journals, sounds: list[str]
) -> None:
    """A recording that found no room beside another of ours is asked for again, and is resumed all the same, once;
    also where the other has ended before the refusal is read."""
    router = start_router(LongTalk(6, "worker_failed"))
    assert run(*sounds[:2]).returncode == 5
    router.heard.clear()
    first: list[tuple[bytes, Request]] = []

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request) and len(router.of(Request)) == 1:
            first.append((route, message))
        elif isinstance(message, Request) and len(router.of(Request)) == 2:
            if late:
                LongTalk()(router, *first[0])
                wait_until(lambda: len(journals()) == 1)  # the first is printed
            router.send(route, Error(id=message.id, code="server_busy", message="No memory."))
            if not late:
                LongTalk()(router, *first[0])
        else:
            LongTalk()(router, route, message)

    router.script = script
    done = run(*sounds[:2], "--resume")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().split() == [f"word{n}" for _ in range(2) for n in range(10)]
    assert [request.params["start_s"] for request in router.of(Request)] == [360.0] * 3


def test_a_person_is_told_that_it_can_go_on(start_router: Start, journals: Journals, sounds: list[str]) -> None:
    """Ctrl-C in a long recording names --resume, on a terminal only."""
    router = start_router(LongTalk(6))
    leader, follower = pty.openpty()
    process = warm.Popen(command(sounds[0]), stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)
    wait_until(lambda: journals() and journals()[0].read_text().count("\n") == 7)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    drawn = b""
    while block := read_terminal(leader):
        drawn += block
    os.close(leader)
    assert process.returncode == 130
    assert b"--resume" in drawn
    router.script = LongTalk()
    assert run(sounds[0], "--resume").returncode == 0


def wait_until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Waits for what has no event of its own."""
    moment = threading.Event()
    for _ in range(int(timeout / 0.01)):
        if condition():
            return
        moment.wait(0.01)
    raise AssertionError("it did not happen")
