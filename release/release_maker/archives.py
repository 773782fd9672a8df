"""The wheel and the source archive: built twice and compared, weighed, and written down."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from pathlib import Path

from .checks import ROOT, Refusal, git

TABLE = ROOT / "packaging/wheel.toml"


def build(target: Path, scratch: Path, root: Path = ROOT) -> list[Path]:
    """Builds both archives of the last commit in two clones; returns those in `target` if both are equal to the byte.

    Raises:
        Refusal: a build fails, or the two differ.
    """
    epoch = git("log", "-1", "--format=%ct", root=root)
    clones = [scratch / name for name in ("a-clone", "a-clone-at-another-place")]
    for clone in clones:
        git("clone", "--quiet", "--no-hardlinks", str(root), str(clone), root=root)
    archives = _build(clones[0], target, epoch)
    for archive, again in zip(archives, _build(clones[1], scratch / "again", epoch), strict=True):
        if archive.name != again.name or archive.read_bytes() != again.read_bytes():
            raise Refusal(
                f"{archive.name} differs from the one of another clone, {again}: its build depends on the place."
            )
    return archives


def _build(sources: Path, target: Path, epoch: str) -> list[Path]:
    target.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target)],
        cwd=sources, capture_output=True, text=True, timeout=300, env=os.environ | {"SOURCE_DATE_EPOCH": epoch},
    )  # fmt: skip
    if done.returncode:
        raise Refusal(f"hatchling could not build {sources}: {done.stderr.strip().splitlines()[-1:]}")
    return sorted(path for path in target.iterdir() if path.name.endswith((".whl", ".tar.gz")))


def weights(wheel: Path) -> dict[str, int]:
    """The compressed bytes of each package and folder in the wheel, heaviest first."""
    sizes: Counter[str] = Counter()
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            sizes[entry.filename.partition("/")[0].replace(_version(wheel), "")] += entry.compress_size
    return dict(sizes.most_common())


def check_weight(wheel: Path, table: Path = TABLE) -> None:
    """Raises `Refusal` for a wheel above the limit in packaging/wheel.toml; it says which folders have grown since."""
    budget = tomllib.loads(table.read_text())
    size = wheel.stat().st_size
    if size <= budget["limit_kb"] * 1000:
        return
    before = budget["kb"]
    grown = {name: round(weight / 1000) - before.get(name, 0) for name, weight in weights(wheel).items()}
    most = [f"{name} by {kb} kB" for name, kb in sorted(grown.items(), key=lambda item: -item[1]) if kb > 0][:5]
    raise Refusal(
        f"The wheel has {size / 1000:.0f} kB, {budget['limit_kb']} are its limit; what has grown: {', '.join(most)}."
    )


def write_sums(archives: list[Path]) -> Path:
    """Writes SHA256SUMS beside the archives, as `sha256sum -c` reads it."""
    path = archives[0].parent / "SHA256SUMS"
    path.write_text("".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in archives))
    return path


def _version(wheel: Path) -> str:
    return "-" + wheel.name.split("-")[1]
