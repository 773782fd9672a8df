"""`hushd tune`: measures which settings make a worker fastest on this machine, or which model hears its user best, and
saves that."""

from __future__ import annotations

import json
import math
import os
import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hushd.client import Client
from hushd_protocol import JsonObject, duration
from hushd_protocol.errors import HushdError
from hushd_protocol.names import ROLES, SPEECH_ROLES
from hushd_protocol.system import paths
from hushd_protocol.system.footprint import cores
from hushd_schema import engines, toml
from hushd_schema.settings import editing

from hushd_cli.arguments import Parser
from hushd_cli.commands.config.file import change, have_it_read
from hushd_cli.commands.restart import check_configuration
from hushd_cli.terminal import console

from .search import Environment, Measured, Outcome, Trial, dimensions, search, variables, why_not
from .trial_supervisor import RUNS, TrialSupervisor, own_settings

_DESCRIPTION = (
    "Tries settings with real workers, on this machine, and writes the fastest into the configuration; or, with a "
    "folder or --voice, has all installed models hear the same sentences, and says which makes the fewest mistakes."
)
_TEXT = "The quick brown fox jumps over the lazy dog. How vexingly quick daft zebras jump!"
_DIFFERENT = 1.05  # a configured need up to this much above the measured one stays
_LIMIT_S = 120.0
_ROUNDED_MB = 10  # a measured need is rounded up to this


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    compares = options.forget or options.voice or _is_folder(options.what)
    _refuse_unused(options, compares)
    check_configuration()
    if compares:
        from .accuracy import command as accuracy

        return accuracy.forget() if options.forget else accuracy.run(options)
    config_path = paths.find().config
    worker, limit = _worker(options.what or "stt", toml.read(config_path)), options.limit or _LIMIT_S
    sample = _TEXT if worker.startswith("tts/") else _recording(options.speech)
    began = time.monotonic()
    until = began + limit
    line = console.StatusLine()
    with TrialSupervisor(worker, sample, until) as shop:
        role, engine, _ = worker.split("/")
        tries = dimensions(engine, cores(), role)
        number, longest = 0, 0.0

        def measure(environment: Environment) -> Trial:
            nonlocal number, longest
            number += 1
            started = time.monotonic()

            def report() -> None:
                seconds = time.monotonic() - began
                text = f"{worker}: trial {number}, {seconds:.0f} s, {_named(environment)}"
                line.show(lambda columns: text[: max(0, columns - 1)])

            report()
            trial = shop.measure(environment, report)
            longest = max(longest, time.monotonic() - started)
            return trial

        try:
            # The last trial may take as long as the longest, and the former settings are measured again.
            outcome = search(shop.before, tries, measure, lambda: time.monotonic() + 2 * longest < until)
        except HushdError as error:
            if error.code == "deadline_exceeded":
                raise HushdError(
                    error.code,
                    f"{limit:.0f} s are too short to try {worker} on this: choose a longer --limit.",
                ) from error
            raise
        finally:
            line.clear()
        if outcome.before.measured is None and outcome.best.measured is None:
            raise HushdError("worker_failed", f"{worker} does not work: {outcome.before.note}")
        audio_s = shop.audio_s
        values = _values(shop, outcome)
    if not options.json:
        console.write(_table(worker, outcome, audio_s))
    changed = _differs(own_settings(toml.read(config_path), worker), values)
    if changed and not options.dry_run:
        change(config_path, lambda text: editing.with_worker(text, worker, values))
        have_it_read()
    if options.json:
        answer = _as_json(worker, outcome, values, audio_s) | {"written": changed and not options.dry_run}
        console.write_json(answer)
        return 0
    console.write(_sentence(config_path, worker, outcome, values, changed, options.dry_run))
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(prog, _DESCRIPTION)
    parser.add_argument(
        "what",
        nargs="?",
        default="",
        metavar="WHAT",
        help="stt, tts or a worker; default: stt; or a folder of recordings x.wav with their texts x.txt",
    )
    parser.add_argument("--speech", metavar="FILE", help="a recording to try it on; default: ten seconds of English")
    parser.add_argument("--limit", type=_length, metavar="TIME", help="the time limit; default: 2m")
    parser.add_argument("--voice", action="store_true", help="have you read twenty sentences aloud, and compare models")
    parser.add_argument("--language", metavar="TAG", help="of the sentences; default: the texts', or the session's")
    parser.add_argument("--audio-device", dest="device", metavar="NAME", help="the microphone for --voice")
    parser.add_argument("--write", action="store_true", help="write the best model without asking")
    parser.add_argument("--again", action="store_true", help="have models hear again what they have heard before")
    parser.add_argument("--forget", action="store_true", help="remove your recordings, and all that models heard")
    parser.add_argument("--dry-run", action="store_true", help="print what would be written, and write nothing")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _length(text: str) -> float:
    seconds = duration.parse(text)
    if seconds is None or seconds <= 0:
        raise ArgumentTypeError("must be a length of time, such as 90, 2m or 1h30m")
    return seconds


def _refuse_unused(options: Namespace, compares: bool) -> None:
    """Refuses options that would have no effect.

    Raises:
        HushdError: `bad_request`.
    """
    if compares:
        if options.speech or options.limit:
            raise HushdError("bad_request", "--speech and --limit are for settings, not for comparing models.")
        if options.what and (options.voice or options.forget):
            raise HushdError("bad_request", f"--voice and --forget take no folder: leave out {options.what[:80]!r}.")
    elif options.language or options.write or options.again:
        raise HushdError("bad_request", "--language, --write and --again are for --voice or a folder: give one too.")
    if options.device and not options.voice:
        raise HushdError("bad_request", "--audio-device is for --voice: give that too.")


def _is_folder(what: str) -> bool:
    """Returns whether this is a folder of recordings; a worker's name comes first."""
    return what.partition("/")[0] not in ROLES and os.path.isdir(what)


def _worker(what: str, config: str) -> str:
    """Returns the full name of the worker.

    Raises:
        HushdError: `bad_request`.
    """
    configured = toml.loads(config)
    role, *names = what.split("/")
    if role not in SPEECH_ROLES or len(names) > 2 or "" in names:
        advice = "name stt, tts, a worker such as stt/faster-whisper/base, or a folder of recordings"
        if os.path.isfile(what):
            raise HushdError("bad_request", f"{what[:80]!r} is a file: {advice}; --speech takes one recording.")
        raise HushdError("bad_request", f"{what[:80]!r} is neither a worker nor a folder: {advice}.")
    usual = str(configured.get(role) or engines.usual_model(role))
    engine, _, model = usual.partition("/")
    if len(names) == 2:
        return what
    if not names or names[0] == engine:
        return f"{role}/{engine}/{model}"
    with Client(holder="cli") as client:
        for entry in client.describe(role).of(role).engines:
            if entry.name == names[0]:
                return f"{what}/{entry.default_model}"
    raise HushdError("engine_missing", f"There is no engine {names[0]!r}: `hushd models list {role}` shows them.")


def _recording(path: str | None) -> Path:
    if path is not None:
        if not os.path.isfile(path):
            raise HushdError("input_unreadable", f"There is no file {path}.")
        return Path(path).absolute()
    spec = find_spec("moonshine_voice")
    sample = Path(spec.origin).parent / "assets" / "beckett.wav" if spec and spec.origin else None
    if sample is None or not sample.is_file():
        raise HushdError("input_unreadable", "There is no speech for the trials here: name a recording with --speech.")
    return sample


# --- the result ------------------------------------------------------------------------------------------------------


def _values(shop: TrialSupervisor, outcome: Outcome) -> JsonObject:
    """Returns the settings for the worker's table."""
    values: JsonObject = {"environment": shop.environment(outcome.best.environment) or None}
    if (best := outcome.best.measured) is not None:
        most = max(best.memory_mb, outcome.again.memory_mb if outcome.again and not outcome.changed else 0.0)
        values["memory_mb"] = _ROUNDED_MB * math.ceil(most / _ROUNDED_MB)
    return values


def _differs(own: Any, values: JsonObject) -> bool:
    if dict(own.get("environment", {})) != (values["environment"] or {}):
        return True
    new, old = values.get("memory_mb", 0), own.get("memory_mb", 0)
    # A slightly too high value stays, a too low one never does.
    return not new <= old <= new * _DIFFERENT


def _named(environment: Environment) -> str:
    return " ".join(f"{name}={value}" for name, value in environment.items()) or "the engine's own settings"


def _table(worker: str, outcome: Outcome, audio_s: float) -> str:
    lines = [f"{worker}, {audio_s:.1f} s of speech, {cores()} cores, the median of {RUNS} runs:"]
    width = max(len(_named(trial.environment)) for trial in outcome.trials)
    for trial in outcome.trials:
        mark = "*" if trial is outcome.best else " "
        figures = _figures(trial.measured, audio_s) if trial.measured else f"does not work: {trial.note}"
        verdict = "as it was" if trial is outcome.before else why_not(trial, outcome)
        lines.append(f"{mark} {_named(trial.environment):<{width}} {figures}{f'  {verdict}' if verdict else ''}")
    if again := outcome.again:
        lines.append(f"  {_named(outcome.before.environment):<{width}} {_figures(again, audio_s)}  as it was, again")
    if outcome.skipped:
        lines.append(f"  {outcome.skipped} more were not tried, because the time was up (--limit)")
    return "\n".join([*lines, ""])


def _figures(measured: Measured, audio_s: float) -> str:
    noise = f"± {measured.noise / 2:.2g} s"
    return f"{measured.seconds:7.3f} s {noise:<10} {audio_s / measured.seconds:6.1f}x {measured.memory_mb:7.0f} MB"


def _sentence(
    config_path: Path, worker: str, outcome: Outcome, values: JsonObject, changed: bool, dry_run: bool
) -> str:
    best = (
        "The configured settings are the best" if not outcome.changed else f"Best: {_named(outcome.best.environment)}"
    )
    if not changed:
        return f"{best}; nothing to write.\n"
    written = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    verb = "would write" if dry_run else "wrote"
    return f'{best}; {verb} {", ".join(written)} for [worker."{worker}"] in {config_path}.\n'


def _as_json(worker: str, outcome: Outcome, values: JsonObject, audio_s: float) -> JsonObject:
    def row(trial: Trial) -> JsonObject:
        measured = trial.measured
        return {
            "environment": dict(trial.environment),
            "seconds": None if measured is None else round(measured.seconds, 4),
            "noise": None if measured is None else round(measured.noise, 4),
            "memory_mb": None if measured is None else measured.memory_mb,
            "note": trial.note or why_not(trial, outcome),
        }

    return {
        "worker": worker,
        "audio_s": round(audio_s, 2),
        "variables": list(variables(worker.split("/")[1], worker.split("/")[0])),
        "before": row(outcome.before),
        "best": row(outcome.best),
        "trials": [row(trial) for trial in outcome.trials],
        "skipped": outcome.skipped,
        "settings": values,
    }
