"""espeak-ng: 130 languages and accents in 13 MB, robotic and fast; GPL-3.0, from the system or an extra."""

from __future__ import annotations

from hushd_schema.engines import EngineSpec, Recommended

# The languages of 1.52, without dialects and scripts.
LANGUAGES = """
    af am an ar as az ba be bg bn bpy bs ca chr cs cv cy da de el en eo es et eu fa fi fr ga gd gn grc gu hak
    haw he hi hr ht hu hy hyw ia id io is it ja jbo ka kk kl kn ko kok ku ky la lb lfn lt ltg lv mi mk ml mr ms
    mt mto my nb nci ne nl nog om or pa pap piqd pl pt py qdb qu quc qya ro ru sd shn si sjn sk sl smj sq sr sv
    sw ta te th ti tk tn tr tt ug uk ur uz vi yue zh
"""

SPEC = EngineSpec(
    name="espeak-ng",
    role="tts",
    engine="hushd_worker_tts.engines.espeak_ng:EspeakNg",
    default_model="all",
    rank=40,
    listed=60,
    extra="espeak",
    outside="apt install espeak-ng, brew install espeak-ng, or ",
    models={
        "all": {
            "languages": LANGUAGES, "size_mb": 13, "memory_mb": 35, "licence": "GPL-3.0-or-later", "speed": "fast",
            "package": "espeakng_loader",
            "system": [
                "/usr/lib/*/libespeak-ng.so.1", "/usr/lib*/libespeak-ng.so.1", "/usr/local/lib/libespeak-ng.so.1",
                "/opt/homebrew/lib/libespeak-ng.1.dylib", "/usr/local/lib/libespeak-ng.1.dylib",
            ],
        }
    },
    cards=(),
    recommended=(
        Recommended(
            model="all",
            gain="115 languages in 35 MB, first sound after 4 ms; it sounds like a machine",
            rank=50,
        ),
    ),
    robotic=True,
)  # fmt: skip
