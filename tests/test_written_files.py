"""The files that hushd writes: docs/MONITORING.md lists them all, and each keeps what that promises.

Each is written with a fault at each call in turn. What is only for looking hurts nobody; what was asked for ends with
one sentence, and is what it was or what it should be.
"""

from __future__ import annotations

import argparse
import ast
import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.system import best_effort
from hushd_protocol.system.paths import Paths, find, make_state
from support.failing_files import ERRORS, FailingFiles

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/MONITORING.md").read_text().partition("## The disk is full")[2]
ROWS = re.findall(r"^\| (.*?) \| .*? \| (all goes on|an error).*? \|$", PAGE, re.MULTILINE)
_REST = ("packaging", "scripts", "tests", "examples", "client/typescript")  # folders beside the product
# Modules with calls that write, but not to a file that hushd keeps.
_ELSEWHERE = {
    "hushd_cli/entry.py", "hushd_cli/hook.py", "hushd_cli/terminal/console.py",  # the null device
    "hushd/transport/ssh.py", "hushd/transport/remote.py",  # the terminal; a socket whose name goes before ssh begins
    "hushd_worker/read_ahead.py",
    "hushd_supervisor/system/memory/psi.py", "hushd_supervisor/system/memory/managed.py",  # of the kernel
    "hushd_supervisor/system/libzmq/connection_limit.py", "hushd_supervisor/system/libzmq/numbers.py",  # sockets of the
}  # fmt: skip
_OPENING = {"os.open": ("O_WRONLY", "O_RDWR", "O_CREAT", "flags"), "open": "wax+"}
_WRITING = {
    "write_text", "write_bytes", "touch", "mkdir", "makedirs", "mkfifo", "mkstemp", "mkdtemp", "NamedTemporaryFile",
    "TemporaryFile", "TemporaryDirectory", "SpooledTemporaryFile", "symlink", "symlink_to", "link", "hardlink_to",
    "rename", "copyfile", "copytree", "ftruncate", "rmtree", "unlink", "AtomicFile", "OutputFile", "locked_folder",
}  # fmt: skip


def writes(call: ast.Call) -> bool:
    """Returns whether a call makes, changes or removes a file, as far as it can be read."""
    name = ast.unparse(call.func)
    text = ast.unparse(call)
    if name == "console.write_bytes" or "memfd_create" in text:
        return False
    if name == "os.open":
        return any(flag in text for flag in _OPENING[name])
    if name.rpartition(".")[2] == "open":
        given = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
        modes = [arg.value for arg in given if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        return any(len(mode) < 5 and set(mode) & set(_OPENING["open"]) for mode in modes)
    return name in ("os.replace", "atomic_file.replace") or name.rpartition(".")[2] in _WRITING


def test_the_table_has_every_module_that_writes() -> None:
    """A module that is new, or writes now, needs a row that says what its file is for; one of the table writes."""
    found = set()
    for path in ROOT.glob("*/hushd*/**/*.py"):
        place = path.relative_to(ROOT)
        if place.parts[0] in _REST or "conformance" in place.parts or "docs" in place.parts:
            continue
        if any(isinstance(node, ast.Call) and writes(node) for node in ast.walk(ast.parse(path.read_text()))):
            found.add("/".join(place.parts[1:]))
    found = {name for name in found if "/core/" not in name}  # which is pure
    named = set(re.findall(r"`(hushd\w*/[\w/]+\.py)`", PAGE))
    assert found - named - _ELSEWHERE == set()
    missing = {name for name in named if not list(ROOT.glob(f"*/{name}"))}
    assert missing == set()


# --- what writes each file, a row of the table each -------------------------------------------------------------------


def closed(descriptor: int) -> None:
    """Closes what the product would hold on to."""
    with suppress(OSError):
        os.close(descriptor)


def supervisor_log(here: Paths) -> None:
    from hushd.transport import autostart
    from hushd_supervisor import run

    with best_effort.writing(here.logs):
        make_state(here)
    autostart._is_writable(str(here.supervisor_log))
    before = os.dup(2)
    try:
        run._open_log(here)
    finally:
        os.dup2(before, 2)
        closed(before)


def worker_log(here: Paths) -> None:
    from hushd_protocol.system import log_files

    closed(log_files.open_for_child(here.worker_log("stt/a/b"))[0])


def no_wait_log(_: Paths) -> None:
    from hushd_cli.commands.say import detach

    closed(detach.open_log("say"))


def memory_record(here: Paths) -> None:
    from hushd_supervisor.system.memory.history import History

    History(here.memory_record).begin()


def needs(here: Paths) -> None:
    from hushd_supervisor.system.memory.needs import Needs

    Needs(here.needs).save({"stt/a/b": 1})


def asleep(here: Paths) -> None:
    import zmq
    from hushd_schema.settings import Settings
    from hushd_supervisor.core.actions import RememberAsleep
    from hushd_supervisor.system.neighbours import Neighbours

    def never(*_: object, **__: object) -> Any:
        raise AssertionError("nobody is asked")

    neighbours = Neighbours(Settings(), zmq.Poller(), never, here.state, here.logs)
    for models in ((("vllm", "a"),), ()):
        list(neighbours.actions()[RememberAsleep](RememberAsleep(models)))


def treaty(here: Paths) -> None:
    from hushd_treaty.memory_treaty import Holder

    with suppress(OSError):  # as the supervisor does, which then stays out
        Holder("hushd", os.fspath(here.runtime / "memory-treaty")).close()


def the_pointer(here: Paths) -> None:
    from hushd_supervisor.system.sockets import lock

    here = replace(here, pointer=here.state / "runtime-0")
    lock.claim_pointer(here, 0.0)
    lock.withdraw_pointer(here)


def journal(here: Paths) -> None:
    from hushd.transcripts.segment import Segment
    from hushd_cli.commands.listen.journal import Journal
    from hushd_schema.transcript import SegmentData

    segment = Segment.of(SegmentData(kind="segment", id=0, start=0.0, end=1.0, text="One."))
    for _ in range(2):
        kept = Journal(here.transcripts, "a.wav", os.stat(__file__), {})
        kept.resume()
        kept.add(segment, total=1000.0)
        kept.close()
    kept.remove()


def verified(here: Paths) -> None:
    from hushd_models import verification
    from hushd_models.store import Store

    verification._remember(Store(here), "a/b", {"file": [1, 2, 3, "x"]})
    verification.forget(Store(here), "a/b")


def loudness(here: Paths) -> None:
    pytest.importorskip("numpy")
    from hushd_worker_tts.levelling import Leveller

    leveller = Leveller(here.loudness / "a.json")
    leveller._learned["Anna"], leveller._changed = (0.1, 3.0), True
    leveller.end()


def offered(_: Paths) -> None:
    from hushd_cli.commands.listen import better_model

    known = argparse.Namespace(model="stt/a/b", size_mb=1, licence="MIT", word_errors="en 1.9")
    options = argparse.Namespace(engine=None, model=None, task="transcribe", language=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(better_model, "_is_person", lambda: True)
        patch.setattr(better_model, "_better", lambda: known)
        better_model.mention(options)


def permission_to_type(here: Paths) -> None:
    pytest.importorskip("jeepney")
    from hushd_desktop.dictation import portal

    portal._keep(here.state / "token", "abc")


def prepared_files(here: Paths) -> None:
    from hushd_worker_tts.engines import prepared

    with best_effort.writing(here.state):  # as `make_alone` has it, in a process of its own
        prepared.keep(here.state / "cache/hushd/a-1.ort", "a", lambda: bytes(5000))


def listed_engines(here: Paths) -> None:
    from hushd_models import listed
    from hushd_schema.description import Descriptions
    from hushd_schema.settings import Settings
    from hushd_supervisor.system.serving.prepared import Answers

    listed.save(here.listed, Descriptions.from_data({}))
    Answers(Settings(), str, here.listed).close()


def hooks(here: Paths) -> None:
    from hushd_cli.commands.agents.sessions import Session, prune

    session = Session(here, "a", "b")
    session.take("text", "turn", "message")
    with session.speaking(lambda: None) as may:
        assert may
    prune(here)


def said(here: Paths) -> None:
    from hushd.voice_assignments import recent

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent, "MEMORY", os.fspath(here.runtime))
        patch.setattr(recent, "_is_memory", lambda: True)
        recent.Recent(here).add("a", "text")
        assert recent.Recent(here).take_turn("a") in (True, False)
        recent.Recent(here).forget()


def trace_marks(here: Paths) -> None:
    from hushd_protocol.system import trace

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "_file", os.fspath(here.state / "marks"))
        patch.setattr(trace, "_marked", set())
        trace.mark("begun")


def ducking(here: Paths) -> None:
    from hushd_desktop.ducking.helper import Locks
    from hushd_desktop.ducking.ledger import PLAYERS, write

    with suppress(OSError):  # it ends the helper, and no program is made quieter: `holder.Ducking._keep`
        Locks(here.runtime).close()
        write(here.runtime / PLAYERS, [{"a": "b"}, 1.0])


def the_supervisors_own(here: Paths) -> None:
    from hushd_protocol.system.paths import prepare_runtime
    from hushd_supervisor.system.sockets import lock

    prepare_runtime(here)
    descriptor = lock.acquire(here, 0.0)
    assert descriptor is not None
    closed(descriptor)
    listener = lock.ListeningSocket(here.client_socket)
    closed(listener.fd)
    listener.remove()


def one_of_a_kind(here: Paths) -> None:
    from hushd_desktop.captions import kept
    from hushd_desktop.only_one import OnlyOne

    closed(OnlyOne("dictate")._descriptor)
    with closing(kept._listen(here.runtime / "captions-keep.sock")):
        pass


def command_sound(here: Paths) -> None:
    from hushd_worker import program

    path = program.sound_file()
    with program.reported("whistle", "wait"):
        path.write_bytes(b"RIFF")
    program.remove(path)


def long_requests(_: Paths) -> None:
    from hushd.transport.overflow import Overflow
    from hushd_worker_stt.audio.spool import Spool

    with closing(Overflow("answer")) as overflow:
        overflow.add(bytes(9000))
    spool = Spool()
    with spool.file:
        spool.write(bytes(9000))
    if (ROOT / "gateway").exists():
        uploads_of_a_gateway()


def uploads_of_a_gateway() -> None:
    from hushd_gateway import storage
    from hushd_gateway.wyoming import recording

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "SHORT", 10)
        with closing(recording.Recording()) as made:
            made.add({}, bytes(9000))
            made.read()
    pytest.importorskip("starlette")
    from hushd_gateway.http.body import Form

    with Form() as form:
        try:
            with form.open() as file:
                file.write(bytes(9000))
        except OSError as error:  # as `Form.read` does
            raise storage.failure(error) from error


def of_a_node(_: Paths) -> None:
    from hushd_cluster import node, scratch

    scratch.home.cache_clear()  # of another temporary folder
    try:
        with node.as_file(bytes(9000)):
            pass
    finally:
        scratch.home.cache_clear()


def leaving(here: Paths) -> None:
    from hushd_cluster import leaving

    with patch.object(leaving.time, "time", lambda: 5.0):  # the file has the same content each time
        leaving.leave(1.0)


def own_supervisors(here: Paths) -> None:
    from hushd_cli.commands.tune.trial_supervisor import TrialSupervisor

    trial: Any = argparse.Namespace(environment=lambda _: {}, _config="", worker="stt/a/b", _folder=here.state)
    TrialSupervisor._configure(trial, {})


def own_voice(here: Paths) -> None:
    from hushd_cli.commands.tune.accuracy.tuning_folder import Hearing, TuningFolder
    from hushd_schema.comparison import ModelComparison

    kept = TuningFolder(here.state)
    kept.add("en", 1, "One two three.", bytes(9000))
    kept.keep({"a/b": {"c": Hearing(text="one", work_s=1.0, first_s=1.0, audio_s=1.0, memory_mb=1.0)}})
    assert kept.clips("en")
    kept.keep_comparison(ModelComparison(time=1.0, about="", models=(), differences=(), failed={}))
    kept.forget()


def roster(here: Paths) -> None:
    from hushd.voice_assignments.assignments import VoiceAssignments

    VoiceAssignments(here).mute("a")


def switch(here: Paths) -> None:
    from hushd_cli.commands.agents.switch import Switch

    Switch(here).turn(False)


def people(here: Paths) -> None:
    import base64

    from hushd_models.people import PeopleFolder, Person
    from hushd_schema.voiceprint import MODEL, NUMBERS

    folder = PeopleFolder(here.state)
    voiceprint = f"{MODEL}:{base64.b64encode(bytes(2 * NUMBERS)).decode()}"
    words = {"sentence": "I agree.", "recognised": "I agree.", "language": "en"}
    folder.add(Person(name="Anna", voiceprint=voiceprint, imitation=False, added=1.0, **words), bytes(900))
    folder.find("Anna")  # whole; what else lies there is not theirs


def configuration(here: Paths) -> None:
    from hushd_cli.commands.config import command, file

    file.replace(here.config, "stt = 'a'\n")
    command._remove(command._beside(here.config, "stt = 'b'\n"))


def words(here: Paths) -> None:
    from hushd_schema import pronunciations

    pronunciations.changed(here.pronunciations, lambda text: pronunciations.with_entry(text, "nginx", "engine x"))


def dictation(_: Paths) -> None:
    from hushd_desktop.dictation import install

    key: Any = "F9"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(install.units, "run", lambda command: "")
        patch.setattr(install.console, "write", lambda text: None)
        install.install(key, [])


def units(here: Paths) -> None:
    from hushd_cli.commands.service.units import find as find_units

    home = os.fspath(here.config.parent)
    found = find_units(environ={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home}, platform="linux")
    found.write()
    found.remove()


def models(here: Paths) -> None:
    from hushd_models.manifest import Source
    from hushd_models.store import Store

    store = Store(here)
    with store.lock("whisper/a"):
        store.begin("whisper/a", Source("url", "https://127.0.0.1/a", "1", ""))


def outputs(here: Paths) -> None:
    from hushd_protocol.system.output_file import OutputFile

    with OutputFile(here.state / "a.wav") as file:
        file.write(bytes(9000))
        file.write(b"RIFF", 0)


def captions(here: Paths) -> None:
    from hushd_desktop.captions.feeds import LiveFile

    LiveFile(os.fspath(here.state / "captions.txt"))._write("One.\n")


def cluster(here: Paths) -> None:
    from hushd_cluster.outputs import Disk, Failure

    Disk(os.fspath(here.state / "transcripts"), "txt").put_aside("a.wav", Failure("a", "b", 1, 1))


def new_engine(here: Paths) -> None:
    from hushd_conformance.engine_command import command

    command._new("my-whistle", "stt", here.state / "my-whistle")


# By the first words of a row, in its order; those of a guest with the folder of its package.
CASES: dict[str, Callable[[Paths], object]] = {
    "`logs/supervisor.log`": supervisor_log,
    "`logs/WORKER.log`": worker_log,
    "`logs/say.log`": no_wait_log,
    "`memory.log`": memory_record,
    "`needs.json`": needs,
    "`asleep.json`": asleep,
    "`memory-treaty/": treaty,
    "`runtime-UID`": the_pointer,
    "`transcripts/`": journal,
    "`verified/`": verified,
    "`loudness/`": loudness,
    "`offered`": offered,
    "the desktop's permission": permission_to_type,
    "`hibari-*`": prepared_files,
    "`engines.json`": listed_engines,
    "`agents/`": hooks,
    "`hushd-UID-*`": said,
    "the file that `HUSHD_TRACE`": trace_marks,
    "`ducking*`": ducking,
    "`lock`, `client.sock`": the_supervisors_own,
    "`captions-keep.sock`": one_of_a_kind,
    "`command-*.wav`": command_sound,
    "an answer, a recording": long_requests,
    "a recording in the temporary folder of a node": of_a_node,
    "`cluster-leaves.json`": leaving,
    "the folder of `hushd tune`": own_supervisors,
    "`tune/`": own_voice,
    "`roster.json`": roster,
    "`agent-hook.json`": switch,
    "`people/`": people,
    "`config.toml`": configuration,
    "`pronunciations.txt`": words,
    "`names.txt`": dictation,
    "units of the service": units,
    "the models folder": models,
    "what `-o`": outputs,
    "the file and the socket": captions,
    "the transcripts of": cluster,
    "the folder of `hushd engine": new_engine,
}
_OF_GUESTS = {
    permission_to_type: "desktop", ducking: "desktop", one_of_a_kind: "desktop", dictation: "desktop",
    captions: "desktop", of_a_node: "cluster", leaving: "cluster", cluster: "cluster", new_engine: "conformance",
}  # fmt: skip
CASES = {name: case for name, case in CASES.items() if (ROOT / _OF_GUESTS.get(case, "")).exists()}


def test_each_row_is_tried() -> None:
    """The table's rows and the cases here are the same, in one order."""
    assert len(ROWS) == len(CASES)
    assert [name for (row, _), name in zip(ROWS, CASES, strict=True) if not row.startswith(name)] == []


@contextmanager
def house(place: Path) -> Iterator[Paths]:
    """All folders that hushd writes to, empty, below `place`; the user's files are there already."""
    with pytest.MonkeyPatch.context() as patch:
        place.mkdir()
        for name in ("state", "run", "models", "tmp", "home"):
            (place / name).mkdir(mode=0o700)
        (place / "state/marks").touch()
        for name, folder in (("STATE_DIR", "state"), ("RUNTIME_DIR", "run"), ("MODELS_DIR", "models")):
            patch.setenv(f"HUSHD_{name}", os.fspath(place / folder))
        patch.setenv("HUSHD_CONFIG", os.fspath(place / "home/config.toml"))
        patch.setenv("HOME", os.fspath(place / "home"))
        patch.setattr(tempfile, "tempdir", os.fspath(place / "tmp"))
        patch.setattr(best_effort, "_told", set())
        patch.setattr(best_effort, "_kept", [])
        patch.setattr(best_effort, "_report", best_effort._kept.append)
        yield find()


def contents(place: Path) -> dict[str, bytes]:
    """The files that have names of their own; not those that are written beside them."""
    files = [path for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
    return {os.fspath(path.relative_to(place)): path.read_bytes() for path in files if path.name[0] != "."}


def tried(act: Callable[[Paths], object], promise: str) -> None:
    """Calls it, and checks what a failure has to look like."""
    try:
        act(find())
    except HushdError as error:
        message = error.message
    else:
        return
    assert promise == "an error", message
    assert "\n" not in message
    assert message.endswith(".")


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.__getitem__)
@pytest.mark.parametrize(("row", "name"), list(zip(ROWS, CASES, strict=False)), ids=list(CASES))
def test_a_fault_at_each_call(row: tuple[str, str], name: str, error: int, tmp_path: Path) -> None:
    """Whichever call of its is the first to fail: it goes on, and says one sentence; or it is one error, and nothing
    is half-written."""
    with house(tmp_path / "whole") as here:
        before = contents(here.state.parent)
        CASES[name](here)
        after = contents(here.state.parent)
    for moment in count():
        place = tmp_path / str(moment)
        with house(place), pytest.MonkeyPatch.context() as patch:
            files = FailingFiles(patch, place, error, moment)
            tried(CASES[name], row[1])
            sentences = list(best_effort._kept)
        if not files.struck:
            break
        assert len(sentences) <= 1
        if row[1] == "an error":
            for file, content in contents(place).items():
                assert len(content) in (len(before.get(file, b"")), len(after.get(file, content))), file
    assert moment or name in ("`logs/say.log`",)


@pytest.mark.parametrize(("row", "name"), list(zip(ROWS, CASES, strict=False)), ids=list(CASES))
def test_a_folder_in_its_place(row: tuple[str, str], name: str, tmp_path: Path) -> None:
    """As a fault at a call, for each name that is written to."""
    whole = tmp_path / "whole"
    with house(whole), pytest.MonkeyPatch.context() as patch:
        files = FailingFiles(patch, whole, errno.ENOSPC, 1_000_000)
        CASES[name](find())
    stable = [file for file in sorted(files.named) if not file.startswith("tmp/") and "/.hushd-" not in file]
    for number, file in enumerate(stable):
        place = tmp_path / str(number)
        with house(place):
            if (place / file).is_dir():
                continue
            (place / file).unlink(missing_ok=True)
            (place / file / "taken").mkdir(parents=True, exist_ok=True)
            tried(CASES[name], row[1])
            assert len(best_effort._kept) <= 1
