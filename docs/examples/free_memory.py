"""Has idle language models leave their memory to speech: those of ollama, llama-server (a router) or llama-swap.

    pip install 'hushd[default]'
    hushd config set memory.when_short python3 ~/examples/free_memory.py ollama http://127.0.0.1:11434

The supervisor runs it when a start lacks memory. Every loaded model leaves but for a pinned one and one at work, and is
loaded again by the next request for it. ollama ends what runs first; the others' models are idle where `/slots` of
their llama-server says so.
"""

import json
import sys
import time
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

SERVERS = {  # where the models are listed, under which key, where a model's work is shown, and what unloads it
    "ollama": ("/api/ps", "models", "", "/api/generate"),
    "llama-server": ("/models", "data", "/slots?autoload=false&model={}", "/models/unload"),
    "llama-swap": ("/running", "running", "/upstream/{}/slots", "/api/models/unload/{}"),
}
FOREVER = "2100"  # where ollama's `expires_at` is later, the model has no end
kind, address = sys.argv[1:]
listed, key, slots, unload = SERVERS[kind]


def call(path: str, model: str = "", body: object = None) -> Any:
    data = json.dumps(body).encode() if body else None
    request = Request(address + path.format(quote(model, "")), data, {"Content-Type": "application/json"})
    with build_opener(ProxyHandler({})).open(request, timeout=4) as answer:  # with no proxy in between
        text = answer.read()
    return json.loads(text) if text[:1] in (b"{", b"[") else {}


def loaded() -> set[str]:
    rows = call(listed)[key]
    if kind == "ollama":
        return {row["model"] for row in rows if row["expires_at"] < FOREVER}
    if kind == "llama-swap":
        return {row["model"] for row in rows if row["state"] == "ready"}
    return {row["id"] for row in rows if row.get("status", {}).get("value") == "loaded"}


def idle(model: str) -> bool:
    try:
        return not slots or not any(slot["is_processing"] for slot in call(slots, model))
    except OSError:  # no llama-server, so nobody knows
        return False


models = {model for model in loaded() if idle(model)}
for model in models:
    call(unload, model, {"model": model, "keep_alive": 0})
while models & loaded():  # hushd ends this program after ten seconds
    time.sleep(0.1)
print("unloaded:", ", ".join(sorted(models)) or "nothing, since no model is idle")
sys.exit(not models)
