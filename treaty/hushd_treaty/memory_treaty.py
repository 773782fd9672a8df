"""The memory treaty: a user's servers publish which memory they hold, and give idle memory to each other.

This file has both sides, to copy into any program; hushd's docs/TREATY.md is the agreement. To ask for memory, use
`[party.ask(3_000_000_000) for party in parties()]`. To give memory, use a `Holder`: call `publish` at each change, and
iterate over `requests` whenever its `fileno` is readable. MIT licence.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

VERSION, MAX_AWAY_S = 1, 7 * 86400.0  # of the agreement; for which a holder keeps away from memory at most
ANSWER_S, LINE = 2.0, 4096  # the time for an answer; the maximum bytes of a request or an answer, with the newline
CONNECTIONS, CLAIMS = 16, 64  # the maximum of a holder at a time
_ANSWER = {"given": (int,), "within_s": (int, float), "claim": (str,), "why": (str,)}
_BROKEN = (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError)  # raised for other programs' data
T = TypeVar("T")


class TreatyError(Exception):
    """The other side cannot be reached, or breaks the agreement."""


class Held(NamedTuple):
    """Memory that could be given, usually a model: bytes of the machine's, and of cards by their place on the bus.

    `idle_since` is Unix time, None while it is in use; `pinned` memory is never given, as its user wants.
    """

    name: str
    ram: int = 0
    cards: Mapping[str, int] = {}
    idle_since: float | None = None
    reload_s: float = 0.0
    pinned: bool = False


class Given(NamedTuple):
    """The answer to a `give`: `bytes` will be free after at most `within_s` seconds; `why` tells why not more."""

    bytes: int
    within_s: float
    claim: str
    why: str


class Party(NamedTuple):
    """A holder, as its file describes it. Its methods raise TreatyError."""

    name: str
    pid: int
    started: str
    socket: str
    holds: tuple[Held, ...]

    def ask(self, size: int, card: str = "", for_s: float = 60.0, since: float | None = None) -> Given:
        """Asks for `size` bytes of the machine's memory, or of a `card`, from which the holder keeps away for `for_s`.

        The answer is a promise: the memory is free once the kernel or the driver shows it. If two programs ask each
        other, the one that began first wins: `since` is the Unix time at which this asker began to ask others.
        """
        message = {"give": size, "card": card, "for_s": for_s, "since": since or time.time()}
        return self._exchange(message, lambda answer: Given(*(_valid(answer[key], *_ANSWER[key]) for key in _ANSWER)))

    def give_back(self, claim: str) -> bool:
        """Tells the holder that its memory is not needed any more; returns whether the claim was known."""
        return self._exchange({"back": claim}, lambda answer: answer["back"] is True)

    def _exchange(self, message: Mapping[str, Any], read: Callable[[Any], T]) -> T:
        until, received = time.monotonic() + ANSWER_S, b""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(ANSWER_S), 0))
                connection.connect(self.socket)
                if _peer(connection) != os.geteuid():
                    raise PermissionError("the socket is another user's")
                connection.sendall(json.dumps(message).encode() + b"\n")
                while not received.endswith(b"\n") and len(received) < LINE:
                    connection.settimeout(max(0.001, until - time.monotonic()))
                    received += connection.recv(LINE) or b"\n"
            return read(json.loads(received))
        except _BROKEN as error:
            raise TreatyError(f"{self.name} gave no answer: {error!r}, {received[:200]!r}.") from error


def folder() -> str:
    """Returns the folder of this user's treaty; it need not exist."""
    for session in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}"):
        if os.path.isabs(session) and os.path.isdir(session) and os.stat(session).st_uid == os.geteuid():
            return os.path.join(session, "memory-treaty")
    return os.path.join(os.environ.get("TMPDIR") or "/tmp", f"memory-treaty-{os.geteuid()}")


def parties(where: str | None = None) -> list[Party]:
    """Returns the other living holders; skips stale and damaged files, and those of other users."""
    where, living = where or folder(), []
    with contextlib.suppress(*_BROKEN):
        _check(where)
        for name in sorted(name for name in os.listdir(where) if name.endswith(".json"))[:1000]:
            with contextlib.suppress(*_BROKEN):
                party = _read(os.path.join(where, name))
                is_there = party.started == started(party.pid) != "" and name == f"{party.name}-{party.pid}.json"
                living += [party] if is_there and party.pid != os.getpid() else []
    return living


def started(pid: int) -> str:
    """Returns the start time of a process, in the system's form; empty if it has ended."""
    if not os.path.exists("/proc/self/stat"):
        return os.popen(f"LC_ALL=C TZ=UTC /bin/ps -o lstart= -p {pid:d}").read().strip()
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()  # a program's name may have brackets and spaces
        return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
    return ""


def _read(path: str) -> Party:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        data = json.loads(file.read(1 << 20))
    if data["treaty"] != VERSION:
        raise ValueError("another version")
    about = [_valid(data[key], int if key == "pid" else str) for key in Party._fields[:4]]
    return Party._make([*about, tuple(map(_held, data["holds"]))])


def _held(entry: Mapping[str, Any]) -> Held:
    ram, cards = _valid(entry.get("ram", 0), int), {card: _valid(n, int) for card, n in entry.get("cards", {}).items()}
    since = None if entry["idle_since"] is None else _valid(entry["idle_since"], int, float)
    reload_s, pinned = _valid(entry.get("reload_s", 0), int, float), entry.get("pinned") is True
    return Held(_valid(entry["name"], str), ram, cards, since, reload_s, pinned)


class Give:
    """A request for `bytes` of the machine's memory, or of `card`, from which the holder keeps away for `for_s`."""

    def __init__(self, holder: Holder, asker: socket.socket, message: Mapping[str, Any]) -> None:
        self._holder, self._asker, self.claim = holder, asker, os.urandom(8).hex()
        self.bytes, self.card = _valid(message["give"], int), _valid(message.get("card", ""), str)
        self.for_s = min(_valid(message.get("for_s", 60.0), int, float), MAX_AWAY_S)
        self.since = _valid(message.get("since", time.time()), int, float)

    def answer(self, size: int, within_s: float = 0.0, why: str = "") -> None:
        """Promises `size` bytes, perhaps fewer or none, after at most `within_s`; `why` is a sentence why not more."""
        if size:
            self._holder.claims[self.claim] = self.card, size, time.monotonic() + self.for_s
        about = {"claim": self.claim if size else "", "why": why[:500]}
        self._holder.send(self._asker, {"given": size, "within_s": within_s, **about})


class Holder:
    """A program's file in the treaty, and the socket for requests; `name` must be valid in a file name.

    Its `claims` are the given memory: the card, the bytes, and the end by `time.monotonic()`. While it asks others
    itself, `asking_since` is the Unix time at which it began. Raises OSError if the folder is not private.
    """

    def __init__(self, name: str, where: str | None = None) -> None:
        self._where, self._name, self._pid = where or folder(), name, os.getpid()
        self._path, self._selector = os.path.join(self._where, f"{name}-{self._pid}"), selectors.DefaultSelector()
        self._unread: dict[socket.socket, bytes] = {}
        self._listener: socket.socket | None = None
        self.claims: dict[str, tuple[str, int, float]] = {}
        self.asking_since: float | None = None
        with contextlib.ExitStack() as failed:
            failed.callback(self.close)
            self.publish(())
            failed.pop_all()

    def fileno(self) -> int:
        """Returns the descriptor that is readable when `requests` has something to do."""
        return self._selector.fileno()

    def publish(self, held: Iterable[Held]) -> None:
        """Publishes the program's present memory; call it after each change."""
        os.makedirs(self._where, 0o700, exist_ok=True)
        _check(self._where)
        if not os.path.exists(f"{self._path}.sock"):  # at the beginning, or after a removal of the folder
            self._listen()
        about: Any = {"treaty": VERSION, "name": self._name, "pid": self._pid, "started": started(self._pid)}
        part = f"{self._path}.part"
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
            about |= {"socket": f"{self._path}.sock", "holds": [each._asdict() for each in held]}
            file.write(json.dumps(about) + "\n")
        os.replace(part, f"{self._path}.json")

    def kept(self, card: str = "") -> int:
        """Returns the bytes of the machine's memory, or of a card, from which the program must keep away now."""
        self.claims = {claim: entry for claim, entry in self.claims.items() if time.monotonic() < entry[2]}
        return sum(size for of, size, _ in self.claims.values() if of == card)

    def requests(self, timeout: float | None = 0.0) -> Iterator[Give | str]:
        """Yields each `Give`, and each returned claim, that has come or comes within `timeout` seconds."""
        for key, _ in self._selector.select(timeout):
            yield from key.data(key.fileobj)

    def send(self, asker: socket.socket, message: Mapping[str, Any]) -> None:
        """Sends an answer; an asker that does not read loses its connection."""
        try:
            asker.send(json.dumps(message).encode() + b"\n")
        except OSError:
            self._drop(asker)

    def close(self) -> None:
        """Leaves the treaty, and removes the holder's files, unless this is a forked child."""
        self._selector.close()
        for left in filter(None, (self._listener, *self._unread)):
            left.close()
        for path in (f"{self._path}.{kind}" for kind in ("json", "sock", "part")):
            if os.getpid() == self._pid and os.path.exists(path):
                os.unlink(path)

    def _listen(self) -> None:
        for name in os.listdir(self._where):  # left by earlier processes of this program
            of, _, pid = name.rpartition(".")[0].rpartition("-")
            if of == self._name and pid.isdecimal() and (int(pid) == self._pid or not started(int(pid))):
                os.unlink(os.path.join(self._where, name))
        if self._listener:
            self._selector.unregister(self._listener)
            self._listener.close()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.setblocking(False)
        self._listener.bind(f"{self._path}.sock")
        self._listener.listen()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self, listener: socket.socket) -> Iterable[Give]:
        with contextlib.suppress(OSError):
            asker, _ = listener.accept()
            asker.setblocking(False)
            self._selector.register(asker, selectors.EVENT_READ, self._receive)
            self._unread[asker] = b""
            if _peer(asker) != os.geteuid():
                self._drop(asker)
            if len(self._unread) > CONNECTIONS:
                self._drop(next(iter(self._unread)))
        return ()

    def _receive(self, asker: socket.socket) -> Iterator[Give | str]:
        data = b""
        with contextlib.suppress(OSError):
            data = asker.recv(512)  # few requests at a time, so that a flood of them does not make others wait
        *lines, rest = (self._unread.get(asker, b"") + data).split(b"\n")
        self._unread |= {asker: rest} if asker in self._unread else {}
        for line in lines:
            if asker in self._unread and (request := self._understand(asker, line)):
                yield request
        if not data or len(self._unread.get(asker, b"")) >= LINE:
            self._drop(asker)

    def _understand(self, asker: socket.socket, line: bytes) -> Give | str | None:
        self.kept()
        try:
            message = json.loads(line)
            if "give" not in message:
                claim = _valid(message["back"], str)
                known = self.claims.pop(claim, None) is not None
                self.send(asker, {"back": known})
                return claim if known else None
            give = Give(self, asker, message)
        except _BROKEN:
            self.send(asker, {"error": 'A request is a line such as {"give": 1000000} or {"back": "CLAIM"}.'})
            return None
        late = self.asking_since is not None and give.since >= self.asking_since
        if not late and len(self.claims) < CLAIMS:
            return give
        give.answer(0, why="It lacks memory itself, and asked first." if late else "It has given to many already.")
        return None

    def _drop(self, asker: socket.socket) -> None:
        if self._unread.pop(asker, None) is not None:
            self._selector.unregister(asker)
            asker.close()


def _peer(connection: socket.socket) -> int:
    """Returns the user at the other end, from the kernel: SO_PEERCRED, or LOCAL_PEERCRED of macOS (xucred)."""
    if hasattr(socket, "SO_PEERCRED"):
        return int(struct.unpack("iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])
    return int(struct.unpack_from("II", connection.getsockopt(0, 1, 76))[1])


def _check(where: str) -> None:
    status = os.lstat(where)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PermissionError(f"{where} is not a folder of this user's with mode 0700.")


def _valid(value: Any, *kinds: type) -> Any:
    if type(value) not in kinds or not (str in kinds or 0 <= value < 2**63):
        raise ValueError(f"{value!r} is not valid in the treaty"[:200])
    return value
