"""The subcommands of `hushd cluster`: each takes its parsed options and returns the exit status."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import ray
from hushd.reports.display import Column, laid_out
from hushd.verbs.requests import transcribe_params
from hushd_cli.commands.listen.options import transcribe_options
from hushd_cli.terminal import console
from hushd_protocol import JsonObject
from hushd_protocol.errors import CODES, HushdError, reason
from hushd_protocol.suggest import plural
from hushd_protocol.system import paths
from hushd_schema.settings import access
from ray import serve

from . import application, leaving, metrics, outputs, session, sources
from .cost import Figures
from .feed import Feed
from .recording import SET_ASIDE, is_url, shown
from .spread import Spread

MAX_COMPLAINTS = 100  # recordings set aside that are named at the end of a run

_COLUMNS: tuple[Column[JsonObject], ...] = (
    Column("DEPLOYMENT", lambda row: str(row["name"]), left=True),
    Column("STATE", lambda row: str(row["state"]), left=True),
    Column("REPLICAS", lambda row: str(row["replicas"])),
    Column("MESSAGE", lambda row: str(row["message"]).partition("\n")[0], left=True),
)


def deploy(options: Namespace) -> int:
    """Deploys; returns once the ingress answers."""
    settings, token = application.configuration()
    http_address = access.parse("http", options.http)
    access.check(http_address, settings, token)
    if http_address.path:
        raise HushdError("bad_request", "Ray serves at HOST:PORT of every node: name those with --http.")
    with session.connected(options.address):
        scale = application.Scale(options.nodes, options.at_once, options.queue, options.idle)
        try:
            serve.start(http_options={"host": http_address.host, "port": http_address.port}, proxy_location="EveryNode")
            serve.run(application.build(settings, token, scale), name=application.NAME, route_prefix="/")
        except (RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise HushdError("worker_failed", f"The deployment failed ({reason(error)}).") from error
    console.write(f"http://{http_address.host}:{http_address.port}/v1\n")
    return 0


def status(options: Namespace) -> int:
    """Prints the nodes and the deployments."""
    with session.connected(options.address):
        status = _status()
    if options.json:
        console.write_json(status)
        return 0
    nodes = status["nodes"]
    console.write(f"{plural(len(nodes), 'node')}, {status['cpus']:g} CPUs\n")
    if status["deployments"]:
        console.write("\n".join(laid_out(_COLUMNS, status["deployments"], console.width())) + "\n")
    else:
        console.write("Nothing is deployed: `hushd cluster deploy` serves.\n")
    return 0


def delete(options: Namespace) -> int:
    """Ends the application, and Serve itself if it serves nothing else."""
    with session.connected(options.address):
        if application.NAME not in serve.status().applications:
            console.note("Nothing was deployed.")
            return 0
        serve.delete(application.NAME)
        if not serve.status().applications:
            serve.shutdown()
    return 0


def leave(options: Namespace) -> int:
    """Has this machine hand its recordings back before it is taken away; returns once it has, or after the grace."""
    if options.cancel:
        leaving.Notice(paths.find().runtime).take_back()
        return 0
    if not leaving.leave(options.grace):
        console.complain("Not all recordings were handed back in time: other nodes take them once this one is gone.")
        return 1
    return 0


def transcribe(options: Namespace) -> int:
    """Transcribes a corpus; returns the highest exit code of the recordings set aside."""
    source = _source(options)
    transcripts = outputs.of_place(options.output, options.format)
    params = transcribe_params(transcribe_options(options)) | {
        name: getattr(options, name) for name in ("engine", "model", "speed")
    }
    line, told = console.StatusLine(), metrics.Told()

    def report(figures: Figures) -> None:
        line.show(lambda _: figures.line())
        told.tell(figures)

    with session.connected(options.address, or_local=True), transcripts.claimed() as check:
        feed = Feed(source, transcripts, options.retry)
        spread = Spread(
            feed,
            transcripts,
            params,
            attempts=options.attempts,
            cpus=options.cpus,
            price=options.price,
            stretch_s=60 * options.cut,
            report=report,
            check=check,
        )
        try:
            spread.run()
        except KeyboardInterrupt:
            line.clear()
            console.note("Run the same command to continue.")
            raise
        finally:
            line.clear()
            transcripts.keep()
    return _report(options, source, feed, spread)


def _source(options: Namespace) -> sources.Source:
    """Returns the corpus that the command line names."""
    if (options.corpus is None) == (options.manifest is None):
        raise HushdError(
            "bad_request", "Name a folder with recordings, its URL, or --manifest FILE.jsonl: one of them."
        )
    if options.manifest is not None:
        return sources.Manifest(options.manifest)
    if is_url(options.corpus):
        return sources.Listed(options.corpus)
    return sources.Disk(options.corpus, options.output)


def _report(options: Namespace, source: sources.Source, feed: Feed, spread: Spread) -> int:
    """Says what came of a run; returns the exit status."""
    for host, error in spread.left_out.items():
        console.complain(f"The node {host} was left out, since it failed where others did not: {error.message}")
    for name, failure in list(spread.failed.items())[:MAX_COMPLAINTS]:
        console.complain(failure.message if name in failure.message else f"{name}: {failure.message}")
    aside = f"{shown(options.output)}/{SET_ASIDE}"
    if (more := len(spread.failed) - MAX_COMPLAINTS) > 0:
        console.complain(f"{more} more were set aside: {aside} has them.")
    if feed.passed:
        console.complain(f"{feed.passed} set aside before, in {aside}: --retry tries them again.")
    for sentence in source.faults:
        console.complain(sentence)
    if (more := source.wrong - len(source.faults)) > 0:
        console.complain(f"{more} more are wrong.")
    if options.json:
        console.write_json(spread.figures.data())
    else:
        console.write(spread.figures.text() + "\n")
    exits = [failure.exit for failure in spread.failed.values()]
    return max([*exits, feed.passed_exit, CODES["bad_request"].exit if source.wrong else 0])


def _status() -> JsonObject:
    nodes = session.alive()
    served = serve.status().applications.get(application.NAME)
    deployments: Mapping[str, Any] = served.deployments if served else {}
    return {
        "nodes": [{"id": node["NodeID"], "address": node["NodeManagerAddress"]} for node in nodes],
        "cpus": ray.cluster_resources().get("CPU", 0.0),
        "deployments": [
            {
                "name": name,
                "state": str(each.status.value).lower(),
                "replicas": each.replica_states.get("RUNNING", 0),
                "message": each.message,
            }
            for name, each in deployments.items()
        ],
    }
