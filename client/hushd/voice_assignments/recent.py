"""Recent texts, for `hushd names said` and `hushd names again`: in the machine's memory, bounded, and never on disk.

No process has to live for it, and the supervisor holds nothing: it is a file of the user's alone in Linux' shared
memory, which goes with the session or the machine. Where there is no such memory, nothing is remembered.

Keys and other secrets in a text are said and kept as "a key". The beginnings are those that the issuers document for
their secrets: OpenAI and Anthropic, Stripe, GitHub, GitLab, Slack, Hugging Face, npm, PyPI, AWS and Google. What has
none is known by its shape: a long word of hexadecimal digits, or one of base64 whose letters and digits take turns as
they do in no name.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any
from zlib import crc32

from hushd_protocol.light_dataclass import dataclass, field
from hushd_protocol.system import atomic_file

if TYPE_CHECKING:
    from hushd_protocol.system.paths import Paths

SAID = "a key"
_INSIDE = "a-key"  # in an address, which stays one: of it the host alone is read
_PEM = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]{1,40})-----(?:(?!-----)[\s\S])*+(?:-----END (?P=kind)-----)?", re.ASCII
)
_ISSUED = re.compile(
    r"(?<![\w-])(?:"
    r"sk-[\w-]{16,}|[prs]k_(?:live|test)_\w{10,}|gh[oprsu]_\w{20,}|github_pat_\w{20,}|gl[a-z]{2,5}-[\w-]{20,}"
    r"|xox[abeoprs]-[\w-]{10,}|hf_\w{20,}|npm_\w{30,}|pypi-[\w-]{30,}|A(?:GP|ID|KI|RO|SI)A[0-9A-Z]{12,}"
    r"|AIza[\w-]{30,}|ya29\.[\w.-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r")",
    re.ASCII,
)
_WORD = re.compile(r"[A-Za-z0-9+_=-]{32,}")
_BASE64 = re.compile(r"(?<![^\s\"'`(=])[A-Za-z0-9+/_=-]{32,}(?![\w.])", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")  # names something, and opens nothing
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_TURNS = 0.25  # of a word's characters, by which another kind follows: random ones have 0.47, names at most 0.2


def without_keys(text: str) -> str:
    """Returns a text with "a key" in place of each secret in it."""
    text = _ISSUED.sub(lambda word: _said(word, _has_digit(word[0])), _PEM.sub(SAID, text))
    for shape in (_BASE64, _WORD):
        text = shape.sub(lambda word: _said(word, _is_key(word[0])), text)
    return text


def _said(word: re.Match[str], is_key: bool) -> str:
    if not is_key:
        return word[0]
    return _INSIDE if word.string[word.start() - 1 : word.start()] in ("/", "=", "&") else SAID


def _is_key(word: str) -> bool:
    """Returns whether a long word is hexadecimal, or random in base64."""
    if not _has_digit(word) or _UUID.fullmatch(word):
        return False
    if _HEXADECIMAL.issuperset(word):
        return True
    return sum(map(_takes_turn, word, word[1:])) > _TURNS * len(word)


def _takes_turn(sign: str, following: str) -> bool:
    """Returns whether a sign follows of another kind; a capital before a small letter begins a name."""
    if not (sign.isalnum() and following.isalnum()) or (sign.isupper() and following.islower()):
        return False
    return (sign.isdigit(), sign.isupper()) != (following.isdigit(), following.isupper())


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


MEMORY = "/dev/shm"
MAX_UTTERANCES = 50  # utterances
MAX_CHARACTERS = 20_000  # characters of one
MAX_BYTES = 200_000  # bytes of all
ALTERNATE_S = 600.0  # after which another's last word is forgotten


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text that was spoken.

    Attributes:
        at: the seconds since 1970.
        voice: engine, model and name of the voice, or Nones for the usual one.
        markup: of the text.
    """

    at: float
    name: str
    text: str
    voice: tuple[str | None, ...] = (None, None, None)
    markup: str = "text"


@dataclass
class _Content:
    utterances: list[Utterance] = field(default_factory=list)
    speaker: str = ""
    spoke: float = 0.0


class Recent:
    """The memory of the programs that use one runtime folder.

    Args:
        now: seconds since 1970.
    """

    def __init__(self, where: Paths, now: Callable[[], float] = time.time) -> None:
        folder = crc32(os.fsencode(where.runtime))
        self._path = f"{MEMORY}/hushd-{os.getuid()}-{folder:08x}"
        self._now = now

    def add(
        self, name: str, text: str, voice: tuple[str | None, ...] = (None, None, None), markup: str = "text"
    ) -> None:
        """Remembers a text that is spoken now."""
        utterance = Utterance(self._now(), name, text[:MAX_CHARACTERS], voice, markup)
        with self._content() as content:
            content.utterances = [*content.utterances, utterance][-MAX_UTTERANCES:]
            while sum(len(each.text.encode(errors="replace")) for each in content.utterances) > MAX_BYTES:
                del content.utterances[0]

    def utterances(self, name: str | None = None) -> list[Utterance]:
        """The texts of a name, or of all, the last one last."""
        with self._content() as content:
            return [each for each in content.utterances if name in (None, each.name)]

    def take_turn(self, name: str) -> bool:
        """Notes the name that speaks now; returns whether another name spoke a short while ago."""
        with self._content() as content:
            alternates = content.speaker not in ("", name) and 0 <= self._now() - content.spoke < ALTERNATE_S
            content.speaker, content.spoke = name, self._now()
            return alternates

    def forget(self) -> None:
        """Removes the memory."""
        try:
            os.unlink(self._path)
        except OSError:
            pass

    def _content(self) -> AbstractContextManager[_Content]:
        """The content, which is written back at the end; nobody else has it meanwhile."""
        new = _Content()
        return atomic_file.edited(self._path, 8 * MAX_BYTES, new, _parsed) if _is_memory() else nullcontext(new)


def _is_memory() -> bool:
    try:
        with open("/proc/self/mounts", "rb") as mounts:
            return any(line.split()[1:3] == [MEMORY.encode(), b"tmpfs"] for line in mounts)
    except OSError:
        return False


def _parsed(fields: Any) -> _Content:
    utterances = [_utterance(**each) for each in fields["utterances"]]
    return _Content(utterances, str(fields["speaker"]), float(fields["spoke"]))


def _utterance(at: float, name: str, text: str, voice: list[str | None], markup: str) -> Utterance:
    engine, model, voice_name = voice
    return Utterance(float(at), str(name), str(text), (engine, model, voice_name), str(markup))
