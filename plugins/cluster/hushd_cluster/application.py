"""The Serve application: a deployment for each role's engines, and the gateway's HTTP in front of them."""

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
ROLES = tuple(TASKS)  # each has a deployment of this name
WEB_SOCKETS = 64  # and other requests at one node's ingress before another one is started


@dataclass(frozen=True, slots=True)
class Scale:
    """The bounds within which deployments grow, and the load at which they do.

    Attributes:
        nodes: the largest number of replicas, one a node.
        at_once: concurrent requests of a replica, on average, above which another is started.
        queue: requests that may wait at an ingress.
        idle_s: seconds after which an idle replica ends.
        cpus: Ray CPUs that a replica reserves. With 0 it starts beside tasks that use them all; above 0 it stays off a
            head node without CPUs, and has Ray's autoscaler add a node.
    """

    nodes: int = 100
    at_once: int = 2
    queue: int = 64
    idle_s: float = 300.0
    cpus: float = 0.0

    def of_engines(self) -> dict[str, Any]:
        """Returns the options of a deployment of engines."""
        return {
            "ray_actor_options": {"num_cpus": self.cpus},
            "autoscaling_config": self._growth(0, self.at_once),
            "max_ongoing_requests": 2 * self.at_once,  # the supervisor orders them: live speech comes first
            "max_queued_requests": self.queue,
        }

    def of_ingress(self) -> dict[str, Any]:
        """Returns the options of the ingress, which refuses nothing by itself: its application says when to retry."""
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
            # With Serve's defaults a burst waits 30 s for a second replica; here a replica starts without a model.
            "upscale_delay_s": 1.0,
            "metrics_interval_s": 1.0,
            "look_back_period_s": 3.0,
            "downscale_delay_s": self.idle_s,
        }


def configured(args: Mapping[str, Any]) -> serve.Application:
    """Returns the application for Serve's config files, such as KubeRay's: `hushd_cluster.application:configured`.

    Args:
        args: the fields of `Scale`.

    Raises:
        HushdError: `bad_request` without a token, since Serve's port is open to other machines.
    """
    settings, token = configuration()
    if not token:
        raise HushdError(
            "bad_request", f"Set {HTTP_TOKEN} or [http] token_file: Serve's port is open to other machines."
        )
    return build(settings, token, Scale(**args))


def configuration() -> tuple[Settings, str]:
    """Returns this machine's settings, and the token for HTTP requests."""
    settings = load(find().config)
    return settings, os.environ.get(HTTP_TOKEN) or access.read_token(settings)


def build(settings: Settings, token: str, scale: Scale) -> serve.Application:
    """Returns the application, to run under `NAME`.

    Args:
        settings: `http` and the default models are used.
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
    """Returns a deployment with one replica a node, which is enough: the supervisor's workers do the work."""
    return deployment.options(max_replicas_per_node=1, **options)
