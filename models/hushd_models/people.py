"""The people whom hushd recognises by voice, in the state folder: each has a voiceprint and a consent.

`people/ID/person.json` has the voiceprint and the words of consent; beside it, `consent` with the recording's suffix is
the recording in which the person agrees. ID is derived from the name, so that any name can be a file's. Folders (0700)
and files (0600) are the user's alone; links, and files that others own or can open, are not read. A person is stored
completely or not at all: the folder is renamed when it is complete, and before it is removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.suggest import did_you_mean, quoted
from hushd_protocol.system import atomic_file, paths
from hushd_schema.record import Record
from hushd_schema.voiceprint import MAX_NAME, MAX_PEOPLE, is_name, is_voiceprint

_UNFINISHED = ".hushd-"  # the prefix of a folder that is being created or removed
_PERSON, _CONSENT = "person.json", "consent"
_MAX_BYTES = 64 * 1024  # of person.json
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ALIKE = ("LATIN", "CYRILLIC", "GREEK")  # scripts with letters that look the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(Record):
    """A person whom hushd recognises.

    Attributes:
        sentence: the sentence of consent.
        recognised: the speech engine's transcript of the recording.
        imitation: whether they also agreed to the imitation of their voice.
        added: the time of the addition, in seconds since 1970.
        recording: the name of the recording's file.
    """

    name: str
    voiceprint: str
    sentence: str
    recognised: str
    language: str
    imitation: bool
    added: float
    recording: str = _CONSENT


class PeopleFolder:
    """Reads and changes the records of people.

    Raises:
        HushdError: from every method: `unauthorised` if the folder is not the user's alone, `output_failed` if it
            cannot be written.
    """

    def __init__(self, state: Path | None = None) -> None:
        self.folder = (state or paths.find().state) / "people"

    def every(self) -> tuple[list[Person], list[str]]:
        """Returns the people, by name, and a sentence for each unreadable one."""
        people: list[Person] = []
        damaged: list[str] = []
        for entry in self._entries():
            try:
                people.append(self._read(entry))
            except HushdError as error:
                damaged.append(error.message)
        return sorted(people, key=lambda person: person.name), damaged

    def find(self, name: str) -> Person:
        """Returns a person.

        Raises:
            HushdError: `bad_request` if nobody has that name, or their files are damaged.
        """
        identity = _identity(name)
        if identity not in self._entries():
            names = [person.name for person in self.every()[0]]
            meant = did_you_mean(name, names) or (f": known are {', '.join(names)}" if names else ": nobody is known")
            raise HushdError("bad_request", f"Nobody is known as {quoted(name)}{meant}.")
        return self._read(identity)

    def recording(self, person: Person) -> Path:
        """Returns the path of the recording in which a person agrees."""
        return self.folder / _identity(person.name) / person.recording

    def check_new(self, name: str) -> str:
        """Checks the name of a new person and returns it normalised.

        Raises:
            HushdError: `bad_request` for an invalid name, a known name, or one person too many.
        """
        name = unicodedata.normalize("NFC", name)
        if not is_name(name) or _looks_like_another(name):
            raise HushdError(
                "bad_request",
                f"{quoted(name)} cannot be a person's name: use 1 to {MAX_NAME} visible characters in one line, "
                "of one alphabet, that do not begin with SPEAKER_.",
            )
        entries = self._entries()
        if _identity(name) in entries:
            raise HushdError(
                "bad_request", f"{name} is known already: use `hushd people forget` first, or another name."
            )
        if len(entries) >= MAX_PEOPLE:
            raise HushdError(
                "bad_request", f"hushd knows {MAX_PEOPLE} people, its maximum: `hushd people forget` makes room."
            )
        return name

    def add(self, person: Person, recording: bytes) -> None:
        """Adds a person, with the recording in which they agree.

        Raises:
            HushdError: as `check_new`, too.
        """
        with self._locked():
            self.check_new(person.name)
            new = self.folder / f"{_UNFINISHED}{os.urandom(8).hex()}"
            try:
                new.mkdir(mode=0o700)
                _write(new / person.recording, recording)
                _write(new / _PERSON, json.dumps(person.data(), ensure_ascii=False, indent=1).encode())
                os.rename(new, self.folder / _identity(person.name))
            except OSError as error:
                shutil.rmtree(new, ignore_errors=True)
                raise HushdError(
                    "output_failed", f"{self.folder} cannot be written ({error.strerror}): nothing was saved."
                ) from error

    def forget(self, name: str) -> list[str]:
        """Removes all files of a person, even damaged ones; returns their names.

        Raises:
            HushdError: `bad_request` if nobody has that name.
        """
        identity = _identity(name)
        if identity not in self._entries():
            self.find(name)  # says so
        with self._locked():
            gone = self.folder / f"{_UNFINISHED}{os.urandom(8).hex()}"
            try:
                os.rename(self.folder / identity, gone)
                if gone.is_symlink():
                    gone.unlink()
                    return []
                files = sorted(os.listdir(gone))
                shutil.rmtree(gone)
            except OSError as error:
                raise HushdError("output_failed", f"{name} cannot be forgotten ({error}).") from error
            return files

    # --- files -------------------------------------------------------------------------------------------------------

    def _entries(self) -> list[str]:
        """Returns the folders of people; none if there is no folder."""
        with suppress(FileNotFoundError), self._opened() as folder:
            return sorted(entry for entry in os.listdir(folder) if not entry.startswith("."))
        return []

    def _read(self, entry: str) -> Person:
        """Reads a person.

        Raises:
            HushdError: `bad_request` if the files are damaged, or `unauthorised`.
        """
        place = self.folder / entry
        try:
            with self._opened() as folder:
                inside = os.open(entry, _FOLDER, dir_fd=folder)
                try:
                    _check_private(inside, place)
                    data = json.loads(_read_file(_PERSON, inside, place))
                finally:
                    os.close(inside)
            person = Person.from_data(data, str(place))
            if not (_identity(person.name) == entry and is_name(person.name) and is_voiceprint(person.voiceprint)):
                raise ValueError("it was changed")
            time.localtime(person.added)  # raises an error unless it is a time
            if "/" in person.recording or not person.recording.startswith(_CONSENT):
                raise ValueError("it names a file elsewhere")
        except (OSError, ValueError, OverflowError, RecursionError, HushdError) as error:
            if isinstance(error, HushdError) and error.code == "unauthorised":
                raise
            raise HushdError(
                "bad_request", f"A person cannot be read ({error}): remove {place} and add them again."
            ) from error
        return person

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Opens the folder.

        Raises:
            FileNotFoundError: there is none.
            HushdError: `unauthorised`.
        """
        try:
            folder = os.open(self.folder, _FOLDER)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise HushdError(
                "unauthorised",
                f"{self.folder} cannot be used ({error.strerror}): it must be a folder of yours, not a link.",
            ) from error
        try:
            _check_private(folder, self.folder)
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Creates and locks the folder, and removes a dead process's leftovers."""
        with atomic_file.locked_folder(self.folder, 0o700), self._opened() as folder:
            for name in os.listdir(folder):
                if name.startswith(_UNFINISHED):
                    shutil.rmtree(self.folder / name, ignore_errors=True)
            yield


def voiceprints() -> tuple[dict[str, str], list[str]]:
    """Returns the voiceprints of all known people, by name, and a sentence for each unreadable one."""
    people, damaged = PeopleFolder().every()
    return {person.name: person.voiceprint for person in people[:MAX_PEOPLE]}, damaged


def known_people() -> dict[str, str]:
    """Returns the voiceprints of the people whom hushd knows, by name, for `people` of a transcription with `diarize`.

    Unreadable people are left out.

    Raises:
        HushdError: `unauthorised` if others may read the folder.
    """
    return voiceprints()[0]


def obeyed() -> str:
    """Returns the only person whom hushd obeys, by the setting `only`; empty for anybody.

    Raises:
        HushdError: `bad_request` for an error in the configuration.
    """
    from hushd_schema.settings import load  # only needed to listen

    return load(paths.find().config).only


def listen_options_for(name: str | None) -> dict[str, Any]:
    """Returns the options that make live audio listen for one person, whose segments then have the name as speaker.

    None means the person of the setting `only`; an empty name means anybody, and needs no options.

    Raises:
        HushdError: `bad_request` if nobody has that name, or for an error in the configuration; as `known_people`.
    """
    if name is None:
        name = obeyed()
    if not name:
        return {}
    people = known_people()
    owner = next((known for known in people if _identity(known) == _identity(name)), None)
    if owner is None:
        raise HushdError("bad_request", f"Nobody called {name!r} is known here: `hushd people add {name}` adds them.")
    return {"diarize": True, "people": people, "owner": owner}


def now() -> float:
    """Returns the current time for `Person.added`."""
    return round(time.time(), 3)


def _identity(name: str) -> str:
    """Returns an id that is equal for names that differ only in case or in Unicode composition."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return hashlib.sha256(folded.encode(errors="surrogatepass")).hexdigest()[:32]


def _looks_like_another(name: str) -> bool:
    """Returns whether a name mixes alphabets with similar letters, such as a Cyrillic a in a Latin name."""
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in name if letter.isalpha()}
    return len(scripts.intersection(_ALIKE)) > 1


def _check_private(descriptor: int, place: Path) -> None:
    info = os.fstat(descriptor)
    if info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o077:
        raise HushdError("unauthorised", f"{place} is open to other users: make it yours, and its mode 0700.")


def _read_file(name: str, folder: int, place: Path) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with open(descriptor, "rb") as file:
        _check_private(descriptor, place / name)
        return file.read(_MAX_BYTES + 1)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
