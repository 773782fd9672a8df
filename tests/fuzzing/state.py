"""The configuration and what hushd writes for itself: a crash, a full disk or an editor may have left any of it odd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import zmq
from hushd.transcripts.cues import Layout
from hushd.transcripts.formats import FORMATS, render
from hushd.transcripts.segment import Segment
from hushd_cli.commands.listen.journal import Journal
from hushd_models import installation, user_models, verification
from hushd_models.store import Store
from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack
from hushd_protocol.system.cgroup import Cgroup
from hushd_protocol.system.paths import find
from hushd_schema.settings import Settings, editing, load
from hushd_schema.settings.neighbours import NeighbourSettings
from hushd_schema.status import FloorStatus, Status
from hushd_schema.transcript import SegmentData
from hushd_supervisor.core.events import Described, FromClient
from hushd_supervisor.core.memory import needs as learnt
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.pool import Pool
from hushd_supervisor.system import dbus, status
from hushd_supervisor.system.memory import cards
from hushd_supervisor.system.memory.needs import Needs
from hushd_supervisor.system.neighbours import Neighbours

from .claims import sentence
from .mutate import Feed, altered, damaged, json_file, toml_file

CONFIG: dict[str, Any] = {
    "stt": "moonshine/tiny-en",
    "tts": "kokoro/kokoro-v1.0",
    "log_level": "info",
    "memory_budget_mb": 4000,
    "exit_when_idle": "10m",
    "models": {"whisper/mine": {"repository": "a/b", "files": ["model.bin", "*.json"], "revision": "main"}},
    "worker": {
        "keep_alive": "5m",
        "stall_timeout": 60,
        "stt/whisper": {"command": ["python", "-m", "a"], "environment": {"A": "1"}, "pinned": True, "priority": 3},
        "tts/kokoro/x": {"max_pss_mb": 900.5, "slots": 2},
    },
}


@contextmanager
def config(folder: Path) -> Iterator[Feed]:
    """The configuration file, as the supervisor, the clients and the workers read it."""
    path = folder / "config.toml"

    def feed(rng: Random) -> None:
        path.write_bytes(toml_file(rng, CONFIG))
        for read in (load, user_models.configured, user_models.engines_elsewhere):
            try:
                read(path)
            except HushdError as error:
                sentence(error.message)

    yield feed


@contextmanager
def config_edit(folder: Path) -> Iterator[Feed]:
    """`hushd tune` changes one worker's table and nothing else."""

    def feed(rng: Random) -> None:
        text = toml_file(rng, CONFIG).decode(errors="replace")
        values = {"beam": rng.choice((None, 1, True, 0.5, "a")), "environment": rng.choice((None, {"A": "2"}, {}))}
        try:
            editing.with_worker(text, rng.choice(("stt/whisper", "tts/kokoro/x", "stt/new")), values)
        except HushdError as error:
            sentence(error.message)

    yield feed


@contextmanager
def state(folder: Path) -> Iterator[Feed]:
    """The small files of the state folder and of installations; a damaged one counts as none."""
    from hushd_worker_tts import levelling

    store = Store(find({"HOME": str(folder), "HUSHD_STATE_DIR": str(folder / "state")}))
    path = folder / "a"
    samples: tuple[Any, ...] = (
        {"stt/whisper/base": 10**9, "tts/kokoro/x": 3 * 10**8},
        {"stt/a/b@cuda": 10**9, "stt/a/b@0000:65:00.0": 5 * 10**9, "stt/a/b@0000:65:00.0:ready": 0, "tts/c/d@": 0},
        {"kind": "hub", "place": "a/b", "revision": "1", "sha256": "0" * 64},
        {"af_heart": {"lufs": -19.5, "seconds": 3.2}},
        {"model.bin": [100, 200, 300, "0" * 64]},
        {"environment": "hushd", "injected_packages": {}},
    )
    place = verification._path(store, "whisper/base")
    work = store.workplace("whisper/base")
    for made in (place.parent, work):
        made.mkdir(parents=True, exist_ok=True)

    def feed(rng: Random) -> None:
        data = json_file(rng, rng.choice(samples))
        for target in (path, place, work / "source.json"):
            target.write_bytes(data)
        known = learnt.Needs(Settings(), Needs(path).load())
        for name in ("stt/a/b", "stt/whisper/base"):
            known.memory(name, "0000:65:00.0"), known.on_card_alone(name, "0000:65:00.0"), known.uses_cards(name)
        levelling._load(path)
        verification._marks(store, "whisper/base")
        store.begun("whisper/base")
        installation._json(path)
        receipt = {"tool": {"requirements": [{"name": "hushd", "extras": ["a"]}, {"name": "b", "specifier": "==1"}]}}
        path.write_bytes(toml_file(rng, receipt))
        installation._receipt(str(path))

    yield feed


_SEGMENT = {
    "id": 1, "start": 0.5, "end": 2.5, "text": "Ever tried. Ever failed.", "speaker": "SPEAKER_00", "rest": 2.5,
    "language": "en",
    "words": [{"word": "Ever", "start": 0.5, "end": 0.9}, {"word": "tried.", "start": 1, "end": 2}],
}  # fmt: skip


@contextmanager
def journal(folder: Path) -> Iterator[Feed]:
    """Journals of interrupted transcriptions: resumed as far as they make sense, and gone on with."""
    sound = folder / "a.wav"
    sound.write_bytes(bytes(100))
    info = sound.stat()

    def feed(rng: Random) -> None:
        journal = Journal(folder / "journals", str(sound), info, {"worker": "stt"})
        journal._folder.mkdir(exist_ok=True)
        lines = [journal._head.encode(), *(json_file(rng, _SEGMENT) for _ in range(rng.choice((0, 1, 2, 5))))]
        data = b"".join(line + b"\n" for line in lines)
        journal._path().write_bytes(damaged(rng, data) if rng.random() < 0.3 else data)
        segments = journal.resume()
        journal.add(Segment(9, 9.0, 10.0, "a"), total=1000.0)
        journal.close()
        again = Journal(folder / "journals", str(sound), info, {"worker": "stt"})
        assert len(again.resume()) <= len(segments) + 1
        again.close()

    yield feed


@dataclass
class _Transcript:
    segments: list[Segment]
    diarized: bool
    language: str = "en"
    language_probability: float | None = None
    warnings: tuple[Any, ...] = field(default=())
    unlikely: tuple[Any, ...] = ()

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)


@contextmanager
def transcript(folder: Path) -> Iterator[Feed]:
    """A worker's transcript, written in every format."""

    def feed(rng: Random) -> None:
        segments = []
        for _ in range(rng.choice((1, 1, 2, 6))):
            data = altered(rng, _SEGMENT)
            try:
                segments.append(Segment.of(SegmentData.from_data(data)))
            except HushdError:
                continue
        layout = None
        if rng.random() < 0.5:
            numbers = (None, 1, 3, 42, 10**6)
            layout = Layout(rng.choice(numbers), rng.choice(numbers), rng.choice(numbers), rng.random() < 0.5)
        for form in FORMATS:
            "".join(
                render(
                    form,
                    _Transcript(segments, rng.random() < 0.5, language_probability=rng.choice((None, rng.random()))),
                    layout,
                )
            )

    yield feed


_MOUNTS = (
    b"24 30 0:22 / /proc rw,nosuid - proc proc rw\n30 1 8:1 / / rw - ext4 /dev/sda rw\n"
    b"35 24 0:30 /a /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,memory\n36 30 8:2 / /media/a\\040b rw - vfat b rw\n"
    b"40 24 0:33 / /sys/fs/memory rw - cgroup cgroup rw,memory\n"
)


@contextmanager
def kernel(folder: Path) -> Iterator[Feed]:
    """The kernel's reports of our group, in which users choose names: of mounts, of groups."""
    (folder / "proc/self").mkdir(parents=True)
    group = folder / "sys/fs/cgroup/b.slice"
    group.mkdir(parents=True)
    numbers = (b"max\n", b"1000000\n", b"", b"9" * 5000, b"-1\n", b"\xff")

    def feed(rng: Random) -> None:
        groups = b"0::/a/b.slice\n5:cpu,memory:/b.slice\n"
        (folder / "proc/self/cgroup").write_bytes(damaged(rng, groups) if rng.random() < 0.5 else groups)
        (folder / "proc/self/mountinfo").write_bytes(damaged(rng, _MOUNTS) if rng.random() < 0.7 else _MOUNTS)
        for name in ("memory.max", "memory.high", "memory.current"):
            (group / name).write_bytes(rng.choice(numbers))
        (group / "memory.events").write_bytes(damaged(rng, b"low 0\noom_kill 3\n"))
        found = Cgroup.own(folder)
        found.limits()
        found.oom_kills()
        found.pressure_file()

    yield feed


_CARDS = {
    "cards": [
        {
            "device": "cuda:0",
            "id": "0000:01:00.0",
            "name": "a",
            "total": 24 * 10**9,
            "free": 9 * 10**9,
            "asleep": False,
        },
        {"device": "cuda:1", "id": "0000:65:00.0", "name": "b", "total": 0, "free": 0, "asleep": True},
    ]
}


@contextmanager
def looks(folder: Path) -> Iterator[Feed]:
    """The answers of looks at the graphics cards, and what the pool makes of them while somebody waits."""

    def feed(rng: Random) -> None:
        try:
            answer = json.loads(json_file(rng, _CARDS))
        except (ValueError, RecursionError):
            return
        if not isinstance(answer, dict):
            return
        pool = Pool(Settings(), version="1", pid=1, has_cards=lambda: True)
        pool.handle(FromClient(b"a", m.Hello(protocol=1, version="1")), 1.0)
        pool.handle(FromClient(b"a", m.Request(id=bytes(16), worker="stt/a/b", op="echo")), 1.0)
        pool.handle(FromClient(b"a", m.Control(id=b"1" * 16, action="yield", vram=10**9)), 1.0)
        pool.handle(cards.seen(Described("cards", answer)), 1.1)
        report = status.report(pool.status(1.2), pool.standing(1.2), FloorStatus.from_data({}), {}, 1.0)
        data = report.data()
        assert Status.from_data(data) == report
        pack(m.Result(id=bytes(16), data=data))

    yield feed


_GAVE = {"neighbour": "ollama", "model": "m", "gave": True, "wake": None}
_HOLDS = {
    "neighbour": "ollama",
    "holds": [{"model": "m", "ram": 10**9, "cards": {"": 10**9}, "idle_s": 90.5, "in_use": False, "pinned": False}],
}


@contextmanager
def neighbours(folder: Path) -> Iterator[Feed]:
    """The lines of the process that asks neighbours, and what the pool makes of them while a start lacks memory."""
    settings = Settings(neighbours={"ollama": NeighbourSettings("ollama", "http://127.0.0.1:1", 0.0)})
    source = Neighbours(settings, zmq.Poller(), lambda *_: None, folder, folder)

    def feed(rng: Random) -> None:
        pool = Pool(settings, version="1", pid=1, memory=lambda: Memory(10**9, 10**8))
        pool.handle(FromClient(b"a", m.Hello(protocol=1, version="1")), 1.0)
        pool.handle(FromClient(b"a", m.Request(id=bytes(16), worker="stt/a/b", op="echo")), 1.0)
        talk: Any = SimpleNamespace(open={("look", ("", "")): 9.0, ("give", ("ollama", "m")): 9.0}, unheard={"ollama"})
        for line in (json_file(rng, _HOLDS), json_file(rng, _GAVE), b'{"looked": true}'):
            for event in source._take(talk, line):
                pool.handle(event, 1.1)
        report = status.report(pool.status(1.2), pool.standing(1.2), FloorStatus.from_data({}), {}, 1.0)
        assert Status.from_data(report.data()) == report
        pack(m.Result(id=bytes(16), data=report.data()))

    yield feed


@contextmanager
def bus(folder: Path) -> Iterator[Feed]:
    """Messages of the system bus, on which other programs speak too."""
    whole = dbus.call(3, "org.a.b", "/org/a", "org.a.b", "Member", "text") * 3

    def feed(rng: Random) -> None:
        buffer = bytearray(damaged(rng, whole))
        try:
            for message in dbus.decode(buffer):
                message.fields.get("member")
        except ValueError:
            pass

    yield feed
