"""The site: first page of one screen, every page in its navigation, a reference from the code, no broken link."""

from __future__ import annotations

import dataclasses
import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_cli.reference import commands
from hushd_protocol.errors import CODES
from hushd_protocol.messages import FROM_CLIENT, FROM_WORKER, TO_CLIENT, TO_WORKER
from hushd_schema.settings.declaration import settings_of
from site_builder import python_reference, reference, sources
from site_builder.commands import wrong
from support import chromium
from support.chromium import Chromium

ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=["'](?:https?:)?//""")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
FIRST = sources.FIRST.read_text()


def test_every_document_is_in_the_navigation_once() -> None:
    """docs/README.md links to each page of docs/, and so the site's side does."""
    linked = [path for part in sources.navigation().values() for path in part.values()]
    beside = [sources.ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md")]
    assert sorted(linked) == sorted({*sources.DOCS.rglob("*.md"), *beside} - {sources.LIST})


def test_the_reference_has_every_command_and_option() -> None:
    """Each on the page of its command, below its own heading; `hushd say` is `say`."""
    text = "".join(reference.pages().values())
    for command in commands():
        if command.words[1:] not in (("say",), ("listen",)):
            (described,) = re.findall(rf"^#+ {command.path}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
            flags = [flag for option in command.options for flag in option.flags if flag not in ("-h", "--help")]
            assert all(f"`{flag}" in described for flag in flags), command.path


def test_the_reference_has_every_setting_with_a_meaning() -> None:
    """By its table, with its default; none is without a meaning."""
    page = reference.pages()["reference/settings"]
    for kind in reference.TABLES.values():
        for name, setting in settings_of(kind).items():
            assert setting.help
            assert f"| `{name}` |" in page
    assert not re.search(r"\| +\|", page, re.MULTILINE)
    assert (
        '| `tts_small` | an engine and a model, such as "moonshine/tiny-en" | `""` | the same for `say` | at once |'
        in page
    )
    assert '| `max_age` | a time of 0 s or more, such as 90, "90s" or "1h30m" | `"24h"` | ' in page


def test_the_reference_has_every_error_and_message() -> None:
    """Each code with its meaning and exit status, each message with its fields."""
    page = reference.pages()["reference/errors"]
    assert "| `no_device` | no microphone or loudspeaker | machine | no | 500 | 8 |" in page
    assert all(f"| `{name}` |" in page for name in CODES)
    page = reference.pages()["reference/messages"]
    for kind in (*FROM_CLIENT, *TO_CLIENT, *FROM_WORKER, *TO_WORKER):
        assert f"## {kind.TYPE}\n" in page
        assert all(f"| `{field.name}` |" in page for field in dataclasses.fields(kind) if field.name != "payload")


def test_the_reference_has_the_python_package() -> None:
    """Every public class with its methods, their types and defaults, and what the docstring says of them."""
    page = reference.pages()["reference/python"]
    assert all(f"\n## {name}\n" in page for name in python_reference.names() if name != "__version__")
    assert "    format: str = 's16le',\n" in page
    assert "await transcribe(" in page
    assert "\n- `keep`: whether the speech can be saved" in page
    assert "from_data" not in page


def test_the_first_page_has_no_figure_of_its_own() -> None:
    """Each number of its answer stands in the benchmarks, which the scripts that it names write."""
    (answer,) = re.findall(r"<dl>.*</dl>", FIRST, re.DOTALL)
    measured = set(NUMBER.findall((sources.DOCS / "BENCHMARKS.md").read_text()))
    assert set(NUMBER.findall(re.sub(r"<[^>]+>", " ", answer))) - measured == set()


def test_the_first_page_is_small() -> None:
    """It needs its own text, a picture and a sound below 40 kB: no script, and nothing from elsewhere."""
    assert not ELSEWHERE.search(FIRST)
    assert "<script" not in FIRST
    assert sources.SOUND.stat().st_size < 40_000
    assert len(FIRST) < 12_000


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_the_first_page_can_be_read(scheme: int) -> None:
    """Text and links have a contrast of 4.5 and more against what they stand on (WCAG 2, level AA)."""
    colours = dict(re.findall(r"--(\w+): (#\w+)", re.findall(r":root \{(.*?)\}", FIRST, re.DOTALL)[scheme]))
    for ground in ("ground", "card"):
        for text in ("text", "quiet", "link"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, such as `#fff`, as WCAG 2 defines it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.night
@pytest.mark.skipif(chromium.PROGRAM is None, reason="there is no Chromium: apt-get install chromium")
def test_the_first_page_is_one_screen(tmp_path: Path) -> None:
    """Nothing to scroll at 1280 by 800, less than a second screen on a phone, never sideways; the sound plays."""
    for path in (sources.FIRST, sources.SOUND, sources.DOCS / "pictures/memory.svg"):
        shutil.copy(path, tmp_path)
    with Chromium(tmp_path) as browser:
        browser.open((tmp_path / "index.html").as_uri())
        for width, height, most in ((1280, 800, 800), (390, 844, 1600)):
            browser.screenshot(tmp_path / f"{width}.png", width=width, height=height)
            size = browser.run("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
            assert size[0] == width
            assert size[1] <= most
        browser.until("document.querySelector('audio').duration > 3")
        assert browser.complaints() == []


def test_the_site_s_command_lines_are_known() -> None:
    """Those of the first page and of generated pages, too."""
    code = "".join(f"`{html.unescape(line)}`\n" for line in re.findall(r"<code[^>]*>(.*?)</code>", FIRST))
    texts = {**reference.pages(), "first": code}
    assert {name: faults for name, text in texts.items() if (faults := wrong(text))} == {}


@pytest.mark.night
@pytest.mark.timeout(600)
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Each page is there, the first as it is, no link is broken, and a browser fetches nothing from elsewhere.

    A link to a page shows its title, one to another file leads to a copy, and the diagram of states is a table.
    """
    for name in ("furo", "myst_parser", "sphinx"):
        pytest.importorskip(name, reason="the site's generator is not installed here")
    folder = tmp_path / "site"
    command = [sys.executable, sources.ROOT / "scripts/../release/site_builder", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder / "index.html")
    documents = [path.relative_to(sources.ROOT).with_suffix("") for path in sources.DOCS.rglob("*.md")]
    for name in (*documents, *reference.pages()):
        text = (folder / f"{name}.html").read_text()
        assert not ELSEWHERE.search(text), name
        assert 'class="toctree-l1"' in text
    assert (folder / "index.html").read_text() == FIRST
    listen = (folder / "docs/LISTEN.html").read_text()
    assert re.search(r'href="MODELS.html"><span class="[\w -]+">Models and voices<', listen)
    assert re.search(r'href="\.\./_downloads/\w+/transcribe\.py"', listen)
    assert "<td><p>waiting</p></td>" in (folder / "docs/ARCHITECTURE.html").read_text()
