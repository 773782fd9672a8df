"""`hushd models` as a process: what it prints and returns, without a supervisor, without a network, in time."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hushd_models.installation import extra_command
from hushd_models.manifest import File, Manifest, Source
from hushd_models.store import Store
from hushd_protocol.system import paths
from support import warm

CONTENT = b"model" * 200_000


@pytest.fixture
def machine(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A machine with a home of its own."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(runtime / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(runtime / "cache"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return Store(paths.find())


@pytest.fixture
def base(machine: Store) -> Path:
    """whisper/base as a pull has left it; its file."""
    path = machine.folder / "whisper" / "base.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    files = {"base.pt": File(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())}
    source = Source("url", "https://example.org", "", "")
    machine.write(Manifest("whisper", "base", "stt", source, files, ".", "openai-whisper", "MIT"))
    return path


def hushd(*arguments: str, cwd: Path | None = None, lacking: str = "") -> subprocess.CompletedProcess[str]:
    """Runs `hushd models` with sockets forbidden, but for those of this machine, and every package installed but
    `lacking`; pip where it is."""
    program = (
        "from hushd_models import installation\n"
        "found = installation.find_spec\n"
        f"installation.find_spec = lambda name: found(name) if name == 'pip' else name != {lacking!r}\n"
        "import socket, sys\n"
        "def forbidden(*a, **k): raise AssertionError(f'the network was used: {a}')\n"
        "socket.getaddrinfo = socket.create_connection = forbidden\n"
        "sys.argv = ['hushd', 'models', *sys.argv[1:]]\n"
        "from hushd_cli.entry import hushd\n"
        "hushd()\n"
    )
    return warm.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=50, check=False, cwd=cwd
    )


def answer(*arguments: str, lacking: str = "") -> Any:
    done = hushd(*arguments, "--json", lacking=lacking)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_the_list(machine: Store, base: Path) -> None:
    """A line a model, installed ones first, with size, memory, speed, wrong words, languages and licence; the file's
    own size where it is here, about its size where it is not. The rest is sorted by the language's wrong words."""
    done = hushd("list")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.replace("too large", "not here ").splitlines()
    assert lines[0].split() == ["MODEL", "ROLE", "STATE", "SIZE", "MEMORY", "SPEED", "WRONG", "LANGUAGES", "LICENCE"]
    (line,) = [line for line in lines if line.startswith("whisper/base ")]
    assert " ".join(line.split()) == "whisper/base stt installed 1 MB 710 MB medium 5.1 % 99 languages MIT"
    (line,) = [line for line in lines if line.startswith("chatterbox/english ")]
    assert " ".join(line.split()) == "chatterbox/english tts not here ~ 3.2 GB 4.2 GB slow - en MIT"
    states = ["recommended" in line or 2 * ("not here" in line) for line in lines[1:]]
    assert states == sorted(states)
    assert set(states) == {0, 1, 2}
    assert hushd().stdout == done.stdout
    listed = json.loads(hushd("list", "stt", "de", "--json").stdout)
    german = [one["name"] for one in listed if one["recommended"]]
    figures = [one["word_errors"].get("de") for one in listed if one["state"] == "absent" and not one["recommended"]]
    published = [figure for figure in figures if figure is not None]
    assert published == sorted(published) == figures[: len(published)]
    assert len(published) > 15
    advised = json.loads(hushd("recommend", "de", "--json").stdout)
    assert sorted(german) == sorted(one["model"] for one in advised if one["role"] == "stt")
    here = hushd("list", "--here").stdout.splitlines()
    assert [line.split() for line in here] == [line.split() for line in lines[: 1 + states.count(0)]]


def test_what_comes_with_its_engine_needs_no_pull(machine: Store) -> None:
    """A sentence says so, in place of its path."""
    done = hushd("pull", "espeak-ng/all")
    assert done.stdout == "espeak-ng/all is installed already: it comes with its engine.\n"
    assert done.returncode == 0


def test_an_engine_that_is_missing_is_told_before_its_first_use(machine: Store, base: Path) -> None:
    """By `list`, `show` and `pull`, with the command that installs it here; not where the configuration starts its
    workers by a command of their own."""
    (line,) = [line for line in hushd("list", lacking="torch").stdout.splitlines() if line.startswith("whisper/base ")]
    assert " ".join(line.split()).startswith("whisper/base stt no engine 1 MB")
    command = extra_command("whisper")
    assert f"engine     not installed: {command}\n" in hushd("show", "whisper/base", lacking="torch").stdout
    assert answer("show", "whisper/tiny", lacking="torch")["install"] == command
    assert answer("show", "whisper/tiny")["install"] == ""
    (offer,) = answer("pull", "--dry-run", "whisper/tiny", lacking="torch")
    assert offer["install"] == command
    machine.paths.config.write_text(
        '[worker."stt/whisper"]\ncommand = ["elsewhere/python", "-m", "hushd_worker_stt"]\n'
    )
    assert answer("show", "whisper/tiny", lacking="torch")["install"] == ""
    assert "no engine" not in hushd("list", "whisper", lacking="torch").stdout


def test_the_list_for_programs(machine: Store, base: Path) -> None:
    """As JSON, all or some: by engine, role or language; nobody is told of what there is none of."""
    every = answer("list")
    assert len(every) > 60
    (one,) = [one for one in every if one["name"] == "whisper/base"]
    assert one.pop("languages")[:3] == ["en", "zh", "de"]
    figures = one.pop("word_errors")
    assert (figures["en"], figures["de"]) == (5.11, 19.69)
    assert one.pop("word_errors_source").endswith("/whisper-base.md")
    assert one == {
        "name": "whisper/base", "role": "stt", "state": "installed", "origin": "hushd", "size_mb": 1.0,
        "memory_mb": 710, "licence": "MIT", "speed": "medium", "path": str(base), "problem": "", "aliases": [],
        "recommended": False, "install": "",
    }  # fmt: skip
    assert next(one["name"] for one in every if one["recommended"]) == "moonshine/tiny-en"
    assert {one["role"] for one in answer("list", "tts")} == {"tts"}
    assert {one["name"].partition("/")[0] for one in answer("list", "hibari", "kokoro")} == {"hibari", "kokoro"}
    assert "kokoro/kokoro-v1.0" in {one["name"] for one in answer("list", "fr")}
    spoken = {
        one["name"] for one in answer("list", "tts", "de", "fr")
    }  # all kinds of words hold, one of each is enough
    assert {"chatterbox/multilingual", "kokoro/kokoro-v1.0"} < spoken
    assert not any("hibari" in name or "whisper" in name for name in spoken)
    assert answer("list", "stt", "kokoro") == []
    done = hushd("list", "kokorr")
    assert (done.returncode, done.stderr) == (
        2,
        "hushd models: There is no model of 'kokorr': did you mean 'kokoro'?\n",
    )


def test_show_and_path(machine: Store, base: Path) -> None:
    """All that is known of one, by its name or an alias; a path is printed alone, for scripts."""
    shown = hushd("show", "whisper/base").stdout
    for words in (
        "whisper/base\n",
        "state      installed, by hushd",
        str(base),
        "710 MB of a worker",
        "openai-whisper",
    ):
        assert words in shown
    facts = answer("show", "whisper/base")
    assert facts["files"] == {"base.pt": {"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}}
    absent = answer("show", "whisper/turbo")
    assert (absent["name"], absent["files"]) == ("whisper/large-v3-turbo", {})
    own = machine.folder / "whisper" / "own.pt"
    own.write_bytes(b"weights")
    by_hand = answer("show", "whisper/own")
    assert by_hand["files"] == {"own.pt": {"size": 7, "sha256": ""}}
    assert facts.keys() == absent.keys() == by_hand.keys()  # programs find the same keys whoever has brought it
    assert "`hushd models pull whisper/large-v3-turbo` (about 1.6 GB, MIT)" in hushd("show", "whisper/turbo").stdout


@pytest.mark.parametrize("command", ["show", "rm"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("whisper/bas", "did you mean whisper/base?"),
        ("../../etc/passwd", "There is no model"),
        ("a\nb", "There is no model 'a\\nb'"),
        ("", "There is no model"),
    ],
)
def test_names_that_are_none(machine: Store, command: str, name: str, words: str) -> None:
    """One sentence, exit status 6, and what may have been meant."""
    done = hushd(command, name)
    assert (done.returncode, done.stdout) == (6, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "?." not in done.stderr


def test_rm(machine: Store, base: Path) -> None:
    """The freed size is printed; the second time there is nothing to remove; one wrong name, and nothing is removed."""
    done = hushd("rm", "whisper/base", "whisper/bsae")
    assert (done.returncode, base.exists()) == (6, True)
    done = hushd("rm", "whisper/base")
    assert (done.returncode, done.stdout, done.stderr) == (0, "whisper/base: 1 MB freed\n", "")
    assert not base.exists()
    assert hushd("rm", "whisper/base").stderr == (
        "hushd models: whisper/base is not on this machine: there is nothing to remove.\n"
    )


def test_nothing_heavy_and_no_supervisor(machine: Store) -> None:
    """Listing imports neither sockets nor a client, engine or library of the hub's."""
    program = (
        "import sys; from hushd_cli.commands.models.command import main; main('hushd models', ['list'])\n"
        "heavy = {'zmq', 'socket', 'numpy', 'psutil', 'tomllib', 'huggingface_hub', 'msgpack'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True)
    assert done.stderr == "set()\n"
