"""`hushd cluster` where Ray is not installed."""

from __future__ import annotations

import sys

import pytest
from hushd_cluster import command as cluster
from support.refusals import hushd_error


def test_without_ray_the_error_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The help is there all the same."""
    monkeypatch.setitem(sys.modules, "hushd_cluster.serving", None)
    with hushd_error("engine_missing", r"^`hushd cluster` needs Ray .*install.*\[ray\]"):
        cluster.main("hushd cluster", ["status"])
    with pytest.raises(SystemExit):
        cluster.main("hushd cluster", ["transcribe", "--help"])


def test_the_cluster_tells_speakers_apart() -> None:
    """Its command takes the options of `listen`, and those of a transcription are switches."""
    from hushd_cluster.command import make_parser

    options = make_parser("hushd cluster").parse_args(["transcribe", "talks", "-o", "texts", "--diarize"])
    assert (options.corpus, options.diarize) == ("talks", True)
