from __future__ import annotations

import os
from pathlib import Path


def hf_hub_download(repo_id: str, filename: str, cache_dir: Path) -> str:
    raise AssertionError(f"The hub was asked for {filename}.")


class ChineseCangjieConverter:
    """Stands for the package's: what finds the borders of words is fetched where it is not kept."""

    def __init__(self) -> None:
        self.segmenter: str | None = None
        self._init_segmenter()

    def _init_segmenter(self) -> None:
        kept = Path(os.environ["PKUSEG_HOME"]) / "spacy_ontonotes.zip"
        if not kept.is_file():
            raise ConnectionError("github.com was asked for it.")
        self.segmenter = kept.read_text()


class MTLTokenizer:
    """Stands for the package's: the table for Chinese comes from the hub, and without it there is no Chinese."""

    def __init__(self, vocab_file_path: str) -> None:
        self.table = ""
        self.segmenter = ChineseCangjieConverter().segmenter
        try:
            file = hf_hub_download(
                repo_id="ResembleAI/chatterbox", filename="Cangjie5_TC.json", cache_dir=Path(vocab_file_path).parent
            )
            self.table = Path(file).read_text()
        except Exception as error:
            self.table = f"{type(error).__name__}"
