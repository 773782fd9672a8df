"""Builds the site into the folder that is named, build/site otherwise; a warning and a broken link are errors."""

from __future__ import annotations

import shutil
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sphinx.cmd.build import build_main

from site_builder import reference, sources

_IGNORED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "node_modules")


def main() -> int:
    """Builds the site, and prints where it begins."""
    parser = ArgumentParser(prog="scripts/site", description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=sources.ROOT / "build/site")
    parser.add_argument("--online", action="store_true", help="ask for each address elsewhere, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "source")
        shutil.copytree(sources.ROOT, source, symlinks=True, ignore=_IGNORED)  # all: documents link to any file
        (source / "reference").mkdir()
        for name, text in reference.pages().items():
            (source / f"{name}.md").write_text(text)
        common = [
            "-q",
            "-W",
            "--keep-going",
            "-c",
            str(Path(__file__).parent),
            "-d",
            f"{scratch}/doctrees",
            str(source),
        ]
        status = build_main(["-b", "html", *common, str(options.folder)])
        if options.online and not status:
            status = build_main(["-b", "linkcheck", *common, f"{scratch}/links"])
    if not status:
        print(options.folder / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
