"""A server that speaks as S3 does, moto's, on this machine: `s3_server.py`, run as a program.

It keeps everything in memory, and is told to misbehave by a line on its standard input: `busy N` answers the next N
requests with 503 SlowDown, `half N` ends the next N answers to GET in their middle, and `slow S` lets each request wait
for S seconds. `fill N` makes N objects fill/0000000.txt and so on, and `count` prints the requests so far by method.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key-of-a-node", "AWS_SECRET_ACCESS_KEY": "secret-of-a-node"}
BUCKET = "corpus"
GIVEN = "bytes given"  # a key of counts: bytes of answers to GET
OF_DRIVER = "bytes of the driver"  # a key of counts: bytes of requests with AWS_SDK_UA_APP_ID=driver


class S3Server:
    """The server in a process of its own, with one bucket. A context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | CREDENTIALS,
            text=True,
        )
        self.url = self._line()
        assert self.url, "moto's server did not start"

    def __enter__(self) -> S3Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which libraries find the server and their credentials for it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"}

    def tell(self, line: str) -> str:
        """Has it misbehave; returns its answer."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._line()

    def count(self) -> dict[str, int]:
        counted: dict[str, int] = json.loads(self.tell("count"))
        return counted

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


class Misbehaving:
    """moto's application, with faults."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._lock = threading.Lock()
        self.busy = self.half = 0
        self.slow_s = 0.0
        self.count: Counter[str] = Counter()

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        is_driver = "app/driver" in environ.get("HTTP_USER_AGENT", "")
        with self._lock:
            self.count[method] += 1
            if is_driver:
                self.count[OF_DRIVER] += int(environ.get("CONTENT_LENGTH") or 0)
            busy, self.busy = self.busy > 0, max(0, self.busy - 1)
            half = not busy and self.half > 0 and method == "GET"
            self.half -= half
        time.sleep(self.slow_s)
        if busy:
            start("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"]
        answer = self._app(environ, start)
        if method != "GET" and not is_driver:
            return answer
        whole = b"".join(answer)
        with self._lock:
            self.count[OF_DRIVER] += len(whole) * is_driver
            self.count[GIVEN] += len(whole) * (method == "GET")
        if not half:
            return [whole]
        return [whole[: len(whole) // 2]]  # half of the length that was announced


def fill(count: int) -> None:
    """Makes objects without a request for each."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    for number in range(count):
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(BUCKET, f"fill/{number:07}.txt", b"x")


def main() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    app = Misbehaving(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    import boto3

    boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket=BUCKET)
    print(url, flush=True)
    for line in sys.stdin:
        word, _, number = line.strip().partition(" ")
        if word == "count":
            print(json.dumps(app.count), flush=True)
            continue
        if word == "slow":
            app.slow_s = float(number)
        elif word == "fill":
            fill(int(number))
        else:
            setattr(app, word, int(number))
        print("told", flush=True)


if __name__ == "__main__":
    main()
