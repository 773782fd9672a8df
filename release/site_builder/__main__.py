"""Builds the site into the folder that is named, build/site otherwise.

A warning is an error, and so is a link that leads nowhere or a command line that nothing would take.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sphinx.application import Sphinx

from site_builder import links, sources

STYLE = Path(__file__).with_name("style.css")
LINKS = "#2b5f97"  # as in first.html
DARK_LINKS = "#8ab6e8"
OPTIONS = {
    "project": "hushd",
    "html_title": "hushd",
    "root_doc": sources.DOCUMENTS,
    "html_theme": "furo",
    "html_theme_options": {
        "light_css_variables": {"color-brand-primary": LINKS, "color-brand-content": LINKS},
        "dark_css_variables": {"color-brand-primary": DARK_LINKS, "color-brand-content": DARK_LINKS},
    },
    "templates_path": ["_templates"],
    "html_extra_path": ["_first"],
    "html_static_path": ["_static"],
    "html_css_files": [STYLE.name],
    "html_copy_source": False,
    "html_show_copyright": False,
    "extensions": ["myst_parser"],
    "myst_enable_extensions": ["deflist"],
    "myst_heading_anchors": 4,  # as a forge makes them
    "smartquotes": False,  # `--option` in a sentence means itself
}
BRAND = (  # leads to the first page, which Sphinx does not know
    """<a class="sidebar-brand" href="{{ pathto('index.html', 1) }}">"""
    '<span class="sidebar-brand-text">hushd</span></a>'
)


def main() -> int:
    """Builds the site and checks it, and prints where it begins."""
    parser = ArgumentParser(prog="scripts/site", description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=sources.ROOT / "build/site")
    parser.add_argument("--online", action="store_true", help="ask for each address elsewhere, too")
    options = parser.parse_args()
    folder: Path = options.folder
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch, "source")
        sources.write(written)
        (written / "_static").mkdir()
        (written / "_static" / STYLE.name).write_text(STYLE.read_text())
        (written / "_templates/sidebar").mkdir(parents=True)
        (written / "_templates/sidebar/brand.html").write_text(BRAND)
        app = Sphinx(
            written, None, folder, Path(scratch, "doctrees"), "html", OPTIONS, status=None, warningiserror=True
        )
        app.build()
    faults = [*links.broken(folder, options.online), *sources.wrong_commands()]
    for fault in faults:
        print(f"scripts/site: {fault}", file=sys.stderr)
    if app.statuscode == 0 and not faults:
        print(folder / "index.html")
    return int(app.statuscode) or bool(faults)


if __name__ == "__main__":
    sys.exit(main())
