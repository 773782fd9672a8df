"""The folder of people who are known by their voices: private, whole or not at all, and hard to mislead."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hushd_models.people import PeopleFolder, Person
from hushd_protocol.errors import HushdError
from hushd_schema.voiceprint import MAX_PEOPLE, MODEL, NUMBERS

VOICEPRINT = f"{MODEL}:{base64.b64encode(bytes(2 * NUMBERS)).decode()}"
RECORDING = b"RIFF" + bytes(1000)


def person(name: str) -> Person:
    return Person(
        name=name,
        voiceprint=VOICEPRINT,
        sentence="I agree.",
        recognised="I agree.",
        language="en",
        imitation=False,
        added=1.0,
        recording="consent.wav",
    )


@pytest.fixture
def folder(tmp_path: Path) -> PeopleFolder:
    return PeopleFolder(tmp_path / "state")


def entry(folder: PeopleFolder) -> Path:
    """The folder of the only person."""
    (only,) = folder.folder.iterdir()
    return only


def test_a_person_comes_and_goes(folder: PeopleFolder) -> None:
    """All that was given is there, for the user alone; and after `forget` no file of it."""
    anna = person("Anna")
    folder.add(anna, RECORDING)
    assert folder.every() == ([anna], [])
    assert folder.find("anna") == anna
    assert folder.recording(anna).read_bytes() == RECORDING
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.folder.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder.folder, entry(folder))} == {0o700}
    assert folder.forget("Anna") == ["consent.wav", "person.json"]
    assert list(folder.folder.iterdir()) == []


def test_forgetting_nobody_makes_no_folder(folder: PeopleFolder) -> None:
    """The name is told to be nobody's, also where the state folder cannot be written."""
    with pytest.raises(HushdError, match="nobody is known"):
        folder.forget("Anna")
    assert not folder.folder.exists()


@pytest.mark.parametrize("name", ["../../etc", "a/b", ".", "..", ".hushd-x", "Zoë", "李雷", "a & <b>", "x" * 64])
def test_any_name_is_a_name_alone(folder: PeopleFolder, name: str) -> None:
    """A name leads to no other place: slashes and dots are letters of it."""
    folder.add(person(name), RECORDING)
    assert [known.name for known in folder.every()[0]] == [name]
    assert entry(folder).parent == folder.folder
    folder.forget(name)
    assert list(folder.folder.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["", " ", " Anna", "An\0na", "An\nna", "An\x1bna", "An\u202ena", "An\u200bna", "x" * 65, "x" * 10_000, "SPEAKER_00",
     "speaker_1", "Аnna", "Νick", "\ud800"],
)  # fmt: skip
def test_what_is_no_name(folder: PeopleFolder, name: str) -> None:
    """Controls, what cannot be seen, labels of the unknown, letters of two alphabets and long texts are refused."""
    with pytest.raises(HushdError, match="cannot be a person's name") as caught:
        folder.add(person(name), RECORDING)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    assert folder.every() == ([], [])


@pytest.mark.parametrize("again", ["Anna", "anna", "ANNA", "Ａnna"])
def test_a_name_has_one_person(folder: PeopleFolder, again: str) -> None:
    """The same name, or one that looks the same, is refused, and who was known stays."""
    folder.add(person("Anna"), RECORDING)
    with pytest.raises(HushdError, match="is known already"):
        folder.add(person(again), b"other")
    assert folder.recording(folder.find("Anna")).read_bytes() == RECORDING


def test_there_are_not_too_many(folder: PeopleFolder) -> None:
    """As many as fit into a request are known; the next is refused."""
    for number in range(MAX_PEOPLE):
        folder.add(person(f"P{number}"), RECORDING)
    with pytest.raises(HushdError, match="64 people, its maximum"):
        folder.add(person("One more"), RECORDING)


def test_who_is_not_known(folder: PeopleFolder) -> None:
    """The error names who was meant, or who there is."""
    with pytest.raises(HushdError, match="nobody is known"):
        folder.find("Anna")
    folder.add(person("Anna"), RECORDING)
    with pytest.raises(HushdError, match="did you mean Anna"):
        folder.forget("Ana")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b"[" * 50_000, b" " * 70_000, json.dumps(person("Bert").data()).encode(),
     json.dumps(replace(person("Anna"), voiceprint="x").data()).encode(),
     json.dumps(replace(person("Anna"), added=1e300).data()).encode(),
     json.dumps(replace(person("Anna"), recording="../../x").data()).encode()],
)  # fmt: skip
def test_a_damaged_person_costs_nobody_else(folder: PeopleFolder, content: bytes) -> None:
    """One sentence says which folder to remove; the others are known, and `forget` removes the damaged one too."""
    folder.add(person("Anna"), RECORDING)
    (entry(folder) / "person.json").write_bytes(content)
    folder.add(person("Zoe"), RECORDING)
    people, damaged = folder.every()
    assert [known.name for known in people] == ["Zoe"]
    (sentence,) = damaged
    assert "remove" in sentence
    assert "\n" not in sentence
    folder.forget("Anna")
    assert folder.every()[1] == []


@pytest.mark.parametrize("what", ["person.json", "", "fifo"])
def test_links_and_pipes_are_not_read(folder: PeopleFolder, tmp_path: Path, what: str) -> None:
    """A file or a folder that is a link is damaged, whatever it leads to; so is a pipe, for which nobody waits."""
    folder.add(person("Anna"), RECORDING)
    if what == "fifo":
        (entry(folder) / "person.json").unlink()
        os.mkfifo(entry(folder) / "person.json", 0o600)
    else:
        place = entry(folder) / what
        place.rename(tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
    people, damaged = folder.every()
    assert (people, len(damaged)) == ([], 1)
    folder.forget("Anna")
    assert folder.every() == ([], [])
    if what == "":
        assert (tmp_path / "elsewhere" / "person.json").exists()


@pytest.mark.parametrize("mode", [0o755, 0o710])
def test_a_folder_that_others_may_read_is_refused(folder: PeopleFolder, mode: int) -> None:
    """Nothing is read from it and nothing written to it."""
    folder.add(person("Anna"), RECORDING)
    folder.folder.chmod(mode)
    for call in (folder.every, lambda: folder.find("Anna"), lambda: folder.add(person("Zoe"), RECORDING)):
        with pytest.raises(HushdError, match="open to other users") as caught:
            call()
        assert caught.value.code == "unauthorised"


def test_a_folder_that_is_a_link_is_refused(folder: PeopleFolder, tmp_path: Path) -> None:
    """The folder of all people may lead nowhere else."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.folder.parent.mkdir()
    folder.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HushdError, match="not a link"):
        folder.add(person("Anna"), RECORDING)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_refused(folder: PeopleFolder) -> None:
    """A folder that belongs to somebody else is not believed."""
    folder.add(person("Anna"), RECORDING)
    os.chown(folder.folder, 65534, 65534)
    with pytest.raises(HushdError, match="make it yours"):
        folder.every()


def test_two_adds_at_once(folder: PeopleFolder) -> None:
    """Of many who add the same name at once, one succeeds; different names all do."""

    def add(number: int) -> bool:
        try:
            folder.add(person("Anna"), bytes([number]) * 100)
        except HushdError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(16))) == 1
        list(pool.map(lambda number: folder.add(person(f"P{number}"), RECORDING), range(16)))
    people, damaged = folder.every()
    assert (len(people), damaged) == (17, [])


KILLED = """
import os, signal, sys
from hushd_models import people
from hushd_models.people import PeopleFolder, Person
real = getattr(os, sys.argv[2])
calls = [int(sys.argv[3])]
def dying(*arguments, **options):
    if not calls[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    calls[0] -= 1
    return real(*arguments, **options)
setattr(os, sys.argv[2], dying)
from pathlib import Path
sys.path[:0] = [str(Path(sys.argv[4]))]
from models.test_people import RECORDING, person
folder = PeopleFolder(Path(sys.argv[1]))
folder.forget("Anna") if sys.argv[5] == "forget" else folder.add(person("Anna"), RECORDING)
"""


@pytest.mark.parametrize(
    ("call", "after", "what"),
    [("fsync", 0, "add"), ("fsync", 1, "add"), ("rename", 0, "add"), ("rename", 0, "forget"), ("unlink", 0, "forget")],
)
def test_killed_in_the_middle(folder: PeopleFolder, call: str, after: int, what: str) -> None:
    """Whoever is killed while a person is added or forgotten leaves them whole or not at all; the next one who writes
    removes what is left."""
    if what == "forget":
        folder.add(person("Anna"), RECORDING)
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-c", KILLED, str(folder.folder.parent), call, str(after), str(tests), what]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    people, damaged = folder.every()
    assert damaged == []
    assert people in ([], [person("Anna")])
    folder.add(person("Zoe"), RECORDING)
    assert len(list(folder.folder.iterdir())) == len(people) + 1


def test_a_full_disk(folder: PeopleFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept of somebody for whom there is no room, and the sentence says so."""

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HushdError, match=r"No space left on device.*nothing was saved") as caught:
        folder.add(person("Anna"), RECORDING)
    assert caught.value.code == "output_failed"
    assert list(folder.folder.iterdir()) == []
