"""An add-on of Home Assistant: hushd's Wyoming server in a container beside it."""

from __future__ import annotations

from .source import Source

_NETWORK = "172.30.32.0/23"  # on which Home Assistant's Supervisor puts it and its add-ons
FOLDER = "packaging/home-assistant"
_REPOSITORY = """name: hushd
url: {home}
maintainer: {maintainer}
"""
_ADD_ON = """# Built and run on Debian; Home Assistant has never installed it so far.
name: hushd
version: "{version}"
slug: hushd
description: {summary}
url: {home}
arch: [amd64, aarch64]
startup: services
boot: auto
init: true
timeout: 90
ports:
  10300/tcp: null
discovery: [wyoming]
map:
  - addon_config:rw
"""
_CONFIGURATION = f"""[wyoming]
listen = ["tcp://0.0.0.0:10300"]
allow = ["{_NETWORK}"]
"""
_DOCKERFILE = """# Built on Debian 12 only, with its Python 3.11 as the base and a wheel of hushd in place of the index.
FROM python:3.13-slim-bookworm
# Byte code by hash: a builder that rounds the files' times to seconds (buildah) makes that of every second file stale.
RUN pip install --no-cache-dir --no-compile 'hushd[stt,tts,wyoming]=={version}' \\
 && python -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib/python3.13/site-packages
COPY hushd.toml /etc/hushd/config.toml
# /data stays when the add-on is updated.
RUN install -d -m 0700 /run/hushd
ENV HUSHD_CONFIG=/etc/hushd/config.toml HUSHD_RUNTIME_DIR=/run/hushd \\
    HUSHD_STATE_DIR=/data/state HUSHD_MODELS_DIR=/data/models
CMD ["hushd", "serve"]
"""
_DOCS = """# hushd

Speech-to-text and text-to-speech for Assist, in one add-on. While nobody speaks it takes 24 MB.

After the start add the integration *Wyoming Protocol* with this add-on's host name and port 10300, and choose `hushd`
in *Voice assistants*.
"""


def files(source: Source) -> dict[str, str]:
    """The files by their paths in the repository; a repository of add-ons begins with the folder."""
    words = {
        "home": source.home, "maintainer": source.maintainer, "version": source.version, "summary": source.summary,
    }  # fmt: skip
    return {
        f"{FOLDER}/repository.yaml": _REPOSITORY.format(**words),
        f"{FOLDER}/hushd/config.yaml": _ADD_ON.format(**words),
        f"{FOLDER}/hushd/hushd.toml": _CONFIGURATION,
        f"{FOLDER}/hushd/Dockerfile": _DOCKERFILE.format(**words),
        f"{FOLDER}/hushd/DOCS.md": _DOCS,
    }
