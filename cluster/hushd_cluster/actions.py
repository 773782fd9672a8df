"""The subcommands of `hushd cluster`: each takes its parsed options and returns the exit status."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import ray
from hushd.reports.display import Column, laid_out
from hushd.transcripts.options import transcribe_params
from hushd_cli.commands.listen.options import transcribe_options
from hushd_cli.terminal import console
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, reason
from hushd_schema.settings import access, address
from ray import serve

from . import application, session
from .corpus import SET_ASIDE, Corpus
from .spread import Spread

_COLUMNS: tuple[Column[JsonObject], ...] = (
    Column("DEPLOYMENT", lambda row: str(row["name"]), left=True),
    Column("STATE", lambda row: str(row["state"]), left=True),
    Column("REPLICAS", lambda row: str(row["replicas"])),
    Column("MESSAGE", lambda row: str(row["message"]).partition("\n")[0], left=True),
)


def deploy(options: Namespace) -> int:
    """Deploys; returns once the ingress answers."""
    settings, token = application.configuration()
    http_address = address.parse("http", options.http)
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
    console.write(f"{len(nodes)} node{'s' * (len(nodes) != 1)}, {status['cpus']:g} CPUs\n")
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


def transcribe(options: Namespace) -> int:
    """Transcribes a corpus; returns the highest exit code of the recordings set aside."""
    corpus = Corpus(options.folder, options.output, options.format)
    params = transcribe_params(transcribe_options(options)) | {
        name: getattr(options, name) for name in ("engine", "model", "speed")
    }
    names = [name for name, state in corpus.found() if not corpus.is_done(name, state)]
    passed = [] if options.retry else [name for name in names if name in corpus.set_aside]
    line = console.StatusLine()
    with session.connected(options.address):
        spread = Spread(
            corpus,
            [name for name in names if name not in passed],
            params,
            attempts=options.attempts,
            cpus=options.cpus,
            report=lambda done, total: line.show(lambda _: f"{done} of {total} recordings"),
        )
        try:
            spread.run()
        except KeyboardInterrupt:
            line.clear()
            console.note("Run the same command to continue.")
            raise
        finally:
            line.clear()
    for host, error in spread.left_out.items():
        console.complain(f"The node {host} was left out, since it failed where others did not: {error.message}")
    for name, failure in spread.failed.items():
        console.complain(failure.message if name in failure.message else f"{name}: {failure.message}")
    if passed:
        console.complain(f"{len(passed)} set aside before, in {options.output}/{SET_ASIDE}: --retry tries them again.")
    left = [corpus.set_aside[name] for name in passed] + list(spread.failed.values())
    return max((failure.exit for failure in left), default=0)


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
