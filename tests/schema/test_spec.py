"""The file of an engine: what it says is what the spec has, and a mistake is told in words."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hushd_schema import engines
from hushd_schema.engines import EngineSpec, spec

GOOD: dict[str, Any] = {
    "about": "not read", "name": "pitch", "role": "stt", "engine": "hushd_pitch.engine:Pitch", "packages": ["numpy"],
    "each": {"licence": "MIT", "speed": "fast"},
    "models": {"tiny": {"languages": "en"}, "slow": {"languages": "de", "speed": "slow"}},
    "memory_mb": "builtins:len",
    "recommended": [{"model": "tiny", "gain": "all of it"}],
}  # fmt: skip


def written(folder: Path, content: object) -> Path:
    path = folder / "spec.json"
    path.write_text(json.dumps(content))
    return path


def test_what_a_file_says(tmp_path: Path) -> None:
    """Lists are tuples, models have what all have in common, and functions are found when they are called."""
    made = spec.read(written(tmp_path, GOOD))
    assert (made.name, made.packages, made.rank) == ("pitch", ("numpy",), engines.LAST)
    assert made.models == {
        "tiny": {"licence": "MIT", "speed": "fast", "languages": "en"},
        "slow": {"licence": "MIT", "speed": "slow", "languages": "de"},
    }
    assert made.memory_mb
    assert made.memory_mb({"a": 1, "b": 2}) == 2
    assert made.recommended[0].gain == "all of it"


@pytest.mark.parametrize(("wrong", "said"), [
    ({"rnak": 1}, "there is no key rnak (did you mean rank?)"),
    ({"voices": [{"language": 5}]}, "voices.0 must be a map whose values are text, not {'language': 5}"),
    ({"need": "hushd_pitch:"}, "need must be a function, such as hushd_pitch.files:languages, not 'hushd_pitch:'"),
    ({"rank": "first"}, "rank must be a whole number, not 'first'"),
    ({"packages": "numpy"}, "packages must be a list, not 'numpy'"),
    ({"models": ["tiny"]}, "models must be a map, not ['tiny']"),
    ({"memory_mb": 300}, "memory_mb must be a function, such as hushd_pitch.files:languages, not 300"),
    ({"memory_mb": "len"}, "memory_mb must be a function, such as hushd_pitch.files:languages, not 'len'"),
    ({"recommended": [{"model": "tiny"}]}, "recommended.0.gain must be there"),
    ({"recommended": ["tiny"]}, "recommended.0 must be a map, not 'tiny'"),
    ({"role": "singer"}, "it is not an EngineSpec of a role"),
    ({"name": ""}, "it is not an EngineSpec of a role"),
])  # fmt: skip
def test_a_mistake(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    """Each is told before anything of the engine is imported."""
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        spec.read(written(tmp_path, GOOD | wrong))
    with pytest.raises(ValueError, match=r"^it is not an object$"):
        spec.read(written(tmp_path, [wrong]))


def test_the_functions_of_our_own_specs() -> None:
    """Each that a file names is there."""
    files = sorted(Path(engines.__file__).parent.glob("*/*.json"))
    named = [place for file in files for place in re.findall(r'"([a-z_.]+:[a-z_]+)"', file.read_text(encoding="utf-8"))]
    assert len(named) > 10
    for place in named:
        module, _, name = place.partition(":")
        assert callable(getattr(importlib.import_module(module), name)), place


def test_a_spec_of_code_and_one_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other packages bring either; whatever else an entry point names is told, and no other engine suffers."""
    package = tmp_path / "hushd_hum"
    package.mkdir()
    (package / "__init__.py").write_text("SPEC = 5\n")
    written(package, GOOD | {"name": "hum"})
    (tmp_path / "hushd_hum-1.dist-info").mkdir()
    (tmp_path / "hushd_hum-1.dist-info/entry_points.txt").write_text(
        "[hushd.engine_specs]\nhum = hushd_hum:spec.json\nfive = hushd_hum:SPEC\nnone = hushd_hum:none.json\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = engines.find("hum")
    assert isinstance(found, EngineSpec)
    assert engines.problems()["five"] == "it is not an EngineSpec of a role"
    assert "No such file" in engines.problems()["none"]
    assert engines.find("moonshine") is not None
