"""The command that pyproject.toml adds to `hushd`."""

from hushd_cli.command import Command

ATTACH = Command(
    "attach", "lend loudspeaker and microphone to another machine, by ssh", "hushd_remote.command",
    this_machine_only=True, rare=True, after="agents",
)  # fmt: skip
