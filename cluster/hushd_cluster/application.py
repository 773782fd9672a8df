"""The application: a deployment for each role's engines, and the gateway's HTTP in front of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hushd_models.listings import TASKS
from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from hushd_schema.settings import HTTP_TOKEN, Settings, access, load
from ray import serve

from . import node
from .engines import Engines

NAME = "hushd"
INGRESS = "http"
ROLES = tuple(TASKS)  # a deployment each, of this name
WEB_SOCKETS = 64  # and other requests under way at one node's ingress before another one is started


@dataclass(frozen=True, slots=True)
class Scale:
    """The bounds within which deployments grow, and the load at which they do.

    Attributes:
        nodes: the largest number of replicas, of which a node has one.
        at_once: requests that a replica works at: another is started when there are more, by their mean.
        queue: requests that wait at an ingress before it refuses more.
        idle_s: after which a replica that has no requests ends.
        cpus: of Ray's that a replica reserves. With 0 it starts beside tasks that have them all; above 0 it stays off a
            head that has none, and has Ray's autoscaler add a node.
    """

    nodes: int = 100
    at_once: int = 2
    queue: int = 64
    idle_s: float = 300.0
    cpus: float = 0.0

    def of_engines(self) -> dict[str, Any]:
        """The options of an engines' deployment."""
        return {
            "ray_actor_options": {"num_cpus": self.cpus},
            "autoscaling_config": self._growth(0, self.at_once),
            "max_ongoing_requests": 2 * self.at_once,  # the supervisor orders them: who speaks now comes first
            "max_queued_requests": self.queue,
        }

    def of_ingress(self) -> dict[str, Any]:
        """The options of the ingress, which refuses nothing by itself: its application says when to ask again."""
        return {
            "ray_actor_options": {"num_cpus": 0},
            "autoscaling_config": self._growth(1, WEB_SOCKETS),
            "max_ongoing_requests": 100 * WEB_SOCKETS,
        }

    def _growth(self, least: int, at_once: int) -> dict[str, Any]:
        return {
            "min_replicas": least,
            "max_replicas": self.nodes,
            "target_ongoing_requests": at_once,
            # Serve's own values make a burst wait 30 s for its second replica; ours costs no model to start.
            "upscale_delay_s": 1.0,
            "metrics_interval_s": 1.0,
            "look_back_period_s": 3.0,
            "downscale_delay_s": self.idle_s,
        }


def configured(args: Mapping[str, Any]) -> serve.Application:
    """The application as a file of Serve's names it, such as KubeRay's: `hushd_cluster.application:configured`.

    Args:
        args: the fields of `Scale`.

    Raises:
        HushdError: `bad_request` without a token, since whoever reaches Serve's port could use hushd.
    """
    settings, token = configuration()
    if not token:
        raise HushdError("bad_request", f"Set {HTTP_TOKEN} or [http] token_file: Serve's port is open to others.")
    return build(settings, token, Scale(**args))


def configuration() -> tuple[Settings, str]:
    """This machine's settings, and the token of HTTP requests."""
    settings = load(find().config)
    return settings, os.environ.get(HTTP_TOKEN) or access.read_token(settings)


def build(settings: Settings, token: str, scale: Scale) -> serve.Application:
    """Returns the application, to be run under `NAME`.

    Args:
        settings: of which `http` and the default models count.
        token: the secret that every request must carry; empty for none.
    """
    engines = [_alone(serve.deployment(Engines, name=role), scale.of_engines()).bind() for role in ROLES]

    def app() -> Any:
        from hushd_gateway.http import create_app

        from hushd_cluster.client import ClusterClient

        node.prepare()
        handles = {role: serve.get_deployment_handle(role, NAME) for role in ROLES}
        return create_app(ClusterClient(handles), settings, token)

    ingress = serve.deployment(serve.ingress(app)(), name=INGRESS)
    return _alone(ingress, scale.of_ingress()).bind(*engines)


def _alone(deployment: serve.Deployment, options: Mapping[str, Any]) -> serve.Deployment:
    """A deployment of one replica a node, which is enough: the work is done by the supervisor's workers there."""
    return deployment.options(max_replicas_per_node=1, **options)
