"""Replaces parts of the package `hibari-tts` 0.2.1. Only this folder depends on the package's internals.

`hibari.py` beside this folder is an engine like any other: it gets a voice's session, phonemes and samples from these
modules, and imports nothing from the package. Nothing is patched, neither in the wheel nor at run time: hibari's
classes get different data, and its functions are called in a different order. So each part can be contributed upstream
separately, and leave this folder once a release has it.

What is replaced, and why:
- `files.assets` for `hibari.voices`: `VOICES`, `voice_path`: importing it imports numpy, 15 MB for a list of voices,
  and it downloads unasked.
- `session` for the session that `hibari.Hibari` makes: reading and optimising 8 MB of ONNX takes 0.15 s of each
  start, and half of that from a model kept optimised; the arena keeps 80 MB of the longest sentence; the ends of
  phonemes, which the model computes, are not an output of it.
- `dictionaries` for the JSON that `hibari.g2p.G2P` loads: decoding it takes 0.23 s of each cold start and 105 MB of
  private memory of each worker; tables in a file are shared.
- `reading` for `hibari.g2p.G2P.__call__`: a timeline needs the words and where they begin in the phonemes.

What they rest on, and what fails if that changes; the extra `tts` admits 0.2 alone:
- `hibari/assets`: `vocab.json`, and `voices.json` with `file`, `bundled`, `language`, `gender`, `british`. Else no
  voice is listed, or a KeyError: test_hibari.
- a model's inputs `ids`, with a 0 at both ends, and `speed`; its six outputs in their order; `hibari.dsp.synth`. Else
  other samples than `hibari.Hibari`'s: test_hibari_internals.
- the model's tensor `/CumSum_output_0`, where phonemes end. Else words share the time of their sentence:
  test_timeline.
- how `hibari.g2p.G2P` keeps what it reads: `lexicon.Lexicon` and `tagger.Tagger`, which ask their dictionaries by
  `get` and `in`, `tokenize.Tokenizer`, `g2p._load_json`; the attributes that its `__init__` sets. Else an
  AttributeError or other phonemes: test_hibari_internals, test_hibari_dictionaries.
- `G2P.tokenize`, `G2P.phonemize_tokens`, `G2P.unk`, `normalize.normalize`; a token's `text`, `phonemes`,
  `whitespace`. Else other phonemes than `G2P.__call__`'s: test_hibari_internals.

What upstream could offer instead: `Hibari` with a session, or with its options, as an argument; `G2P` with its
dictionaries as mappings; phonemes with the words they come from; an output `ends` in the exported models; `VOICES`
without numpy.
"""
