"""Entry points, read from the metadata of installed packages without importlib.metadata."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from hushd_schema.entry_points import entry_points


def install(folder: Path, package: str, text: str) -> None:
    info = folder / f"{package}.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text(text)


@pytest.mark.parametrize("group", ["hushd.commands", "hushd.engine_specs", "hushd.stt_engines", "hushd.nosuch"])
def test_they_are_those_of_importlib(group: str) -> None:
    """Of everything that is installed here."""
    expected = {point.name: point.value.partition("[")[0].strip() for point in metadata.entry_points(group=group)}
    assert entry_points(group) == expected
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert bool(expected) == bool(project.get("entry-points", {}).get(group))


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
