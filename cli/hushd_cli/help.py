"""The end of a command's help: examples, and in the whole help exit codes and environment variables."""

from __future__ import annotations

from collections.abc import Sequence

EXIT_CODES = (  # a row for each exit code of `hushd_protocol.errors`, of shells and of Python
    (0, "all is well"),
    (1, "nobody spoke in time"),
    (2, "the command line or the text makes no sense, or is not allowed"),
    (3, "the supervisor left or could not be started: ask again"),
    (4, "the input could not be read, or not in time"),
    (5, "the worker could not be started, or failed"),
    (6, "the engine or the model is not installed: the sentence has the command that gets it"),
    (7, "memory is short, or too many requests wait: ask again"),
    (8, "there is no such microphone or loudspeaker"),
    (9, "the output could not be written"),
    (11, "the text is probably not what was said: the sentence says why"),
    (70, "a bug in hushd: HUSHD_DEBUG=1 shows where"),
    (130, "interrupted by Ctrl-C, or cancelled"),
    (143, "ended by SIGTERM"),
)
ENVIRONMENT = (  # docs/CONFIGURATION.md has them all, with their defaults
    ("HUSHD_CONFIG", "the configuration file"),
    ("HUSHD_RUNTIME_DIR", "the folder of the supervisor's sockets"),
    ("HUSHD_STATE_DIR", "the folder of logs and of what hushd has measured"),
    ("HUSHD_MODELS_DIR", "the folder of models"),
    ("HUSHD_ENDPOINT", "the address of another machine's hushd, which is asked instead"),
    ("HUSHD_DEVICES", "here: the devices of this machine, also while another one is attached"),
    ("HUSHD_AUTOSTART", "0: start no supervisor"),
    ("HUSHD_DEBUG", "1: show where an error came from"),
    ("NO_COLOR", "any value: `hushd top` and `hushd doctor` print without colours"),
)
_WIDTH = 79


def ending(prog: str, examples: Sequence[tuple[str, str]], *, whole: bool, more: bool) -> str:
    """Returns the text below the options: `examples`, then exit codes and environment, or how to see them.

    Args:
        more: whether the command has options that only its whole help shows.
    """
    parts = [_examples(examples)] if examples else []
    if whole:
        parts.append("Exit codes:\n" + "\n".join(f"  {code:<4}{meaning}" for code, meaning in EXIT_CODES))
        parts.append("Environment:\n" + "\n".join(f"  {name:<19}{meaning}" for name, meaning in ENVIRONMENT))
    elif more or examples:
        options = "more options, " if more else ""
        parts.append(f"`{prog} --help all` shows {options}exit codes and environment variables.")
    return "".join(f"\n{part}\n" for part in parts)


def _examples(examples: Sequence[tuple[str, str]]) -> str:
    wide = min(max(len(line) for line, _ in examples) + 2, 40)
    lines = []
    for line, does in examples:
        apart = len(line) + 2 > wide or len(line) + 2 + wide + len(does) > 2 * _WIDTH
        lines.append(f"  {line}\n  {'':{wide}}{does}" if apart else f"  {line:{wide}}{does}")
    return "Examples:\n" + "\n".join(lines)
