"""`hushd models`: what it prints and returns, without a supervisor and without a network."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hushd_cli import main
from hushd_models import advice, installation
from hushd_models.installation import extra_command
from hushd_models.manifest import File, Manifest, Source
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

CONTENT = b"model" * 200_000
FIND_SPEC, ENGINE_INSTALLED = installation.find_spec, advice.engine_installed.__wrapped__  # without its memory
Hushd = Callable[..., str]


def lacking(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Has every package installed but these; pip where it is."""
    found = lambda name: FIND_SPEC(name) if name == "pip" else name not in packages  # noqa: E731
    monkeypatch.setattr(installation, "find_spec", found)
    monkeypatch.setattr(advice, "engine_installed", ENGINE_INSTALLED)


@pytest.fixture
def machine(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A machine with a home of its own, and without a network."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(runtime / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(runtime / "cache"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    lacking(monkeypatch)

    def forbidden(*given: object, **_: object) -> NoReturn:
        raise AssertionError(f"the network was used: {given}")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, forbidden)
    return Store(paths.find())


@pytest.fixture
def hushd(machine: Store, capfd: pytest.CaptureFixture[str]) -> Hushd:
    """Runs `hushd models`; returns what it prints, and checks that it complains of nothing."""

    def run(*words: str) -> str:
        assert main.main("hushd", ["models", *words]) == 0
        shown = capfd.readouterr()
        assert shown.err == ""
        return shown.out

    return run


@pytest.fixture
def answer(hushd: Hushd) -> Callable[..., Any]:
    return lambda *words: json.loads(hushd(*words, "--json"))


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


@pytest.mark.usefixtures("base")
def test_the_list(hushd: Hushd, answer: Callable[..., Any]) -> None:
    """A line a model, installed ones first, with size, memory, speed, wrong words, languages and licence; the file's
    own size where it is here, about its size where it is not. The rest is sorted by the language's wrong words."""
    shown = hushd("list")
    lines = shown.replace("too large", "not here ").splitlines()
    assert lines[0].split() == ["MODEL", "ROLE", "STATE", "SIZE", "MEMORY", "SPEED", "WRONG", "LANGUAGES", "LICENCE"]
    (line,) = [line for line in lines if line.startswith("whisper/base ")]
    assert " ".join(line.split()) == "whisper/base stt installed 1 MB 645 MB medium 5.1 % 99 languages MIT"
    (line,) = [line for line in lines if line.startswith("chatterbox/english ")]
    assert " ".join(line.split()) == "chatterbox/english tts not here ~ 3.2 GB 4.2 GB slow - en MIT"
    three = next(one for one in answer("list") if len(one["languages"]) == 3)
    (line,) = [line for line in lines if line.startswith(f"{three['name']} ")]
    assert f" {' '.join(three['languages'])} " in line, "a few languages are named, not counted"
    states = ["recommended" in line or 2 * ("not here" in line) for line in lines[1:]]
    assert states == sorted(states)
    assert set(states) == {0, 1, 2}
    assert hushd() == shown
    listed = answer("list", "stt", "de")
    german = [one["name"] for one in listed if one["recommended"]]
    figures = [one["word_errors"].get("de") for one in listed if one["state"] == "absent" and not one["recommended"]]
    published = [figure for figure in figures if figure is not None]
    assert published == sorted(published) == figures[: len(published)]
    assert len(published) > 15
    advised = answer("recommend", "de")
    assert sorted(german) == sorted(one["model"] for one in advised if one["role"] == "stt")
    here = hushd("list", "--here").splitlines()
    assert [line.split() for line in here] == [line.split() for line in lines[: 1 + states.count(0)]]


def test_an_engine_that_is_missing_is_told_before_its_first_use(
    machine: Store, base: Path, hushd: Hushd, answer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`list`, `show` and `pull` tell of it, with the command that installs it here; not where the configuration starts
    its workers by a command of their own. What comes with its engine needs no pull, which a sentence says."""
    assert hushd("pull", "espeak-ng/all") == "espeak-ng/all is installed already: it comes with its engine.\n"
    assert answer("show", "whisper/tiny")["install"] == ""
    lacking(monkeypatch, "torch")
    (line,) = [line for line in hushd("list").splitlines() if line.startswith("whisper/base ")]
    assert " ".join(line.split()).startswith("whisper/base stt no engine 1 MB")
    command = extra_command("whisper")
    assert f"engine     not installed: {command}\n" in hushd("show", "whisper/base")
    (offer,) = answer("pull", "--dry-run", "whisper/tiny")
    assert answer("show", "whisper/tiny")["install"] == offer["install"] == command
    command = '[worker."stt/whisper"]\ncommand = ["elsewhere/python", "-m", "hushd_worker_stt"]\n'
    machine.paths.config.write_text(command)
    assert answer("show", "whisper/tiny")["install"] == ""
    assert "no engine" not in hushd("list", "whisper")


def test_the_list_for_programs(base: Path, answer: Callable[..., Any]) -> None:
    """JSON lists all or some: by engine, role or language; nobody is told of what there is none of."""
    every = answer("list")
    assert len(every) > 60
    (one,) = [one for one in every if one["name"] == "whisper/base"]
    assert one.pop("languages")[:3] == ["en", "zh", "de"]
    figures = one.pop("word_errors")
    assert (figures["en"], figures["de"]) == (5.11, 19.69)
    assert one.pop("word_errors_source").endswith("/whisper-base.md")
    assert one == {
        "name": "whisper/base", "role": "stt", "state": "installed", "origin": "hushd", "size_mb": 1.0,
        "memory_mb": 645, "licence": "MIT", "speed": "medium", "path": str(base), "problem": "", "aliases": [],
        "recommended": False, "install": "",
    }  # fmt: skip
    assert next(one["name"] for one in every if one["recommended"]) == "moonshine/tiny-en"
    assert {one["role"] for one in answer("list", "tts")} == {"tts"}
    assert {one["name"].partition("/")[0] for one in answer("list", "hibari", "kokoro")} == {"hibari", "kokoro"}
    assert "kokoro/kokoro-v1.0" in {one["name"] for one in answer("list", "fr")}
    # All kinds of words hold, one of each is enough.
    spoken = {one["name"] for one in answer("list", "tts", "de", "fr")}
    assert {"chatterbox/multilingual", "kokoro/kokoro-v1.0"} < spoken
    assert not any("hibari" in name or "whisper" in name for name in spoken)
    assert answer("list", "stt", "kokoro") == []
    with pytest.raises(HushdError, match=r"^There is no model of 'kokorr': did you mean 'kokoro'\?$"):
        answer("list", "kokorr")


def test_show(machine: Store, base: Path, hushd: Hushd, answer: Callable[..., Any]) -> None:
    """All that is known of one, by its name or an alias."""
    shown = hushd("show", "whisper/base")
    for words in (
        "whisper/base\n",
        "state      installed, by hushd",
        str(base),
        "645 MB of a worker",
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
    assert "`hushd models pull whisper/large-v3-turbo` (about 1.6 GB, MIT)" in hushd("show", "whisper/turbo")


def test_rm(base: Path, hushd: Hushd) -> None:
    """The freed size is printed; the second time there is nothing to remove; one wrong name, and nothing is removed."""
    with pytest.raises(HushdError, match=r"^There is no model 'whisper/bsae': did you mean whisper/base\?$"):
        hushd("rm", "whisper/base", "whisper/bsae")
    assert base.exists()
    assert hushd("rm", "whisper/base") == "whisper/base: 1 MB freed\n"
    assert not base.exists()
    with pytest.raises(HushdError, match=r"^whisper/base is not on this machine: there is nothing to remove\.$"):
        hushd("rm", "whisper/base")


def test_recommendations_in_text_and_in_json_say_the_same(
    hushd: Hushd, answer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each language and role has: model, disk, memory, licence, what one gets, and the commands. Without a language
    they are for the session's."""
    text, listed = hushd("recommend", "en", "de"), answer("recommend", "en", "de")
    assert {(one["language"], one["role"]) for one in listed} == {(a, b) for a in ("en", "de") for b in ("stt", "tts")}
    for one in listed:
        cost = f"{one['size_mb']} MB on disk, {one['memory_mb']} MB of memory, {one['speed']}, {one['licence']}"
        assert f"{one['model']}  ({cost})" in text
        assert one["gain"] in text
        assert all(f"$ {command}" in text for command in one["commands"])
    assert "GB free for models" in text
    for locale, language in (("fr_CA.UTF-8", "fr"), ("C.UTF-8", "en")):
        monkeypatch.setenv("LC_ALL", locale)
        assert {one["language"] for one in answer("recommend")} == {language}
