"""The machine that `hushd attach` is given."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import HushdError
from hushd_remote import command


@pytest.mark.parametrize("host", ["", "a\nb", "\x1b[2J", "-oProxyCommand=x"])
def test_a_host_that_cannot_be_one_is_refused(host: str) -> None:
    """In one line that shows it, before ssh gets it and before anything of this process has changed."""
    with pytest.raises(HushdError, match="HOST must be a name that ssh knows") as caught:
        command.main("hushd attach", ["--", host])
    assert caught.value.code == "bad_request"
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("ssh", ["ssh 'x", "", "  "])
def test_an_ssh_that_cannot_be_run_is_refused(ssh: str) -> None:
    """In one line that shows it."""
    with pytest.raises(HushdError, match=r"--ssh .* cannot be run") as caught:
        command.main("hushd attach", ["--ssh", ssh, "host"])
    assert caught.value.code == "bad_request"
