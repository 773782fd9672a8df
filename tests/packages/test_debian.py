"""The tests that Debian's autopkgtest runs of the installed package, as far as they can be judged without Debian.

`scripts/deb --check` runs them.
"""

from __future__ import annotations

import os
import re
from email import message_from_string

import pytest
from package_files import ROOT

FOLDER = ROOT / "packaging/debian/tests"
STANZAS = [message_from_string(stanza) for stanza in (FOLDER / "control").read_text().split("\n\n")]
TESTS = {name: stanza for stanza in STANZAS for name in re.split(r"[,\s]+", stanza["Tests"])}
FIELDS = {"Tests", "Depends", "Restrictions"}
# DEP-8 has these; with any other a stanza is skipped without a word.
RESTRICTIONS = {
    "allow-stderr", "breaks-testbed", "flaky", "isolation-container", "isolation-machine", "needs-internet",
    "needs-root", "skippable", "superficial",
}  # fmt: skip


def restrictions(name: str) -> set[str]:
    """The restrictions of a test in the control file."""
    return set(re.split(r",\s*", TESTS[name]["Restrictions"]))


def test_the_control_file_is_one_to_autopkgtest() -> None:
    """It consists of stanzas of known fields and restrictions, and each test tries the package itself."""
    for stanza in STANZAS:
        assert not stanza.defects
        assert set(stanza.keys()) == FIELDS
        assert "@" in re.split(r",\s*", stanza["Depends"])
    assert set().union(*map(restrictions, TESTS)) <= RESTRICTIONS


def test_each_test_is_there_and_no_other() -> None:
    """A name without a program fails in Debian alone, and a program without a name is never run."""
    programs = {path.name for path in FOLDER.iterdir() if path.name != "control"}
    assert programs == set(TESTS)
    assert all(os.access(FOLDER / name, os.X_OK) for name in programs)


@pytest.mark.parametrize("name", TESTS)
def test_a_test_says_what_it_needs(name: str) -> None:
    """Whoever asks for the engines says so, and so does whoever takes the package away or skips."""
    text = (FOLDER / name).read_text()
    if re.search(r"^(say|listen|hushd (?!--)|/usr/lib/hushd/environment)", text, re.MULTILINE):
        assert "needs-internet" in restrictions(name)
    if re.search(r"dpkg --purge|rm -r /var", text):
        assert restrictions(name) >= {"breaks-testbed", "needs-root"}
    assert ("exit 77" in text) == ("skippable" in restrictions(name))
