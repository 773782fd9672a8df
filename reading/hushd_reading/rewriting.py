"""Replaces text that no engine reads well by words: addresses, paths, names in code, operators, emoji.

Numbers, dates, money, units and abbreviations are kept: engines read them, each in its own languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from .agents import identified, named, unruled
from .items import MappedText
from .language import table
from .shapes import TELEPHONE
from .words import Words

# An address longer than this is read by its host alone, since listeners do not remember the rest.
_MAX_PATH = 60
_MAX_REWRITTEN_PARTS = 3

# Letters with separate accents, as in macOS's file names; dictionaries have each letter as one character.
_DECOMPOSED = re.compile("[^\\W\\d_][\u0300-\u036f\u3099\u309a]+")
# Roman numerals that are one character, and raised letters behind a number or a capital: Ⅳ, 1ˢᵗ, Mᵐᵉ.
_COMPATIBLE = re.compile("[\u2160-\u217f]+|(?<=[\\dA-Z])[ʰ-ʸˡˢᴬ-ᵛᶜᶠⁿ]+")
_BRACKETED = re.compile(r"<((?:[a-z][a-z0-9+.-]{1,15}://|[\w.+-]{1,64}@)[^\s<>]{1,2000})>", re.IGNORECASE)
_URL = re.compile(
    r"(?<![\w@])(?:(?P<scheme>[a-z][a-z0-9+-]{1,15})://|(?<![./-])www\.)(?P<rest>[^\s<>\"“”`|]{1,2000})", re.IGNORECASE
)
_SILENT = ("http", "https", "ftp")  # schemes
_MAIL = re.compile(r"(?<![\w.+-])(?:mailto:)?([\w.+-]{1,64})@((?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![\w-])")
_HOST = re.compile(
    r"(?<![\w./@-])(?!\w\.[a-z]{2}\b)((?:[a-z0-9-]{1,63}\.){1,5}(?:com|org|net|edu|gov|io|dev|app|ai|co|info|arpa|uk|de|fr|eu|ch|us|ca|au|me|it|es|pt|br))"
    r"(?P<path>/[^\s<>\"“”`|]{0,2000})?(?![\w-])"
)
_PATH = re.compile(
    r"(?<![\w./\\~€£$%+])(?:"
    r"(?:~|\.{1,2})?/(?:[\w.@+-]{1,80}/){0,12}[\w.@+-]{1,80}/?"
    r"|(?:[\w.@+-]{1,80}/){1,12}[\w@+-]{1,80}(?:\.[A-Za-z][A-Za-z0-9]{0,5})+"
    r"|[A-Za-z]:\\(?:[\w. -]{1,80}\\){0,12}[\w.-]{1,80}"
    r")(?![\w/\\])"
)
_FOOTNOTE = re.compile(r"(?:(?<=[^\W\d_][.!?])|(?<=[.!?][\"”]))(?:\[\d{1,3}\])+(?![\w(])")
_PARTED = re.compile(r"\b([^\W\d_]{2,30})-\n\s*(?=([^\W\d_]))")
_FILE = re.compile(r"(?<=[^\W\d_]{2})\.(?=[a-z][A-Za-z0-9_]*\b(?!\.[,:;]))")
_CALL = re.compile(r"(?<=\w)\(\)")
_SMILE = re.compile(
    r"(?<!\w)[<>]?[:;8]-?[<>]{1,3}(?!\w)|(?<!\w)[<>]{1,2}[:;]-?[()]|(?<!\S)#?8-[)(OD](?!\w)|(?<!\S)=[pPD](?!\w)"
    r"|(?<=[^\W\d_] )<3+(?=\s*\Z|\s<3)|(?<=<3 )<3+(?!\S)"
)
_TO_LINK = re.compile(r"(?<!\w )(?<!\w)[→⇒]\s*(?=\S)|[→⇒]\s*(?=[a-z]{1,16}://|www\.)")
_FLAG = re.compile(r"(?<![^\s(\[{<|=`'\"])(?<!\w[`'\"])(--?)(?=[A-Za-z][\w-]*)")
_NAME = re.compile(r"[^\W\d_a-zß-ÿ](?:[a-zß-ÿ]+\b|\.| [a-zß-ÿ])")  # Benjamin Disraeli; Haupt- oder -Gerät; O Bill
_PROMPT = re.compile(r"\A\$ (?=[a-z].*(?: -|[ ~]/|[\"';|=]))")
_SNAKE = re.compile(r"(?<=\w)_+(?=\w)|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)")
_CAMEL = re.compile(r"\b(?:[a-z]{2,}(?:[A-Z][a-z0-9]*)+|(?:[A-Z][a-z0-9]+){3,})\b")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TIMES = re.compile(r"(?<=\d)\s?[*·⋅]\s?(?=\d)|(?<=\b\w) \* (?=\w)|(?<=[\w)\]]) \* (?=[\d(]|\w\b)")
_RAISED = re.compile(r"(?<=\w)\*\*(?=\d|[a-z]\b)")
_MARKS = re.compile(r"(?<![\w*])\*{1,3}(?=[^\s\d]|\d[^*\n]{0,200}\*)|(?<=[^\s*])\*{1,3}(?![\w*])|`+|~~")
# Digits of a telephone number are said one by one, with a pause between their groups.
_TELEPHONE = re.compile(rf"(?<![\w.,:/-])(?:{TELEPHONE})(?![\w-])")
_SPACES = re.compile(r" {2,}")
_PICTURE = (*"\\/|_",)
# A picture made of signs: of its parts between blanks most have no word, and several a stroke.
_STROKES = re.compile(r"(?<!\S)(?!\S*[^\W_]{2})(?=\S*[\\/|_])\S+")
_DRAWN = re.compile(r"(?<!\S)[\W_]+(?!\S)")
_MIN_STROKES = 4
_UNJOINED = (*".:;,", "")
_ENDED = (*'.!?…)"”’»', "")
_TRAILING = ".,;:!?…)]}'\"’”*_~"
# Pictures, and the characters that modify or join them. Not the signs ™ © ® and arrows, which are read.
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\U000e0020-\U000e007f\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff\u20e3\u3030\u303d\ufe0f\u200d\ufffd]+"
)


class Rewriting:
    """Rewrites pieces with the words of one language, or without any.
    `abbreviations`: those with a full stop inside, such as Dott.ssa, which is not that of a file."""

    def __init__(self, words: Words | None, abbreviations: Iterable[str] = ()) -> None:
        self._words = words
        not_within = (
            rf"(?!(?<=\b{before})\.{after}\b)" for before, after in (short.split(".") for short in abbreviations)
        )
        self._file = re.compile("".join(not_within) + _FILE.pattern)
        self._symbols: re.Pattern[str] | None = None
        if words is not None and words.symbols:
            signs = "|".join(re.escape(sign) for sign in sorted(words.symbols, key=len, reverse=True))
            self._symbols = re.compile(rf"\s*(?<![-=<>!&|:])(?P<sign>{signs})(?![-=<>&|])\s*(?=(?P<ends>[.,;:!?)]))?")

    def __call__(self, text: MappedText) -> MappedText:
        text = text.sub(_DECOMPOSED, lambda match: unicodedata.normalize("NFC", match[0]))
        text = text.sub(_COMPATIBLE, lambda match: unicodedata.normalize("NFKC", match[0]))
        text = text.sub(_BRACKETED, lambda match: match[1]).sub(_FOOTNOTE, "")
        text = text.sub(_PARTED, _joined)
        if _is_picture(text.text):
            text = text.sub(_DRAWN, " ")
        return self._common(text) if self._words is None else self._in_words(text, self._words)

    def _common(self, text: MappedText) -> MappedText:
        """Removes marks that are not text, since this language has no words for them."""
        text = text.sub(
            _URL, lambda match: re.split(r"[?#]", match["rest"])[0].removeprefix("www.").rstrip("/") or match[0]
        )
        text = unruled(named(identified(text, None)))
        text = text.sub(_TELEPHONE, _dialled)
        return text.sub(_MARKS, "").sub(_EMOJI, " ").sub(_SPACES, " ").strip()

    def _in_words(self, text: MappedText, words: Words) -> MappedText:
        dotted = f" {words.dot} "

        def name(part: str) -> str:
            """Returns the words for a part of an address."""
            part = identified(MappedText.original(part), words).text
            part = re.sub(r"\d{9,}", lambda match: " ".join(match[0]), part)
            part = part.replace(".", dotted).replace("_", f" {words.underscore} ").replace("-", f" {words.dash} ")
            part = part.replace("@", f" {words.at} ").replace("~", f" {words.tilde} ")
            return part.replace("\\", " ").replace("+", " plus ")

        def host(address: str) -> str:
            *most, last = address.split(".")
            spelt = len(last) == 2 and last not in words.domains.split()
            return dotted.join([*(name(part) for part in most), last.upper() if spelt else name(last)])

        def place(address: str, path: str) -> str:
            parts = [part for part in re.split(r"[?#]", path)[0].split("/") if part]
            server, *port = re.split(r":(?=\d+\Z)", address.rpartition("@")[2].removeprefix("www."))
            spoken = f" {words.colon} ".join([host(server), *port])
            if len(parts) <= _MAX_REWRITTEN_PARTS and len(path) <= _MAX_PATH and all(map(_readable, parts)):
                spoken += "," * bool(port and parts)
                spoken += "".join(f" {words.slash} {name(part.replace('_', ' '))}" for part in parts)
            return spoken

        def url(match: re.Match[str]) -> str:
            address, tail = _split_tail(match["rest"])
            server, _, path = address.partition("/")
            server, scheme = re.split(r"[?#]", server)[0], match["scheme"] or "http"
            if not server:
                rest = f", {words.slash} {name(path)}".replace("/", f" {words.slash} ") if path else ""
                return name(scheme) + rest + tail
            spoken, user = place(server, path), server.rpartition("@")[0]
            if scheme.lower() in _SILENT:
                return spoken + tail
            known = f"{name(user)} {words.at} " if user and ":" not in user else ""  # never a password
            return f"{name(scheme)}, {known}{spoken}{tail}"

        def bare_host(match: re.Match[str]) -> str:
            path, tail = _split_tail(match["path"] or "")
            return place(match[1], path) + tail

        def mail(match: re.Match[str]) -> str:
            return f"{name(match[1])} {words.at} {host(match[2])}"

        def flag(match: re.Match[str]) -> str:
            before, after = match.string[: match.start()].rstrip(), match.string[match.end() :]
            name = _NAME.match(after)
            is_word = name and (match[1] == "--" or before[-1:] in _ENDED or before.endswith((" und", " oder", "--")))
            return match[0] if is_word else f"{words.dash} " * len(match[1])

        def path(match: re.Match[str]) -> str:
            spoken, tail = _split_tail(match[0])
            drive, _, rest = spoken.partition(":\\")
            if rest:
                spoken = f"{drive} {words.colon} {words.slash} {rest}".replace("\\", f" {words.slash} ")
            return re.sub(r"\s+", " ", name(spoken).replace("/", f" {words.slash} ")).strip() + tail

        text = (
            text.sub(_SMILE, "")
            .sub(_PROMPT, "")
            .sub(_TO_LINK, "")
            .sub(_URL, url)
            .sub(_MAIL, mail)
            .sub(_HOST, bare_host)
            .sub(_PATH, path)
        )
        text = unruled(named(identified(text, words)))
        text = text.sub(_CALL, "").sub(_FLAG, flag)
        text = text.sub(self._file, dotted).sub(_SNAKE, " ").sub(_CAMEL, lambda match: _HUMP.sub(" ", match[0]))
        text = text.sub(_RAISED, "^").sub(_TIMES, " × ").sub(_MARKS, "")
        if self._symbols is not None:
            text = text.sub(self._symbols, lambda match: _symbol(match, words.symbols[match["sign"]]))
        return text.sub(_EMOJI, " ").sub(_SPACES, " ").strip()


def _is_picture(text: str) -> bool:
    several = "\\" in text and len(_STROKES.findall(text)) >= _MIN_STROKES
    return several and 2 * len(_DRAWN.findall(text)) >= len(text.split())


def _symbol(match: re.Match[str], spoken: str) -> str:
    """Returns the words for a sign between two operands; none for a part of a picture, or an arrow that only points."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    lemma = before[-2:].isalpha() and before.rsplit(" ", 1)[-1].islower() and after[:2].istitle()  # der -> Wagen
    apart = match[0][0].isspace() != match[0][-1].isspace() or before[-1:] in _UNJOINED or after[:1] == "<"
    points = match["sign"] in ("->", "=>", "===") and (apart or lemma)  # <nick-> hello
    broken = match[0] == "§" and before[-1:].isalpha()  # FranÃ§ois
    if points or broken or before[-1:] in _PICTURE or after[:1] in _PICTURE:
        return " "
    return f" {spoken}{'' if match['ends'] else ' '}"


def _dialled(match: re.Match[str]) -> str:
    return "+" * (match[0][0] == "+") + ", ".join(map(" ".join, re.findall(r"\d+", match[0])))


def without_hyphens(text: str) -> str:
    """Returns a text whose words at the end of a line go on without a hyphen, unless they have one of their own."""
    return _PARTED.sub(_joined, text)


def _joined(match: re.Match[str]) -> str:
    return match[1] + "-" * (match[2].isupper() or match[1].lower() in table("common")["hyphened"].split())


def _split_tail(address: str) -> tuple[str, str]:
    """Splits an address from following punctuation that belongs to the sentence."""
    bare = address.rstrip(_TRAILING)
    if "(" in bare and address[len(bare) :].startswith(")") and bare.count("(") > bare.count(")"):
        bare += ")"
    return bare, address[len(bare) :]


def _readable(part: str) -> bool:
    """Returns whether a part of a path consists of words, unlike a number of 20 digits or a hash."""
    digits = sum(c.isdigit() for c in part)
    return "%" not in part and len(part) <= 30 and digits <= max(4, len(part) // 3)
