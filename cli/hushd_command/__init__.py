"""The installed commands `say`, `listen` and `hushd`: Ctrl-C ends them quietly from their first line on.

Python raises KeyboardInterrupt anywhere, and half of a command's start is the import of modules, which cannot be
guarded. So these functions first restore the system's own action, through an already loaded C module, and then import;
the command handles signals once it has something to cancel.
"""

import _signal  # type: ignore[import-not-found]  # a part of CPython, and of no stubs
import sys

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def say() -> None:
    from hushd_cli import entry  # noqa: PLC0415 - after the line above, as all here

    entry.say()


def listen() -> None:
    from hushd_cli import entry  # noqa: PLC0415

    entry.listen()


def hushd() -> None:
    event = None
    if sys.argv[1:3] == ["agents", "hook"]:
        from hushd_cli import hook  # noqa: PLC0415 - an agent waits for it

        if hook.is_event(words := sys.argv[3:]):
            event = hook.receive(words)
    from hushd_cli import entry  # noqa: PLC0415

    if event is not None:
        entry.agent_hook(event)
    entry.hushd()
