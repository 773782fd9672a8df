"""An engine of another package is one like any other, although hushd has never heard of it: each command knows it by
its spec alone (tests/packages/hushd_kazoo)."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd_schema import engines
from support import moonshine_once, small_models, warm
from support.engine_example import package
from support.recordings import recording

BIN = Path(sys.executable).parent
PACKAGE = Path(__file__).parents[1] / "packages" / "hushd_kazoo"
pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("engine_of_others")]


class House:
    """A machine on which another package has brought an engine, and the user a model for it."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        self.packages, model = folder / "packages", folder / "models" / "kazoo" / "mine.kazoo"
        shutil.copytree(PACKAGE, self.packages / PACKAGE.name)
        package(self.packages, PACKAGE.name, engines.GROUP, {"kazoo": "hushd_kazoo:spec.json"})
        model.parent.mkdir(parents=True)
        model.write_text('{"reeds": 3, "languages": ["tlh", "en"]}')
        (runtime / "config.toml").write_text(moonshine_once.configuration())
        self.environment = os.environ | {
            "PYTHONPATH": str(self.packages), "HUSHD_RUNTIME_DIR": str(runtime),
            "HUSHD_STATE_DIR": str(runtime / "state"), "HUSHD_CONFIG": str(runtime / "config.toml"),
            "HUSHD_MODELS_DIR": str(folder / "models"), "XDG_CACHE_HOME": str(folder / "cache"),
            "HF_HUB_OFFLINE": "1",
        }  # fmt: skip

    def run(self, *words: str | Path, status: int = 0) -> str:
        """Runs a command, which must leave with `status`; returns what it prints, or its error."""
        done = warm.run([BIN / words[0], *words[1:]], env=self.environment, capture_output=True, text=True, timeout=150)
        assert done.returncode == status, f"{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stderr if status else done.stdout

    def json(self, *words: str | Path) -> Any:
        return json.loads(self.run(*words, "--json"))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    runtime = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
    house = House(tmp_path_factory.mktemp("house"), runtime)
    yield house
    house.run("hushd", "shutdown")
    shutil.rmtree(runtime, ignore_errors=True)


def test_its_models_are_found_and_their_languages_known(house: House) -> None:
    """Their files are in its folder, which say which languages it hears."""
    rows = {row["name"]: row for row in house.json("hushd", "models", "list", "kazoo")}
    assert (rows["kazoo/mine"]["state"], rows["kazoo/mine"]["origin"]) == ("installed", "user")
    assert rows["kazoo/mine"]["languages"] == ["tlh", "en"]
    assert rows["kazoo/concert"]["aliases"] == ["loud"]
    (row,) = [row for row in house.json("hushd", "models", "list", "tlh") if row["state"] != "absent"]
    assert row["name"] == "kazoo/mine"


def test_it_hears_and_is_configured_like_any_other(house: House) -> None:
    """`listen` runs it, and `hushd config` knows the engine and its models, also a wrong one's neighbour."""
    heard = house.run("listen", "--engine", "kazoo", "--model", "mine", recording())
    assert "Humming, all of it." in " ".join(heard.split())
    house.run("hushd", "config", "set", "stt", "kazoo/mine")
    house.run("hushd", "config", "check")
    assert "did you mean mine?" in house.run("hushd", "config", "set", "stt", "kazoo/mina", status=2)
    house.run("hushd", "config", "unset", "stt")


def test_it_keeps_the_contract(house: House, tmp_path: Path) -> None:
    """The claims of `hushd_worker_stt.conformance`, as its author's test has them."""
    assert " passed" in house.run(*small_models.contract(tmp_path, "stt", "kazoo", "mine"))
