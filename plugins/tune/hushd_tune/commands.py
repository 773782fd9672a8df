"""The entry point of `hushd tune`."""

from hushd_cli.command import Command

TUNE = Command(
    "tune", "find the model that hears you best", "hushd_tune.command", this_machine_only=True, rare=True, after="get"
)
