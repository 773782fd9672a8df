"""Facts about Whisper's models without loading them: languages, and the attention heads for word times."""

from __future__ import annotations

import base64
import gzip

from hushd_schema import engines
from hushd_schema.engines import whisper

from hushd_worker_stt.engine import ModelInfo

LANGUAGES = whisper.LANGUAGES  # in the order of their tokens
languages = whisper.languages_of
# The heads of the decoder's cross-attention that follow the speech, found by OpenAI: a flag for each head of each
# layer, one byte each, gzip, base 85.
ALIGNMENT = {
    "tiny": b"ABzY8bu8Lr0{>%RKn9Fp%m@SkK7Kt=7ytkO",
    "tiny.en": b"ABzY8J1N>@0{>%R00Bk>$p{7v037`oCl~+#00",
    "base": b"ABzY8KQ!870{>%RzyTQH3`Q^yNP!>##QT-<FaQ7m",
    "base.en": b"ABzY8;40c<0{>%RzzG;p*o+Vo09|#PsxSZm00",
    "small": b"ABzY8DmU6=0{>%Rpa?J`kvJ6qF(V^F86#Xh7JUGMK}P<N0000",
    "small.en": b"ABzY8>?_)10{>%RpeA61k&I|OI3I$65C{;;pbCHh0B{qLQ;+}v00",
    "medium": b"ABzY8B0Jh+0{>%R7}kK1fFL7w6%<-Pf*t^=N)Qr&0RR9",
    "medium.en": b"ABzY8usPae0{>%R7<zz_OvQ{)4kMa0BMw6u5rT}kRKX;$NfYBv00*Hl@qhsU00",
    "large-v1": b"ABzY8r9j$a0{>%R7#4sLmoOs{s)o3~84-RPdcFk!JR<kSfC2yj",
    "large-v2": b"ABzY8zd+h!0{>%R7=D0pU<_bnWW*tkYAhobTNnu$jnkEkXqp)j;w1Tzk)UH3X%SZd&fFZ2fC2yj",
    "large-v3": b"ABzY8gWO1E0{>%R7(9S+Kn!D~%ngiGaR?*L!iJG9p-nab0JQ=-{D1-g00",
    "large": b"ABzY8gWO1E0{>%R7(9S+Kn!D~%ngiGaR?*L!iJG9p-nab0JQ=-{D1-g00",
    "large-v3-turbo": b"ABzY8j^C+e0{>%RARaKHP%t(lGR*)0g!tONPyhe`",
    "turbo": b"ABzY8j^C+e0{>%RARaKHP%t(lGR*)0g!tONPyhe`",
}


def alignment(name: str, layers: int, heads: int, vocabulary: int) -> bytes:
    """Returns the flags in `ALIGNMENT` for a model of these dimensions, by its name or as its only possible base model.

    They are empty if that is unknown: then the upper half of the layers is a fair choice.
    """
    fitting = {
        known.name: packed
        for known in ModelInfo.well_known(engines.get("whisper"))
        if (packed := ALIGNMENT.get(known.name))
        and len(_unpacked(packed)) == layers * heads
        and len(known.languages) == len(languages(vocabulary))
    }
    if name in fitting:
        return fitting[name]
    different = set(fitting.values())
    return different.pop() if len(different) == 1 else b""


def alignment_heads(name: str, layers: int, heads: int, vocabulary: int) -> list[tuple[int, int]]:
    """Returns layer and head of each cross-attention for word times: by default all of the upper half."""
    if packed := alignment(name, layers, heads, vocabulary):
        return [divmod(number, heads) for number, follows in enumerate(_unpacked(packed)) if follows]
    return [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]


def _unpacked(packed: bytes) -> bytes:
    return gzip.decompress(base64.b85decode(packed))
