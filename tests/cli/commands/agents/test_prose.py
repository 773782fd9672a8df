"""Answers made for the eye, as the worker is to read them."""

from __future__ import annotations

import pytest
from hushd_cli.commands.agents.prose import prose

TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |"


@pytest.mark.parametrize(("written", "spoken"), [
    ("I changed `src/components/Button/index.tsx:42`.", "I changed `index.tsx`."),
    ("See /usr/local/lib/python3/x.py, please.", "See x.py, please."),
    ("See [it](src/a/b/c.py).", "See [it](c.py)."),
    ("`~/.config/hushd/config.toml`: new.", "`config.toml`: new."),
    ("in src/main.py and /etc/hosts", "in src/main.py and /etc/hosts"),
    ("src/main.py:12", "main.py"),
    ("a/b/c/__init__.py and a/b/c/d/__main__, _x/y/z/w_.", "__init__.py and __main__, w_."),
    ("and/or yes/no/maybe 2026/11/22 n/a", "and/or yes/no/maybe 2026/11/22 n/a"),
    ("https://github.com/a/b/c/d", "https://github.com/a/b/c/d"),
    ("```sh\ncat /a/b/c/d.py\n```", "```sh\ncat /a/b/c/d.py\n```"),
    ("| a | b |\n|---|---|\n| 1 | 2 |\nEnd", "| a | b |\n|---|---|\n| 1 | 2 |\nEnd"),
    (f"Look:\n\n{TABLE}\n\nEnd", "Look:\n\n\n```table\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |\n```\n\n\nEnd"),
    (f"```\n{TABLE}\n```", f"```\n{TABLE}\n```"),
    ("a | b\nc", "a | b\nc"),
])  # fmt: skip
def test_the_eyes_part_is_announced(written: str, spoken: str) -> None:
    """Long paths are their last part, tables a block of rows; code, addresses and words with a slash stay."""
    assert prose(written) == spoken
