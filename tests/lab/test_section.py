"""Sections of documents that scripts write."""

from __future__ import annotations

import pytest
from section import BENCHMARKS, replaced


@pytest.mark.parametrize("name", ["fullsize", "gpu"])
def test_the_benchmarks_have_a_place_for_each_section(name: str) -> None:
    """The marks stand in docs/BENCHMARKS.md once, and the text between them is replaced whole."""
    text = BENCHMARKS.read_text()
    once = replaced(text, name, "new\n")
    assert f"-->\nnew\n<!-- /{name} -->" in once
    assert replaced(once, name, "new\n") == once
    with pytest.raises(SystemExit, match=f"section {name} is not"):
        replaced(text.replace(f"<!-- /{name} -->", ""), name, "new\n")
