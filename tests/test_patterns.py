"""Every regular expression of the product, on hostile texts: twice the text costs at most some twice the work."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = (
    "agents", "cli", "client", "gateway", "models", "plugins", "protocol", "reading", "supervisor", "worker",
    "worker_models", "worker_stt", "worker_tts",
)  # fmt: skip
FUNCTIONS = ("match", "fullmatch", "search", "sub", "subn", "findall", "finditer", "split")
# A pattern that may take more is never given a long or a hostile text; why not.
BOUNDED = {
    "gateway/hushd_gateway/http/web_page.py:_STYLE": "reads hushd's own page",
    "worker/hushd_worker/server/exchange.py:text": "of a server's error the first 4,000 bytes are looked at",
    "models/hushd_models/text_language.py:_NO_PROSE": "of a text its first 2,000 characters are looked at",
    "protocol/hushd_protocol/duration.py:parts": "finds again what _DURATION has matched as a whole",
    "worker_stt/hushd_worker_stt/wording.py:_ASCII_WORD": "a text has no blanks at its end, and all else begins a word",
    "worker_stt/hushd_worker_stt/wording.py:any_word": "the same, of all scripts",
    "client/hushd/transcripts/cues.py:_WORD": "the text has no blanks at its end, and all else begins a word",
}
SIGNS = "a 1-_.:|/'\"\n\t=,;#*Aé(<[{}])>~`@&%+!?$"  # that repeats are tried with
SIZES = (2_000, 16_000, 128_000)
GROWTH = 2.2  # of the work for twice the text
LOOKS = 8
NEGLIGIBLE_S = 0.01  # a quadratic one takes more for the second size


class Pattern(NamedTuple):
    """A pattern in the sources, and how it is used."""

    place: str
    source: str | bytes
    flags: int
    uses: frozenset[str]


@cache
def patterns(top: str) -> list[Pattern]:
    """Every pattern that stands in a folder's sources as a text, under the name or at the line where it stands."""
    found = {}
    for path in sorted((ROOT / top).rglob("hushd*/**/*.py")):
        if not path.is_symlink() and not {"packaging", "docs"} & {*path.parts}:
            found |= {pattern.place: pattern for pattern in _in(path)}
    return sorted(found.values())


def _in(path: Path) -> Iterator[Pattern]:
    text = path.read_text()
    named: dict[int, str] = {}
    for node in ast.walk(ast.parse(text)) if re.search(r"\bre\.", text) else ():  # parsing all takes seconds
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named |= {id(each): node.targets[0].id for each in ast.walk(node.value)}
        if not _is_call_of_re(node):
            continue
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Attribute)
        source = _constant(path, node.args[0])
        if source is None:
            continue
        name, used = named.get(id(node), ""), node.func.attr
        uses = {used} if used in FUNCTIONS else _uses(name)
        flags = sum(getattr(re, each) for each in re.findall(r"re\.([A-Z]+)\b", ast.unparse(node)))
        yield Pattern(f"{path.relative_to(ROOT)}:{name or node.lineno}", source, flags, frozenset(uses))


def _is_call_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in (*FUNCTIONS, "compile")
    )


def _constant(path: Path, node: ast.expr) -> str | bytes | None:
    """The text of a pattern; of one that is put together, with the constants put in of its module, and of others."""
    module: dict[str, Any] = {}
    try:
        return ast.literal_eval(node)  # type: ignore[no-any-return]
    except ValueError:
        pass
    for statement in ast.parse(path.read_text()).body:
        imported = isinstance(statement, ast.ImportFrom) and statement.module == "hushd_models.languages"
        constant = ast.Constant | ast.JoinedStr | ast.BinOp
        if imported or (isinstance(statement, ast.Assign) and isinstance(statement.value, constant)):
            try:
                exec(compile(ast.Module([statement], []), str(path), "exec"), module)
            except Exception:
                continue  # it needs more than constants
    try:
        value = eval(compile(ast.Expression(node), str(path), "eval"), module)
    except Exception:
        return None
    return value if isinstance(value, str | bytes) else None


@cache
def _used() -> dict[str, set[str]]:
    """The functions by which each name is used, anywhere in the product."""
    used: dict[str, set[str]] = {}
    for top in PRODUCT:
        for path in (ROOT / top).rglob("hushd*/**/*.py"):
            for name, function in _USE.findall("" if path.is_symlink() else path.read_text()):
                used.setdefault(name, set()).add(function)
    return used


_USE = re.compile(rf"\b(\w+)(?:\[\w+\])?\.({'|'.join(FUNCTIONS)})\(")


def _uses(name: str) -> frozenset[str]:
    return frozenset(_used().get(name, {"search"}))


# --- hostile texts ---------------------------------------------------------------------------------------------------


def hostile(pattern: Pattern) -> set[tuple[str, str, str]]:
    """Texts as beginning, repeated part and end: each repeat of the pattern, behind what comes before it or alone."""
    shapes = set()
    for before, part in _repeats(_parser.parse(pattern.source, pattern.flags)):
        for end in ("", "\n", "a\0"):
            shapes |= {("", part, end), (before, part, end), ("", before + part, end)}
    return shapes


def _repeats(tree: Any, before: str = "") -> Iterator[tuple[str, str]]:
    for operator, value in tree:
        if operator in _REPEATS:
            body = value[2]
            if value[1] is _constants.MAXREPEAT or value[1] > 20:
                several = len(body) == 1 and body[0][0] is _constants.IN
                yield from (
                    (before, part) for part in {_sample(body), *(_members(body[0][1]) if several else "")} if part
                )
            yield from _repeats(body, before)
        elif operator is _constants.SUBPATTERN:
            yield from _repeats(value[3], before)
        elif operator is _constants.BRANCH:
            for branch in value[1]:
                yield from _repeats(branch, before)
        elif operator is _constants.ATOMIC_GROUP:
            yield from _repeats(value, before)
        before += _sample([(operator, value)])


_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)


def _sample(tree: Any) -> str:
    """A short text that a part of a pattern matches, as a rule."""
    parts = []
    for operator, value in tree:
        match operator:
            case _constants.LITERAL:
                parts.append(chr(value))
            case _constants.NOT_LITERAL:
                parts.append("b" if chr(value) == "a" else "a")
            case _constants.ANY:
                parts.append("a")
            case _constants.IN:
                parts.append(next(iter(_members(value)), "a"))
            case _constants.BRANCH:
                parts.append(_sample(value[1][0]))
            case _constants.SUBPATTERN:
                parts.append(_sample(value[3]))
            case _constants.ATOMIC_GROUP:
                parts.append(_sample(value))
            case _ if operator in _REPEATS:
                parts.append(_sample(value[2]) * max(1, min(value[0], 3)))
    return "".join(parts)


def _members(choices: Any) -> str:
    """The first few signs of a class."""
    members = [sign for sign in SIGNS if _has(choices, sign)][:6]
    return "".join(members) or next((chr(v if o is _constants.LITERAL else v[0]) for o, v in choices if o in _ONES), "")


_ONES = (_constants.LITERAL, _constants.RANGE)


def _has(choices: Any, sign: str) -> bool:
    negated = choices[0][0] is _constants.NEGATE
    found = False
    for operator, value in choices:
        if operator is _constants.LITERAL:
            found |= ord(sign) == value
        elif operator is _constants.RANGE:
            found |= value[0] <= ord(sign) <= value[1]
        elif operator is _constants.CATEGORY:
            kind, _, name = str(value).removeprefix("CATEGORY_").rpartition("_")
            letter = {"SPACE": "s", "DIGIT": "d", "WORD": "w"}[name]
            found |= re.match(rf"\{letter.upper() if kind else letter}", sign) is not None
    return found != negated


# --- their work ------------------------------------------------------------------------------------------------------


def work(pattern: Pattern, text: str, tries: int) -> float:
    """Seconds of the processor, the least of some tries: other programs are not counted."""
    compiled = re.compile(pattern.source, pattern.flags)
    given: Any = text.encode() if isinstance(pattern.source, bytes) else text
    least = float("inf")
    for _ in range(tries):
        began = time.thread_time()
        for use in pattern.uses:
            if use in ("sub", "subn"):
                compiled.sub(given[:0], given)
            elif use in ("findall", "finditer", "split"):
                compiled.findall(given)
            else:
                getattr(compiled, use)(given)
        least = min(least, time.thread_time() - began)
    return least


def _growth(pattern: Pattern, shorter: str, longer: str) -> float:
    """Returns the factor by which the longer text takes more.

    Of some looks the least: beside other programs a processor is slower at times, and a pattern that takes the square
    of its text does so at each.
    """
    least = float("inf")
    for _ in range(LOOKS):
        least = min(least, work(pattern, longer, 3) / work(pattern, shorter, 3))
        if least <= GROWTH**3:
            break
    return least


def test_there_are_patterns() -> None:
    """They are found: names, lines, and those put together of constants."""
    found = [pattern for top in PRODUCT for pattern in patterns(top)]
    assert len(found) > 180
    assert all(any(pattern.place.startswith(place) for pattern in found) for place in BOUNDED)


@pytest.mark.parametrize("top", PRODUCT)
def test_the_work_grows_with_the_text(top: str) -> None:
    """No shape of text has a pattern take more than 2.2 times for twice the text; sizes are three doublings apart."""
    for pattern in patterns(top):
        if not pattern.place.startswith(tuple(BOUNDED)):
            check_growth(pattern)


def check_growth(pattern: Pattern) -> None:
    """Fails where a shape of text has the pattern take more."""
    for before, part, end in hostile(pattern):
        ratios = []
        for small, large in pairwise(SIZES):  # a repeat with a limit takes more for each sign until it is reached
            shorter, longer = (f"{before}{part * (size // len(part))}{end}" for size in (small, large))
            if work(pattern, longer, 1) < NEGLIGIBLE_S:
                break
            ratios.append(_growth(pattern, shorter, longer))
            if ratios[-1] <= GROWTH**3 or ratios[-1] > 4 * GROWTH**3:
                break
        assert not ratios or ratios[-1] <= GROWTH**3, (pattern.place, before, part, end, ratios)
