"""The engine of one's own that a document explains: installed and run as its reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def blocks(text: str, language: str) -> list[str]:
    """The code of that language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def installed(text: str, folder: Path) -> dict[str, str]:
    """Installs the document's engine by its entry point; the environment that has it."""
    (source,) = blocks(text, "python")
    (project,) = [block for block in blocks(text, "toml") if "entry-points" in block]
    ((group, points),) = tomllib.loads(project)["project"]["entry-points"].items()
    ((name, target),) = points.items()
    module = target.partition(":")[0]
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    return os.environ | {"PYTHONPATH": str(folder)}


def python(environment: dict[str, str], *arguments: str) -> str:
    """What Python prints, without any complaint."""
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
