"""The errors with which a request may end, each with the faults that excuse it: every other one is a finding."""

from __future__ import annotations

from .processes import Process
from .sessions import CHANGES
from .storm import Storm

BLAMELESS = ("supervisor_lost", "shutting_down", "worker_stopped")  # errors after which a client asks again
ENDING = ("shutdown", "restart")  # requests that are for one supervisor alone
MAX_LOST = 3  # supervisors that it may lose over one request, as `hushd.transport.retry` says
AFTER_S = 2.0  # for which what a fault has brought about lasts at most: a refusal, a start that fails
REMEMBERED_S = 60.0  # seconds for which starts and jobs that have failed count for the next one
# The faults that excuse an error, and for how long after.
_EXCUSES = {
    "server_busy": (("tight", "disk"), AFTER_S),  # no memory for a start, or no open files, a moment ago
    # It cannot make its runtime folder or its sockets; or one that was told to leave still finishes its jobs.
    "no_supervisor": (("disk", "term", "shutdown", "restart"), REMEMBERED_S),
    "output_failed": (("disk",), AFTER_S),
    "input_unreadable": (("disk",), AFTER_S),
    "worker_failed": (("crash", "disk"), REMEMBERED_S),  # it keeps crashing, also where its pipes cannot be made
    "start_timeout": (("freeze", "stop"), REMEMBERED_S),
}
READY_S = 30.0  # for which a supervisor is waited for of which nothing is known, `hushd.transport.autostart`
PROMPT_S = 3.0  # in which a supervisor tells its status, but for the starts that keep it from that
_DELAYS = ("disk", "freeze", "kill", "restart", "shutdown", "starve", "stop", "term", "wire")
_DELAYED_S = 10.0  # for which these last at most
# A client must stand still for so long to be given up: three pings of the pool, one every 2 s, of which the first may
# have come at the last moment.
SILENT_S = 6.0
_DEATHS = {"worker_crashed": 1, "poison_request": 2}  # of workers under it, at least, for poison of themselves


def delay(storm: Storm, op: str, took: float, since: float) -> str:
    """Says how late the answer of a supervisor was to which the client was connected; empty where it was not, or that
    may be."""
    if op != "status" or took - storm.starting_s(since) <= PROMPT_S or storm.struck(_DELAYS, since - _DELAYED_S):
        return ""
    return f"took {took:.1f} s"


def complaint(storm: Storm, owner: Process, op: str, code: str, since: float, answered: bool) -> str:
    """Says why a request must not have ended with an error; empty where it may.

    Args:
        since: the time at which it began.
        answered: whether nothing could repeat it.
    """
    if code == "supervisor_lost" and op in ENDING and (storm.deaths("supervisor", since) or storm.left(since)):
        return ""  # it was killed while it was asked to leave, or left already, and nobody asks the next one to
    if code in BLAMELESS:
        # The rest of a transcript that was begun is asked for; a second death that brought nothing new is raised.
        most = MAX_LOST - (op == "transcribe")
        if code == "worker_stopped":  # a crash of the worker was repeated too, and counts for the attempts
            most = max(1, most - storm.deaths("engine", since))
        if answered and code == "supervisor_lost":
            most = 1  # the middle of an answer excuses the loss, and not that a supervisor was given up that works
        elif answered:
            most = 0
        # Who it is that looks busy cannot be read in a lock that was never written.
        nameless = storm.struck(("spot",), since - REMEMBERED_S) and storm.slept(since) >= READY_S
        excused = storm.excuses(since, most) or (code == "supervisor_lost" and nameless)
        return "" if excused else f"was lost, {code}, though not {most} supervisors ended meanwhile"
    if code == "cancelled":  # the loudspeaker was taken for something more urgent
        interrupted = owner.interrupted_at >= since - AFTER_S  # Ctrl-C: it closed its client, and left
        return "" if op == "claim" or interrupted else "was cancelled by nobody"
    if code == "unsupported":  # to change or end it, at a supervisor that was found by the pointer
        excused = op in CHANGES and "XDG_RUNTIME_DIR" not in owner.environment
        return "" if excused else "was not supported"
    if code == "slow_consumer" and storm.stood_still(owner, since) >= SILENT_S:
        return ""
    if code in _DEATHS:
        # A supervisor that stood still as the worker died is told of it once it has been awake for a moment.
        died = storm.deaths("engine", storm.awake_until(since) - AFTER_S, innocent=code == "poison_request")
        return "" if died >= _DEATHS[code] else f"ended with {code}, and {died} workers have crashed meanwhile"
    if code == "server_busy":  # whoever still waits once memory has been back for a moment runs
        since = max(since, storm.now - _unfelt_s(storm, owner, since))
    kinds, seconds = _EXCUSES.get(code, ((), 0.0))
    twice = code == "no_supervisor" and storm.deaths("supervisor", since) > 1  # killed, each as soon as it was there
    return "" if twice or storm.struck(kinds, since - seconds) else f"ended with {code}, for which there was no fault"


def _unfelt_s(storm: Storm, owner: Process, since: float) -> float:
    """The seconds for which a request's owner, or its supervisor, may have noticed nothing."""
    stood = storm.slept(since) + storm.stood_still(owner, since) + storm.starved_for(since)
    return stood + storm.starting_s(since) + 2 * storm.slowness
