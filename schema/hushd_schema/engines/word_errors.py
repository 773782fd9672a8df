"""Published word error rates of the weights of well-known models, in percent.

All are measurements by the makers of transcribe.cpp, on whole test sets, with Whisper's text normaliser and greedy
decoding, as in the cards of version 0.4.1 of their sources (`docs/models`): English on LibriSpeech's test-clean in each
precision, the other languages on FLEURS's test set in Q8_0, which stand for all precisions (Voxtral Realtime's are from
`catalog/`). Chinese, Cantonese, Japanese, Korean, Thai and Khmer are rates of wrong letters. A figure of 100 or more is
left out, and so is FLEURS's English.
"""

from __future__ import annotations

_CARDS = "https://github.com/handy-computer/transcribe.cpp/blob/main/docs/models"
# English by the precision of the weights: full, Q8_0, Q4_K_M.
_FULL, _PRECISIONS = "full", ("full", "Q8_0", "Q4_K_M")
_ENGLISH = {
    "whisper-tiny": "7.49 7.52 7.78",
    "whisper-tiny.en": "5.77 5.72 5.96",
    "whisper-base": "5.11 5.12 5.36",
    "whisper-base.en": "4.30 4.16 4.29",
    "whisper-small": "3.34 3.33 3.40",
    "whisper-small.en": "3.11 3.09 3.09",
    "whisper-medium": "2.64 2.64 2.59",
    "whisper-medium.en": "2.74 2.72 2.91",
    "whisper-large": "2.72 2.71 2.67",
    "whisper-large-v2": "2.67 2.97 2.46",
    "whisper-large-v3": "1.81 1.82 1.86",
    "whisper-large-v3-turbo": "2.01 2.01 2.04",
    "parakeet-tdt-0.6b-v3": "1.95 1.94 1.98",
    "parakeet-tdt-0.6b-v2": "1.68 1.69 1.72",
    "parakeet-tdt_ctc-110m": "2.43 2.43 2.53",
    "parakeet-unified-en-0.6b": "1.59 1.60 1.62",
    "parakeet-rnnt-0.6b": "1.62 1.62 1.66",
    "parakeet-ctc-0.6b": "1.87 1.87 1.90",
    "parakeet-tdt-1.1b": "1.39 1.38 1.42",
    "parakeet-rnnt-1.1b": "1.45 1.46 1.41",
    "parakeet-ctc-1.1b": "1.85 1.85 1.90",
    "parakeet-tdt_ctc-1.1b": "1.87 1.87 1.91",
    "nemotron-speech-streaming-en-0.6b": "2.31 2.31 2.38",
    "nemotron-3.5-asr-streaming-0.6b": "3.04 3.06 3.28",
    "canary-180m-flash": "1.94 1.93 1.93",
    "canary-1b-flash": "1.62 1.62 1.59",
    "canary-1b-v2": "1.92 1.91 1.91",
    "canary-qwen-2.5b": "1.63 1.63 1.63",
    "qwen3-asr-0.6b": "2.12 2.11 2.26",
    "qwen3-asr-1.7b": "1.62 1.62 1.81",
    "cohere-transcribe-03-2026": "1.26 1.27 1.24",
    "granite-speech-4.1-2b": "1.31 1.32 1.37",
    "granite-speech-5.0-470m-turboctc": "1.34 1.33 1.35",
    "voxtral-mini-3b-2507": "1.88 1.87 1.94",
    "voxtral-realtime": "2.08 2.07 2.08",
    "moonshine-streaming-tiny": "4.53 4.52",
    "moonshine-streaming-small": "2.53 2.54",
    "moonshine-streaming-medium": "2.16 2.16",
    "sensevoice-small": "3.13 3.13 3.45",
    "fun-asr-nano-2512": "1.78 1.79 1.92",
    "fun-asr-mlt-nano-2512": "1.71 1.72 1.80",
    "moss-transcribe-diarize": "2.08 1.93 2.59",
    "medasr": "17.88 17.86 18.14",
    "parakeet-ultra": "1.80 1.80 1.82",
}
_OTHERS = {
    "voxtral-realtime": (
        "ar 14.53 de 4.24 es 2.67 fr 6.29 hi 14.44 it 2.25 ja 5.44 ko 5.27 nl 6.09 pt 3.87 ru 5.41 zh 10.41"
    ),
    "whisper-tiny": (
        "af 95.30 ar 67.48 az 94.73 be 96.03 bg 84.87 bs 87.22 ca 46.33 cs 87.17 da 88.42 de 31.56 el 77.76 es 18.95 "
        "fi 68.58 fr 44.19 gl 59.44 he 77.35 hr 84.36 hu 90.54 id 60.49 it 31.24 ja 39.38 ko 19.07 lb 99.69 lv 95.98 "
        "mi 96.27 mk 78.61 ms 62.17 mt 99.85 nl 54.86 no 67.36 oc 96.44 pl 54.22 pt 24.07 ro 82.43 ru 35.64 sk 82.20 "
        "sl 91.29 sr 89.20 sv 59.36 sw 99.96 ta 87.46 th 54.82 tl 70.63 tr 47.98 uk 57.49 ur 71.42 vi 64.49 zh 41.91"
    ),
    "whisper-base": (
        "af 83.05 ar 52.74 az 81.22 be 92.72 bg 70.53 bs 71.53 ca 29.48 cs 70.14 cy 98.19 da 63.85 de 19.69 el 59.14 "
        "es 11.15 et 81.71 fa 87.72 fi 49.46 fr 27.91 gl 50.06 he 65.56 hr 64.23 hu 72.26 id 38.02 is 99.32 it 17.26 "
        "ja 25.28 jw 93.07 kk 99.79 ko 12.98 lt 91.78 lv 84.60 mi 81.65 mk 63.95 ms 40.87 nl 36.75 no 49.26 oc 88.62 "
        "pl 35.68 pt 13.91 ro 62.16 ru 22.92 sk 65.77 sl 77.90 sr 69.25 sv 42.40 ta 58.84 th 38.10 tl 49.32 tr 31.09 "
        "uk 42.03 ur 55.42 vi 42.60 zh 36.21"
    ),
    "whisper-small": (
        "af 62.20 ar 32.15 az 51.64 be 76.85 bg 40.39 bs 42.35 ca 14.19 cs 40.57 cy 64.47 da 35.52 de 9.86 el 33.98 "
        "es 5.92 et 54.79 fa 58.44 fi 26.48 fr 13.30 gl 32.72 ha 94.21 he 46.06 hi 42.05 hr 36.05 hu 42.39 hy 87.84 "
        "id 18.02 is 74.54 it 7.97 ja 12.81 jw 94.42 kk 73.54 kn 99.65 ko 7.70 ln 98.65 lt 70.21 lv 57.42 mi 62.82 "
        "mk 41.53 mr 63.66 ms 21.48 mt 97.32 ne 70.48 nl 18.48 no 25.53 oc 90.43 pl 16.82 ps 93.61 pt 7.65 ro 33.88 "
        "ru 11.90 sk 36.05 sl 52.70 sr 44.91 sv 23.10 sw 76.22 ta 35.35 tg 86.78 th 22.55 tl 28.52 tr 15.95 uk 20.42 "
        "ur 39.75 vi 22.47 zh 23.06"
    ),
    "whisper-medium": (
        "af 47.33 ar 21.90 az 34.57 be 61.87 bg 23.00 bs 26.69 ca 8.02 cs 22.85 cy 40.08 da 21.17 de 6.23 el 20.06 "
        "es 3.80 et 31.52 fa 42.57 fi 14.67 fr 8.07 gl 22.24 ha 95.12 he 33.69 hi 26.09 hr 21.19 hu 26.07 hy 58.42 "
        "id 10.79 is 51.60 it 4.17 ja 7.35 jw 73.01 kk 53.09 kn 87.30 ko 5.46 lb 98.33 ln 92.09 lt 43.34 lv 33.58 "
        "mi 95.79 mk 24.75 mr 58.43 ms 13.23 mt 85.06 ne 54.08 nl 10.40 no 13.66 oc 81.55 pl 8.59 pt 5.07 ro 24.17 "
        "ru 7.30 sk 18.73 sl 33.98 sr 55.14 sv 12.47 sw 57.09 ta 23.72 tg 76.32 th 16.08 tl 18.36 tr 9.35 uk 11.59 "
        "ur 28.67 vi 13.74 zh 13.13"
    ),
    "whisper-large": (
        "af 44.92 ar 19.47 az 30.38 be 58.26 bg 19.89 bs 22.20 ca 7.01 cs 18.77 cy 36.33 da 17.82 de 5.04 el 18.79 "
        "es 3.55 et 27.31 fa 37.88 fi 12.73 fr 6.95 gl 20.10 ha 90.12 he 30.18 hi 29.10 hr 18.32 hu 21.97 hy 54.73 "
        "id 8.93 is 49.76 it 3.67 ja 6.95 jw 86.31 kk 47.29 kn 74.18 ko 5.25 lb 91.22 ln 81.13 lt 37.58 lv 30.18 "
        "mi 54.38 mk 22.81 mr 48.22 ms 11.28 mt 84.11 ne 55.71 nl 8.48 no 11.98 oc 76.72 pl 7.44 ps 98.52 pt 4.49 "
        "ro 17.52 ru 6.49 sk 17.17 sl 29.94 sr 35.57 sv 11.50 sw 52.38 ta 21.70 te 99.27 tg 79.55 th 13.88 tl 15.44 "
        "tr 8.73 uk 9.87 ur 26.28 uz 96.56 vi 11.51 zh 19.32"
    ),
    "whisper-large-v2": (
        "af 38.45 ar 17.06 az 24.13 be 46.96 bg 15.81 bs 17.02 ca 5.56 cs 14.42 cy 30.55 da 14.92 de 4.53 el 13.51 "
        "es 3.30 et 23.25 fa 34.25 fi 9.58 fr 5.81 gl 16.57 ha 92.22 he 27.78 hi 23.27 hr 14.18 hu 17.84 hy 46.93 "
        "id 7.43 is 39.59 it 3.59 ja 5.56 jw 69.69 kk 40.13 kn 47.64 ko 4.99 lb 92.83 ln 79.40 lt 30.37 lv 24.49 "
        "mi 39.72 mk 18.76 mr 39.81 ms 9.38 mt 73.79 ne 47.74 nl 6.76 no 9.73 oc 75.41 pl 5.87 ps 94.98 pt 4.40 "
        "ro 17.10 ru 5.61 sk 12.49 sl 24.73 sr 38.06 sv 9.25 sw 41.85 ta 20.12 tg 89.42 th 12.42 tl 13.17 tr 7.63 "
        "uk 8.17 ur 23.96 uz 91.97 vi 11.25 yo 96.00 zh 15.39"
    ),
    "whisper-large-v3": (
        "af 32.43 ar 14.92 az 21.10 be 43.78 bg 12.82 bn 55.03 bs 13.50 ca 4.97 cs 10.50 cy 30.67 da 12.48 de 4.13 "
        "el 11.53 es 2.70 et 18.30 fa 30.11 fi 7.73 fr 5.39 gl 13.27 gu 66.38 ha 85.65 he 26.73 hi 17.06 hr 10.94 "
        "hu 13.40 hy 43.64 id 6.08 is 31.85 it 2.54 ja 4.81 jw 64.72 ka 93.97 kk 33.07 kn 31.99 ko 4.89 lb 85.67 "
        "ln 72.22 lt 24.55 lv 19.21 mi 38.78 mk 15.09 mn 85.60 mr 34.30 ms 7.59 mt 68.79 ne 40.44 nl 5.42 no 8.19 "
        "oc 69.15 pa 57.39 pl 4.69 ps 89.14 pt 3.88 ro 9.20 ru 4.96 sk 9.25 sl 19.15 so 91.10 sr 28.49 sv 7.80 "
        "sw 34.57 ta 20.04 te 65.84 tg 80.86 th 8.78 tl 11.82 tr 6.51 uk 6.28 ur 21.75 uz 86.28 vi 8.74 yo 97.26 "
        "yue 22.06 zh 7.98"
    ),
    "whisper-large-v3-turbo": (
        "af 36.06 ar 15.48 az 23.15 be 50.65 bg 13.58 bn 67.53 bs 14.77 ca 5.42 cs 11.81 cy 36.42 da 13.60 de 4.54 "
        "el 13.26 es 3.12 et 18.44 fa 30.56 fi 8.29 fr 5.51 gl 12.76 gu 78.95 ha 97.24 he 29.71 hi 18.85 hr 12.54 "
        "hu 15.07 hy 45.62 id 7.20 is 21.39 it 2.77 ja 4.82 jw 53.80 kk 21.27 km 95.20 kn 32.57 ko 5.24 lb 87.21 "
        "ln 75.39 lt 25.11 lv 19.53 mi 48.91 mk 17.85 ml 98.75 mr 36.12 ms 8.64 mt 70.92 ne 43.15 nl 5.98 no 9.10 "
        "oc 70.94 pa 99.53 pl 5.81 ps 91.81 pt 4.17 ro 10.90 ru 5.93 sk 10.21 sl 20.56 sr 32.36 sv 8.72 sw 33.96 "
        "ta 27.41 te 63.03 th 13.15 tl 12.08 tr 6.97 uk 7.31 ur 23.19 vi 9.48 yo 99.38 yue 34.62 zh 8.50"
    ),
    "parakeet-tdt-0.6b-v3": (
        "bg 12.81 cs 12.31 da 18.64 de 5.24 el 35.33 es 3.65 et 17.96 fi 13.30 fr 5.30 hr 12.59 hu 16.06 it 3.02 "
        "lt 22.20 lv 23.77 mt 20.63 nl 7.66 pl 7.37 pt 4.96 ro 12.62 ru 6.54 sk 10.19 sl 24.30 sv 15.25 uk 6.84"
    ),
    "nemotron-3.5-asr-streaming-0.6b": (
        "ar 15.93 bg 22.02 cs 23.00 da 28.51 de 10.33 es 6.30 et 31.84 fi 21.91 fr 10.78 hi 8.61 hr 26.21 hu 32.12 "
        "it 5.78 ja 13.52 ko 8.89 nl 13.61 no 19.24 pl 17.54 pt 8.52 ro 28.28 ru 12.61 sk 23.25 sv 24.32 tr 15.40 "
        "uk 14.88 vi 13.96 zh 18.87"
    ),
    "canary-180m-flash": "de 7.33 es 6.54 fr 8.53",
    "canary-1b-flash": "de 6.13 es 6.73 fr 7.22",
    "canary-1b-v2": (
        "bg 9.22 cs 8.56 da 11.34 de 4.46 el 26.02 es 3.10 et 12.72 fi 8.86 fr 5.09 hr 8.40 hu 13.06 it 3.10 lt 13.45 "
        "lv 10.41 mt 19.75 nl 6.28 pl 6.88 pt 4.50 ro 6.87 ru 7.83 sk 6.84 sl 12.76 sv 9.74 uk 10.58"
    ),
    "qwen3-asr-0.6b": (
        "ar 24.51 cs 44.50 da 36.07 de 6.80 el 49.12 es 4.88 fa 50.30 fi 46.49 fr 7.76 hi 12.68 hu 56.24 id 8.49 "
        "it 5.19 ja 8.61 ko 5.82 mk 35.09 ms 17.18 nl 13.90 pl 25.06 pt 6.57 ro 40.65 ru 10.30 sv 35.72 th 8.81 "
        "tl 35.43 tr 16.74 vi 9.32 yue 7.91 zh 7.57"
    ),
    "qwen3-asr-1.7b": (
        "ar 14.91 cs 22.97 da 21.23 de 4.25 el 29.22 es 3.31 fa 28.29 fi 25.48 fr 4.52 hi 7.84 hu 32.84 id 5.37 "
        "it 2.68 ja 5.29 ko 4.60 mk 18.22 ms 10.42 nl 7.43 pl 12.50 pt 4.37 ro 20.46 ru 6.25 sv 19.68 th 6.89 "
        "tl 24.29 tr 9.46 vi 6.15 yue 6.13 zh 7.14"
    ),
    "cohere-transcribe-03-2026": (
        "ar 13.60 de 5.06 el 8.96 es 3.97 fr 5.23 it 3.24 ja 5.13 ko 6.57 nl 7.16 pl 6.15 pt 5.18 vi 7.39 zh 11.18"
    ),
    "granite-speech-4.1-2b": "de 6.25 es 5.48 fr 7.61 ja 6.30 pt 9.80",
    "voxtral-mini-3b-2507": "de 4.71 es 3.52 fr 4.51 hi 8.93 it 2.56 nl 6.57 pt 3.84",
    "gigaam-v3-e2e-rnnt": "ru 5.35",
    "gigaam-v3-e2e-ctc": "ru 5.53",
    "gigaam-v3-rnnt": "ru 8.07",
    "gigaam-v3-ctc": "ru 8.42",
    "sensevoice-small": "ja 7.63 ko 8.27 yue 37.44 zh 10.12",
    "fun-asr-nano-2512": "ja 8.50 zh 8.59",
    "fun-asr-mlt-nano-2512": (
        "ar 25.88 bg 55.78 cs 48.70 da 55.94 et 61.09 fi 65.77 ga 95.78 hi 23.07 hr 67.52 id 7.32 ja 2.10 ko 5.41 "
        "lt 75.25 lv 52.14 ms 9.11 mt 89.25 nl 42.36 pl 52.34 pt 22.23 ro 67.83 sk 60.13 sl 72.73 sv 71.60 th 7.28 "
        "tl 14.29 vi 8.22 yue 8.39 zh 7.33"
    ),
    "moss-transcribe-diarize": "zh 9.23",
    "parakeet-ultra": (
        "bg 11.04 cs 11.04 da 15.98 de 4.58 el 32.25 es 3.06 et 14.44 fi 11.14 fr 4.66 hr 11.30 hu 13.09 it 2.34 "
        "lt 17.06 lv 18.04 mt 17.01 nl 6.70 pl 6.16 pt 4.16 ro 10.12 ru 5.63 sk 7.83 sl 18.98 sv 12.83 uk 5.71"
    ),
}


def of(weights: str, precision: str = _FULL) -> dict[str, str]:
    """Returns the keys of a model's published word error rates: `word_errors`, such as `en 1.94 de 5.24`, and
    `word_errors_source`; nothing for unknown weights.

    Args:
        weights: their name.
        precision: of the model's file; `full` also stands for one that nobody has measured.
    """
    if weights not in _ENGLISH and weights not in _OTHERS:
        return {}
    by_precision = dict(zip(_PRECISIONS, _ENGLISH.get(weights, "").split(), strict=False))
    english = f"en {by_precision[precision]} " if by_precision else ""
    return {
        "word_errors": f"{english}{_OTHERS.get(weights, '')}".strip(),
        "word_errors_source": f"{_CARDS}/{weights}.md",
    }
