"""Entry points, read from the metadata of installed packages without importlib.metadata."""

from __future__ import annotations

import json
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from hushd_protocol import __version__
from hushd_schema.entry_points import PLUGINS, entry_points, loaded, plugin_of, plugins

ROOT = Path(__file__).parents[2]
PROJECTS = [
    tomllib.loads(path.read_text())["project"]
    for path in (ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml"))
]


def install(folder: Path, package: str, text: str) -> None:
    info = folder / f"{package}.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text(text)


@pytest.mark.parametrize("group", ["hushd.commands", "hushd.engine_specs", "hushd.nosuch"])
def test_they_are_those_of_importlib(group: str) -> None:
    """All entry points that are installed here are compared."""
    expected = {point.name: point.value.partition("[")[0].strip() for point in metadata.entry_points(group=group)}
    assert entry_points(group) == expected
    assert bool(expected) == any(project.get("entry-points", {}).get(group) for project in PROJECTS)


def test_what_is_no_entry_point_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments, empty lines, extras, other groups, bytes that are not text, and a path that is not a folder."""
    install(
        tmp_path, "a-1", "[x]\none = never:a\n\n[hushd.mine]\n# two = a:b\n; three = a:b\n\n four=a.b:c [extra]\nfive\n"
    )
    (tmp_path / "b-1.dist-info").mkdir()
    (tmp_path / "b-1.dist-info/entry_points.txt").write_bytes(b"[hushd.mine]\n\xff\xfe = \x00\n")
    (tmp_path / "c-1.dist-info").write_text("[hushd.mine]\nfive = a:b\n")
    monkeypatch.setattr("sys.path", [str(tmp_path / "nothing.zip"), str(tmp_path), str(tmp_path)])
    assert {name: value for name, value in entry_points("hushd.mine").items() if name.isascii()} == {"four": "a.b:c"}


def test_the_plugins_are_those_of_the_tree() -> None:
    """Each that is here is known with its commands and bears hushd's version; a tree may lack some."""
    for project in PROJECTS[1:]:
        assert project["version"] == __version__
        points = project.get("entry-points", {}).get("hushd.commands", {})
        assert PLUGINS[project["name"].removeprefix("hushd-")] == tuple(points)
        assert {plugin_of(command) for command in points} <= {project["name"].removeprefix("hushd-")}


def test_a_plugin_of_another_version_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed with its version, and adds nothing; another's package may have any version."""
    for package in ("hushd_desktop-0.0.9", "hushd_wake-" + __version__, "hushd_waving-7"):
        name = package.partition("-")[0]
        install(tmp_path, package, f"[hushd.mine]\n{name} = {name}:A\n")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert {*entry_points("hushd.mine")} == {"hushd_wake", "hushd_waving"}
    assert plugins() == {"desktop": "0.0.9", "wake": __version__}
    monkeypatch.setattr("sys.path", [str(tmp_path / "other")])
    install(tmp_path / "other", "hushd_tune-" + __version__, "[hushd.mine]\ntune = json:dumps\n")
    assert plugins() == {"tune": __version__}
    assert loaded(entry_points("hushd.mine")["tune"]) is json.dumps
