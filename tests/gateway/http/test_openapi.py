"""The description of the API, and a tester that is driven by it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hushd_gateway.http import web_page
from hushd_gateway.http.app import OPERATIONS, ROUTES
from hushd_gateway.http.operations import document
from starlette.routing import Route
from support.http_gateway import HttpGateway
from support.peer import BOUND_S

EXAMPLES = 4  # of each operation, drawn at random by night; others follow from the schema
SECONDS = 600  # of a busy machine; half a minute of a calm one


def test_every_route_is_described() -> None:
    """But the page's files, and the WebSocket, for which OpenAPI has no words."""
    described = document(OPERATIONS, guarded=False)["paths"]
    routes = {route.path.replace(":path", "") for route in ROUTES if isinstance(route, Route)}
    assert routes - set(described) == set(web_page.FILES)


def test_a_token_is_described_where_one_is_needed() -> None:
    """By either header, and not for `/health`."""
    open_to_all, guarded = document(OPERATIONS, guarded=False), document(OPERATIONS, guarded=True)
    assert "securitySchemes" not in open_to_all["components"]
    assert {scheme["type"] for scheme in guarded["components"]["securitySchemes"].values()} == {"http", "apiKey"}
    assert guarded["paths"]["/health"]["get"]["security"] == []
    assert len(guarded["paths"]["/v1/audio/speech"]["post"]["security"]) == 2


def test_the_document_has_what_the_checks_have(echo: HttpGateway) -> None:
    """Limits, choices and required fields come from what checks them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{echo.port}/openapi.json") as answer:
        paths: dict[str, Any] = json.load(answer)["paths"]
    speech = paths["/v1/audio/speech"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert speech["required"] == ["input"]
    assert speech["properties"]["speed"]["anyOf"][0] == {"type": "number", "minimum": 0.25, "maximum": 4}
    form = paths["/v1/audio/transcriptions"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert {"languages[]", "timestamp_granularities[]", "model"} <= set(form["properties"])


@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("way", ["bounds", *(pytest.param(way, marks=pytest.mark.night) for way in ("one", "drawn"))])
def test_a_tester_driven_by_the_description_has_no_complaint(guarded: HttpGateway, tmp_path: Path, way: str) -> None:
    """Whatever fits the schema or does not: no failure of the server, and answers as they are described.

    A day has the examples and each field's bounds, a night also what is drawn with one seed and with another.

    That a request which fits is accepted is not checked: a voice, a model or a recording may fit, and not be here. That
    one which does not fit is refused is checked with one seed: with others the tester complains of wrong values that a
    form does not carry, such as a list without elements, of which nothing is left.
    """
    drawn = way == "drawn"
    seed = int(os.environ.get("HUSHD_FUZZ_SEED") or random.randrange(2**32)) if drawn else 1
    left_as_heard = "positive_data_acceptance" + (",negative_data_rejection" if drawn else "")
    phases = "examples,coverage" + ("" if way == "bounds" else ",fuzzing")
    url = f"http://127.0.0.1:{guarded.port}/openapi.json"
    arguments = ["run", url, "--checks", "all", "--exclude-checks", left_as_heard]
    arguments += ["--phases", phases, "--max-examples", str(EXAMPLES), "--seed", str(seed), "--workers", "1"]
    arguments += ["--no-color", "--warnings", "off", "--suppress-health-check", "all", "--generation-database", "none"]
    arguments += ["--header", "Authorization: Bearer s3cret", "--request-timeout", str(BOUND_S)]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path)},
        timeout=SECONDS,
    )
    assert done.returncode == 0, f"HUSHD_FUZZ_SEED={seed}\n" + done.stdout + done.stderr + guarded.log()
