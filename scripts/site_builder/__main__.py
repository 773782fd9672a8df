"""Builds the documents' site into the folder that is named, build/site otherwise; a warning is an error."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sphinx.application import Sphinx

from site_builder import sources

STYLE = Path(__file__).with_name("style.css")
OPTIONS = {
    "project": "hushd",
    "html_title": "hushd",
    "html_theme": "furo",
    "html_static_path": ["_static"],
    "html_css_files": [STYLE.name],
    "html_copy_source": False,
    "html_show_copyright": False,
    "extensions": ["myst_parser"],
    "myst_enable_extensions": ["deflist"],
    "myst_heading_anchors": 4,  # as a forge makes them
    "smartquotes": False,  # `--option` in a sentence means itself
}


def main() -> int:
    """Builds the site, and prints where it begins."""
    parser = ArgumentParser(prog="scripts/site", description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=sources.ROOT / "build/site")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch, "source")
        sources.write(written)
        (written / "_static").mkdir()
        (written / "_static" / STYLE.name).write_text(STYLE.read_text())
        app = Sphinx(
            written, None, folder, Path(scratch, "doctrees"), "html", OPTIONS, status=None, warningiserror=True
        )
        app.build()
    if app.statuscode == 0:
        print(folder / "index.html")
    return int(app.statuscode)


if __name__ == "__main__":
    sys.exit(main())
