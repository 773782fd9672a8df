"""The entry point of `hushd cluster`, loaded for `hushd --help` without Ray."""

from hushd_cli.command import Command

CLUSTER = Command("cluster", "serve and transcribe on many machines, with Ray", "hushd_cluster.command", rare=True)
