"""The machine that `hushd attach` is given."""

from __future__ import annotations

import pytest
from hushd_remote import command
from support.refusals import hushd_error


@pytest.mark.parametrize("host", ["", "a\nb", "\x1b[2J", "-oProxyCommand=x"])
def test_a_host_that_cannot_be_one_is_refused(host: str) -> None:
    """One line shows it, before ssh gets it and before anything of this process has changed."""
    with hushd_error("bad_request", "HOST must be a name that ssh knows") as caught:
        command.main("hushd attach", ["--", host])
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("ssh", ["ssh 'x", "", "  "])
def test_an_ssh_that_cannot_be_run_is_refused(ssh: str) -> None:
    """One line shows it."""
    with hushd_error("bad_request", r"--ssh .* cannot be run"):
        command.main("hushd attach", ["--ssh", ssh, "host"])
