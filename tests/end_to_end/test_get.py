"""`hushd get` where hushd is a copy that pip has made of a folder: pip replaces that copy, too."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_protocol import __version__
from support.hub_server import serving
from support.peer import BOUND_S, check_nothing_is_left
from support.ports import free_port

ROOT = Path(__file__).parents[2]
ENGINE = ("faster_whisper", "ctranslate2")
MODEL = {"config.json": b"{}", "model.bin": b"x" * 2000, "tokenizer.json": b"{}"}
# Installs as pip does from a folder: hushd's files are replaced by others of the same text.
PIP = f"""
import os, pathlib, sys
site = pathlib.Path(__file__).parent
print("Processing", sys.argv[2:])
if os.environ.get("PIP") == "fails":
    sys.exit("ERROR: No matching distribution found")
for file in site.glob("hushd*/__init__.py"):
    file.with_suffix(".new").write_bytes(file.read_bytes())
    file.with_suffix(".new").replace(file)
for name in {ENGINE} if os.environ.get("PIP") != "forgets" else ():
    (site / name).with_suffix(".py").touch()
"""

pytestmark = pytest.mark.skipif(find_spec(ENGINE[0]) is not None, reason="faster-whisper is installed here")

Get = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages with a copy of hushd, which says where that came from, and a pip."""
    folder = tmp_path / "site"
    for package in ROOT.glob("*/hushd*/"):
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pip.py").write_text(PIP)
    origin = folder / f"hushd-{__version__}.dist-info" / "direct_url.json"
    origin.parent.mkdir()
    origin.write_text(json.dumps({"url": ROOT.as_uri(), "dir_info": {}}))
    return folder


@pytest.fixture
def get(site: Path, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Get]:
    """Runs `hushd get fr` of that copy, with a hub that has the model; its supervisor is ended afterwards."""
    for name in [each for each in os.environ if each.startswith(("HF_", "HUSHD_AUTOSTART")) or "proxy" in each.lower()]:
        monkeypatch.delenv(name)
    folders = {"HF_HOME": "hf", "HOME": "home", "XDG_CACHE_HOME": "cache", "HUSHD_MODELS_DIR": "models"}
    for name, value in {"PYTHONPATH": site, "LC_ALL": "C.UTF-8"}.items() | {
        n: tmp_path / f for n, f in folders.items()
    }.items():
        monkeypatch.setenv(name, str(value))
    command = [sys.executable, "-P", "-c", "from hushd_cli import entry; entry.hushd()"]
    with serving() as hub:
        hub.add("Systran/faster-whisper-base", MODEL)  # type: ignore[arg-type]

        def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*command, "get", "fr", "--small", "--hearing", *words],
                env=os.environ | {"HF_ENDPOINT": hub.url} | environment,
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3 * BOUND_S,
            )  # fmt: skip

        yield run
        subprocess.run([*command, "shutdown"], capture_output=True, timeout=BOUND_S)
    check_nothing_is_left(runtime)


def test_a_language_comes_by_one_command(get: Get, site: Path, runtime: Path) -> None:
    """Packages that it installs itself are not an update, for a supervisor from before neither. A terminal alone shows
    pip's words, and a second time there is nothing to do."""
    done = get("-y")
    assert (done.returncode, done.stderr) == (0, ""), done
    command = shlex.join([sys.executable, "-m", "pip", "install", f"hushd[faster-whisper] @ {ROOT.as_uri()}"])
    assert f"\n  $ {command}\n" in done.stdout
    assert "Hears French: faster-whisper/base is installed.\n" in done.stdout
    assert 'Wrote languages = ["en", "fr"], stt = "faster-whisper/base" into ' in done.stdout
    assert "Processing" not in done.stdout
    assert 'stt = "faster-whisper/base"' in (runtime / "config.toml").read_text()
    again = get()
    assert (again.returncode, again.stderr, "$" in again.stdout) == (0, "", False), again


def test_without_a_hub_nothing_is_installed(get: Get, site: Path, runtime: Path) -> None:
    """The model comes first; the error is that of the hub."""
    done = get("-y", HF_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 6, done
    assert "cannot be reached" in done.stderr
    assert not (site / f"{ENGINE[0]}.py").exists()
    assert (runtime / "config.toml").read_text() == ""


@pytest.mark.parametrize(("pip", "said"), [("fails", "' has failed"), ("forgets", "' has brought nothing into")])
def test_a_pip_that_brings_nothing_is_an_error(get: Get, pip: str, said: str) -> None:
    """Its own words are shown where it fails; where it does not, it is not called for ever."""
    done = get("-y", PIP=pip)
    assert (done.returncode, "ERROR: No matching" in done.stderr) == (9, pip == "fails"), done
    assert said in done.stderr.splitlines()[-1].replace("`", "'")
