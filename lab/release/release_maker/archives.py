"""The wheels and source archives of hushd and its plugins: built twice and compared, weighed, and written down."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from itertools import product
from pathlib import Path

from .checks import ROOT, Refusal, git

TABLE = ROOT / "packaging/wheel.toml"
BUDGET = ROOT / "tests/budgets.toml"


def build(target: Path, scratch: Path, root: Path = ROOT) -> list[Path]:
    """Builds all archives twice, each time at another place; returns those in `target` if they are equal to the byte.

    hushd's own, and those of each plugin that the tree has.

    Raises:
        Refusal: a build fails, or the two differ.
    """
    epoch = git("log", "-1", "--format=%ct", root=root)
    again = scratch / "again"
    projects = [root, *sorted(path.parent for path in root.glob("plugins/*/pyproject.toml"))]
    for folder, project in product((target, again), projects):
        command = [sys.executable, "-m", "uv", "build", "--quiet", "--out-dir", str(folder), str(project)]
        environment = os.environ | {"SOURCE_DATE_EPOCH": epoch}
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
        if done.returncode:
            raise Refusal(f"uv could not build {project}: {done.stderr.strip().splitlines()[-1:]}")
    archives = sorted(path for path in target.iterdir() if path.name.endswith((".whl", ".tar.gz")))
    for archive in archives:
        if archive.read_bytes() != (again / archive.name).read_bytes():
            raise Refusal(f"{archive.name} differs when it is built once more: something in it is no source.")
    return archives


def weights(wheel: Path) -> dict[str, int]:
    """The compressed bytes of each package and folder in the wheel, heaviest first."""
    sizes: Counter[str] = Counter()
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            sizes[entry.filename.partition("/")[0].replace(_version(wheel), "")] += entry.compress_size
    return dict(sizes.most_common())


def check_weight(wheel: Path, table: Path = TABLE, budget: Path = BUDGET) -> None:
    """Raises `Refusal` for a wheel above its limit in tests/budgets.toml; it says which folders have grown since."""
    name = wheel.name.partition("-")[0].replace("_", "-")
    size, limit = wheel.stat().st_size, tomllib.loads(budget.read_text())["kB of wheels"][name]
    if size <= limit * 1000:
        return
    before = tomllib.loads(table.read_text())["kb"]
    grown = {name: round(weight / 1000) - before.get(name, 0) for name, weight in weights(wheel).items()}
    most = [f"{name} by {kb} kB" for name, kb in sorted(grown.items(), key=lambda item: -item[1]) if kb > 0][:5]
    raise Refusal(
        f"The wheel of {name} has {size / 1000:.0f} kB, {limit} are its limit; what has grown: {', '.join(most)}."
    )


def write_sums(archives: list[Path]) -> Path:
    """Writes SHA256SUMS beside the archives, as `sha256sum -c` reads it."""
    path = archives[0].parent / "SHA256SUMS"
    path.write_text("".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in archives))
    return path


def _version(wheel: Path) -> str:
    return "-" + wheel.name.split("-")[1]
