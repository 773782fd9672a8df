"""Answers of servers: llama-server's recorded, the others' as their documentation and source have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any


def ollama(left_s: float, size: int = 6_654_289_920, size_vram: int = 5_137_025_024) -> dict[str, Any]:
    """`GET /api/ps` of ollama, with a model whose time is over in `left_s`."""
    expires = datetime.now(UTC).astimezone(timezone(timedelta(hours=2))) + timedelta(seconds=left_s)
    details = {"format": "gguf", "family": "llama", "parameter_size": "7.2B", "quantization_level": "Q4_0"}
    model = {
        "name": "mistral:latest", "model": "mistral:latest", "size": size, "size_vram": size_vram,
        "digest": "2ae6f6dd7a3dd734790bbbf58b8909a606e0e7e97e94b7604e0aa7ae4490e6d8", "details": details,
        "context_length": 4096, "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%S.%f") + "123+02:00",
    }  # fmt: skip
    return {"models": [model]}


def router(port: int, **states: str) -> dict[str, Any]:
    """`GET /models` of llama-server 0.7.0 (build 11669) as a router, with its models' states."""
    models = []
    for name, state in states.items():
        args = ["/usr/bin/llama-server", "--host", "127.0.0.1", "--port", str(port), "--alias", name]
        models.append(
            {
                "id": name, "aliases": [], "tags": [], "object": "model", "owned_by": "llamacpp", "created": 1795581012,
                "status": {"value": state, "args": args, "preset": f"[{name}]\nmodel = /models/{name}.gguf\n\n"},
                "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
                "source": "models_dir", "can_remove": False, "context_length": 2048,
            }
        )  # fmt: skip
    return {"data": models, "object": "list"}


def swap(port: int, state: str = "ready") -> dict[str, Any]:
    row = {
        "model": "qwen3", "state": state, "cmd": "llama-server --port 5801", "proxy": f"http://localhost:{port}",
        "ttl": 0, "name": "", "description": "",
    }  # fmt: skip
    return {"running": [row]}
