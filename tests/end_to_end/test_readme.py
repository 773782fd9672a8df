"""README and docs show what the code does."""

import re
from pathlib import Path

from hushd_supervisor.core import standby
from hushd_supervisor.core.worker.states import diagram

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()


def test_the_state_diagram_is_generated_from_the_table() -> None:
    """Between its marks docs/ARCHITECTURE.md has exactly what the table of states draws (scripts/diagram writes it)."""
    (shown,) = re.findall(r"<!-- states -->\n```mermaid\n(.*?)```\n<!-- /states -->", ARCHITECTURE, re.DOTALL)
    assert shown.rstrip("\n") == diagram()


def test_the_diagram_of_templates_is_generated_from_their_table() -> None:
    """Between its marks docs/STANDBY.md has exactly what the table of moves draws."""
    page = (ROOT / "docs" / "STANDBY.md").read_text()
    (shown,) = re.findall(r"<!-- templates -->\n```mermaid\n(.*?)```\n<!-- /templates -->", page, re.DOTALL)
    assert shown.rstrip("\n") == standby.diagram()
