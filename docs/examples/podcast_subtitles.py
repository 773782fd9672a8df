"""Writes subtitles for a podcast's feed or a folder of recordings, several at once.

    pip install 'hushd[default]'
    python podcast_subtitles.py https://example.org/feed.xml subtitles          # DAY-TITLE.srt of each
    python podcast_subtitles.py ~/Recordings subtitles --format vtt

After Ctrl-C the same command continues: episodes with subtitles are done, since these appear once complete. Other
requests go first, since the priority is `progress`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from mimetypes import guess_type
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen, urlretrieve
from xml.etree import ElementTree

import hushd

AT_ONCE = 4  # hushd starts as many processes as the memory allows, and queues the others


def episodes(source: str) -> Iterator[tuple[str, str]]:
    """Yields the title of each recording in a folder or a feed, and its path or address."""
    if Path(source).is_dir():
        for path in sorted(Path(source).iterdir()):
            if (guess_type(path)[0] or "").startswith(("audio/", "video/")):
                yield path.stem, str(path)
        return
    with urlopen(source, timeout=60) as feed:
        for item in ElementTree.parse(feed).iter("item"):
            if (enclosure := item.find("enclosure")) is not None:
                day = parsedate_to_datetime(item.findtext("pubDate", "Thu, 01 Jan 1970 00:00:00 GMT"))
                title = re.sub(r"\W+", "-", item.findtext("title", "")).strip("-")[:80]
                yield f"{day:%Y-%m-%d}-{title}", enclosure.get("url", "")


async def subtitle(client: hushd.AsyncClient, recording: str, target: Path) -> None:
    """Writes the subtitles of one recording, downloading it first if it is a URL."""
    with tempfile.TemporaryDirectory() as folder:
        if "://" in recording:
            recording, _ = await asyncio.to_thread(urlretrieve, recording, f"{folder}/recording")
        transcript = await client.transcribe(recording, priority="progress")
    part = target.with_suffix(".part")
    part.write_text(transcript.render(target.suffix[1:]))
    part.replace(target)
    print(target)


async def main() -> None:
    parser = argparse.ArgumentParser(description="Writes subtitles for a podcast.")
    parser.add_argument("source", help="a folder, or the address of a feed")
    parser.add_argument("target", type=Path, help="the folder for the subtitles")
    parser.add_argument("--format", choices=("srt", "vtt"), default="srt")
    options = parser.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    places = asyncio.Semaphore(AT_ONCE)

    async def subtitled(title: str, recording: str) -> None:
        target = options.target / f"{title}.{options.format}"
        async with places:
            try:
                if not target.exists():
                    await subtitle(client, recording, target)
            except (hushd.HushdError, OSError) as error:  # the others continue
                print(f"{title}: {error}", file=sys.stderr)
                if isinstance(error, HTTPError):
                    error.close()

    async with hushd.AsyncClient() as client:
        await asyncio.gather(*(subtitled(*episode) for episode in episodes(options.source)))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
