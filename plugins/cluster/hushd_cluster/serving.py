"""OpenAI's audio API from every node: a Serve deployment of the gateway, which is a client of its node's supervisor."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import Any

import ray
from hushd import AsyncClient
from hushd.reports.display import Column, laid_out
from hushd_cli.terminal import console
from hushd_gateway.http import create_app
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.suggest import plural
from hushd_protocol.system.paths import find
from hushd_schema.settings import HTTP_TOKEN, Settings, access, load
from ray import serve

from . import session
from .task import HOLDER, prepare

NAME = "hushd"  # name of the application
DEPLOYMENT = "http"
# Requests at one node, and those that wait: its supervisor orders them, and says when its queue is full.
MAX_REQUESTS = 1000

_COLUMNS: tuple[Column[JsonObject], ...] = (
    Column("DEPLOYMENT", lambda row: str(row["name"]), left=True),
    Column("STATE", lambda row: str(row["state"]), left=True),
    Column("REPLICAS", lambda row: str(row["replicas"])),
    Column("MESSAGE", lambda row: str(row["message"]).partition("\n")[0], left=True),
)


def deploy(options: Namespace) -> int:
    """Deploys; returns once the API answers."""
    settings = load(find().config)
    token = os.environ.get(HTTP_TOKEN) or access.read_token(settings)
    address = access.parse("http", options.http)
    access.check(address, settings, token)
    if address.path:
        raise HushdError("bad_request", "Ray serves at HOST:PORT of every node: name those with --http.")
    with session.connected(options.address):
        try:
            serve.start(http_options={"host": address.host, "port": address.port}, proxy_location="EveryNode")
            serve.run(build(settings, token, options), name=NAME, route_prefix="/")
        except (RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise HushdError("worker_failed", f"The deployment failed ({reason(error)}).") from error
    console.write(f"http://{address.host}:{address.port}/v1\n")
    return 0


def build(settings: Settings, token: str, options: Namespace) -> serve.Application:
    """Returns the application, with a replica on a node at first, and one on each of `options.nodes` at most."""

    def app() -> Any:
        prepare()
        return create_app(AsyncClient(holder=HOLDER), settings, token)

    deployment = serve.deployment(serve.ingress(app)(), name=DEPLOYMENT)
    return deployment.options(
        max_replicas_per_node=1,
        max_ongoing_requests=MAX_REQUESTS,
        ray_actor_options={"num_cpus": 0},  # it must start beside tasks that use them all
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": options.nodes,
            "target_ongoing_requests": options.at_once,
            # Serve's defaults let a burst wait 30 s for a second replica; here a replica starts without a model.
            "upscale_delay_s": 1.0,
            "metrics_interval_s": 1.0,
            "look_back_period_s": 3.0,
            "downscale_delay_s": options.idle,
        },
    ).bind()


def status(options: Namespace) -> int:
    """Prints the nodes and the deployments."""
    with session.connected(options.address):
        found = _status()
    if options.json:
        console.write_json(found)
        return 0
    nodes = found["nodes"]
    console.write(f"{plural(len(nodes), 'node')}, {found['cpus']:g} CPUs\n")
    if found["deployments"]:
        console.write("\n".join(laid_out(_COLUMNS, found["deployments"], console.width())) + "\n")
    else:
        console.write("Nothing is deployed: `hushd cluster deploy` serves.\n")
    return 0


def _status() -> JsonObject:
    served = serve.status().applications.get(NAME)
    return {
        "nodes": [{"id": node["NodeID"], "address": node["NodeManagerAddress"]} for node in session.alive()],
        "cpus": ray.cluster_resources().get("CPU", 0.0),
        "deployments": [
            {
                "name": name,
                "state": str(each.status.value).lower(),
                "replicas": each.replica_states.get("RUNNING", 0),
                "message": each.message,
            }
            for name, each in (served.deployments if served else {}).items()
        ],
    }


def delete(options: Namespace) -> int:
    """Ends the application, and Serve itself if it serves nothing else."""
    with session.connected(options.address):
        if NAME not in serve.status().applications:
            console.note("Nothing was deployed.")
            return 0
        serve.delete(NAME)
        if not serve.status().applications:
            serve.shutdown()
    return 0
