"""The documents' site: each page is in its navigation, the reference is the code's, it builds without a warning."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import hushd
import pytest
from hushd_cli.reference import commands
from hushd_protocol.errors import CODES
from hushd_protocol.messages import FROM_CLIENT, FROM_WORKER, TO_CLIENT, TO_WORKER
from hushd_schema.settings.declaration import settings_of
from site_builder import reference, sources

ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=["'](?:https?:)?//""")
PAGES = reference.pages()


def test_every_document_is_in_the_navigation_once() -> None:
    """docs/README.md links to each page of docs/, and so the site's side does."""
    linked = [path for part in sources.navigation().values() for path in part.values()]
    assert sorted(linked) == sorted(path for path in sources.pages() if path != sources.FIRST)


def test_links_are_written_for_the_site(tmp_path: Path) -> None:
    """A page's file name as link text becomes its title; links out of docs/ become copies; code stays as it is."""
    folder = tmp_path / "site"
    sources.write(folder)
    listen = (folder / "LISTEN.md").read_text()
    assert "([Get models](MODELS.md))" in listen
    assert "[transcribe.py](files/schema/hushd_schema/operations/transcribe.py)" in listen
    assert (folder / "files/schema/hushd_schema/operations/transcribe.py").is_file()
    assert "| stopped | waiting | request |" in (folder / "ARCHITECTURE.md").read_text()


def test_the_reference_has_every_command_and_option() -> None:
    """Each on the page of its command, below its own heading; `hushd say` is `say`."""
    text = "".join(PAGES.values())
    for command in commands():
        if command.words[1:] not in (("say",), ("listen",)):
            (described,) = re.findall(rf"^#+ {command.path}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
            flags = [flag for option in command.options for flag in option.flags if flag not in ("-h", "--help")]
            assert all(f"`{flag}" in described for flag in flags), command.path


def test_the_reference_has_every_setting_with_a_meaning() -> None:
    """By its table, with its default; none is without a meaning."""
    page = PAGES["reference/settings"]
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
    page = PAGES["reference/errors"]
    assert "| `no_device` | no microphone or loudspeaker | machine | no | 500 | 8 |" in page
    assert all(f"| `{name}` |" in page for name in CODES)
    page = PAGES["reference/messages"]
    for kind in (*FROM_CLIENT, *TO_CLIENT, *FROM_WORKER, *TO_WORKER):
        assert f"## {kind.TYPE}\n" in page
        assert all(f"| `{field.name}` |" in page for field in dataclasses.fields(kind) if field.name != "payload")


def test_the_reference_has_the_python_package() -> None:
    """Every public class with its methods, their types and defaults, and what the docstring says of them."""
    page = PAGES["reference/python"]
    assert all(f"\n## {name}\n" in page for name in hushd.__all__ if name != "__version__")
    assert "    format: str = 's16le',\n" in page
    assert "await transcribe(" in page
    assert "\n- `keep`: whether the speech can be saved" in page
    assert "from_data" not in page


@pytest.mark.night
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Each page is there, no link of it is broken, and a browser fetches nothing from elsewhere for it."""
    for name in ("furo", "myst_parser", "sphinx"):
        pytest.importorskip(name, reason="the site's generator is not installed here")
    folder = tmp_path / "site"
    command = [sys.executable, sources.ROOT / "scripts/site_builder", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder / "index.html")
    for name in (*sources.pages().values(), *PAGES):
        text = (folder / f"{name}.html").read_text()
        assert not ELSEWHERE.search(text), name
        assert 'class="toctree-l1"' in text
