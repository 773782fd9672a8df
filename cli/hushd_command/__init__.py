"""The commands `say`, `listen` and `hushd` as they are installed: Ctrl-C ends them quietly from their first line on.

Python raises KeyboardInterrupt wherever it is, and half of a command's start is the import of modules that nobody can
guard. So the system's own action comes first, by the C module that is there already, and then the imports; the command
takes its signals once it has something to cancel.
"""

import _signal  # type: ignore[import-not-found]  # a part of CPython, and of no stubs
import sys

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def say() -> None:
    """Runs `say`."""
    from hushd_cli import entry

    entry.say()


def listen() -> None:
    """Runs `listen`."""
    from hushd_cli import entry

    entry.listen()


def hushd() -> None:
    """Runs `hushd`."""
    if "agent-hook" in sys.argv[1:2]:
        from hushd_cli import hook

        if hook.is_event(sys.argv[1:]):
            event = hook.receive(sys.argv[1:])
            from hushd_cli import entry

            entry.agent_hook(event)
    from hushd_cli import entry

    entry.hushd()
