"""Every link of the built site leads somewhere."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_TIMEOUT_S = 15
_AT_ONCE = 8
_REFUSED = (401, 403, 405, 429)  # by a host that answers people and not programs: the page may well be there
_UNTRIED = re.compile(r"https?://(?:127\.0\.0\.1|localhost)\b")


class Page(HTMLParser):
    """A page's anchors and the targets of its links, images and sounds."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value is not None:
                self.targets.append(value)


def broken(folder: Path, online: bool = False) -> list[str]:
    """The links of a built site that lead nowhere, each with its page and its fault.

    Args:
        online: whether addresses elsewhere are asked for; otherwise they only need to be addresses.
    """
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html")}
    faults, elsewhere = [], defaultdict(list)
    for path, page in pages.items():
        name = path.relative_to(folder.resolve()).as_posix()
        for target in dict.fromkeys(page.targets):
            if urlsplit(target).scheme:
                elsewhere[target.partition("#")[0]].append(name)
            elif fault := _fault(target, path, pages):
                faults.append(f"{name}: {target}: {fault}")
    answers = _ask([url for url in elsewhere if not _UNTRIED.match(url)]) if online else {}
    for url, names in elsewhere.items():
        if fault := _malformed(url) or answers.get(url, ""):
            faults.append(f"{', '.join(names[:3])}: {url}: {fault}")
    return faults


def _fault(target: str, page: Path, pages: dict[Path, Page]) -> str:
    """The fault of a link within the site; empty where it leads somewhere."""
    parts = urlsplit(target)
    file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if parts.netloc or not file.is_file():
        return "there is no such file"
    if parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].anchors:
        return "there is no such anchor"
    return ""


def _malformed(url: str) -> str:
    parts = urlsplit(url)
    sound = parts.scheme in ("data", "mailto") or (parts.scheme in ("http", "https") and re.search(r"\w", parts.netloc))
    return "" if sound and not re.search(r"[\s<>]", url) else "this is not an address"


def _ask(urls: list[str]) -> dict[str, str]:
    """The faults of addresses, by asking each of them once."""
    asked_for = [url for url in urls if url.startswith("http")]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(asked_for, pool.map(_answer, asked_for), strict=True))


def _answer(url: str) -> str:
    request = urllib.request.Request(url, headers={"User-Agent": "hushd's scripts/site"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return "" if error.code in _REFUSED else f"it answers {error.code}"
    except OSError as error:
        return f"it cannot be reached ({error})"
