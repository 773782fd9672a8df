"""hibari: small English voices inside its wheel, and more that its package or hushd can download."""

from __future__ import annotations

from hushd_schema.engines import EngineSpec, Recommended

# Name, language, file and SHA-256 of voices outside its package.
# fmt: off
_VOICES = (
    ("emma", "en-GB", "bf_emma.int8.onnx", "f709f0488ee63b583a22189a955aaf4257b9806dd330be3490661e53af0a89c1"),
    ("fenrir", "en-US", "am_fenrir_v2.int8.onnx", "f59fbd87908c91f827bc21b1b89443757b9a8580db9eee20aa948deb731321f4"),
    ("fable", "en-GB", "bm_fable.int8.onnx", "c28529302f2d27cd12f62625c24425888c4e3c2675583100ec530259136b8bc6"),
    ("kore", "en-US", "af_kore.int8.onnx", "346885752673e45d42f9864c9e2432094bc4b6385df060d4b83273da764d2fa9"),
)
# fmt: on
_COMMON = {"memory_mb": 280, "licence": "Apache-2.0", "speed": "fast"}

SPEC = EngineSpec(
    name="hibari",
    role="tts",
    engine="hushd_worker_tts.engines.hibari:Hibari",
    default_model="en",
    rank=10,
    listed=50,
    packages=("hibari", "onnxruntime"),
    extra="tts",
    brings="hibari, which speaks",
    modules=("hibari", "markdown_it", "numpy", "soundfile", "soxr"),
    models={
        "en": {"languages": "en-US en-GB", "size_mb": 16, "package": "hibari", **_COMMON},
        **{
            name: {
                "languages": language, "size_mb": 8, "voice": True, "files": [file], "sha256": {file: digest},
                "url": "https://huggingface.co/maureesewilliams/hibari/resolve/main/voices", **_COMMON,
            }
            for name, language, file, digest in _VOICES
        },
    },
    flat=True,
    cache="hibari",
    cards=(),
    recommended=(
        Recommended(
            model="en", gain="natural English, first sound after 18 ms; comes with hushd", rank=30
        ),
    ),
)  # fmt: skip
