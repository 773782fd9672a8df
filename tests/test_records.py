"""Records are values: they do not change, and where others read them each field is given by its name."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import hushd_models
import hushd_protocol
import hushd_schema
import pytest
from hushd_schema.status import GatewayStatus
from support.records import changeable, defaults, has_names, records

NONE = GatewayStatus(pid=None, starts=0, rss_mb=None)  # of a supervisor that knew no process for agents
# For each package: how many records it has at least, the modules whose fields have names, and the fields that say
# something where they are left out; of those that others read the other side may leave out whatever it does not know.
PACKAGES: list[tuple[ModuleType, int, str, dict[str, Any]]] = [
    (hushd_protocol, 29, "messages", {
        "Claim.priority": "text", "Ready.slots": 1, "Request.input": "inline",
        "Request.priority": "text", "Job.input": "inline", "Cgroup.version": 2,
    }),
    (hushd_schema, 40, "description operations results status", {"DoorStatus.agents": NONE}),
    (hushd_models, 9, "", {"Known.speed": "medium", "Known.revision": "main", "Known.translation": True}),
]  # fmt: skip


@pytest.mark.parametrize(("package", "least", "modules", "said"), PACKAGES)
def test_records_are_values(package: ModuleType, least: int, modules: str, said: dict[str, Any]) -> None:
    """Nobody changes what another has, and to leave a field out says nothing; errors are raised, and change."""
    kinds = [kind for kind in records(package) if not issubclass(kind, Exception)]
    named = [kind for kind in kinds if kind.__module__.split(".")[1] in modules.split()]
    assert len(kinds) > least
    assert [kind for kind in kinds if changeable(kind)] == []
    assert [kind for kind in named if not has_names(kind)] == []
    assert defaults(named if package is hushd_schema else kinds) == said


# Two threads make the first object of a class in a fresh process. The first stops as it enters the first function of
# Python's, if there is one, until the second has made its own.
FIRST_OBJECTS = """
import sys, threading
from hushd_schema.results import TranscriptResult

entered, made, results = threading.Event(), threading.Event(), []

def make():
    results.append(TranscriptResult(language="en", duration=1.0, segments=1))

def stop(frame, event, argument):
    if frame.f_code is not make.__code__:
        sys.settrace(None)
        entered.set()
        made.wait(30)

def first():
    sys.settrace(stop)
    make()
    entered.set()

thread = threading.Thread(target=first)
thread.start()
entered.wait(30)
make()
made.set()
thread.join()
print(results[0] == results[1])
"""


def test_two_threads_make_a_classs_first_objects() -> None:
    """Both get one, although one is stopped in the midst of it."""
    done = subprocess.run([sys.executable, "-P", "-c", FIRST_OBJECTS], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")
