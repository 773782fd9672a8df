"""Reads a text aloud, in words: for every voice, and for `listen --align`.

`reader.read` goes the whole way, while the text still arrives:

1. markup (`markdown`, `plain`, `ssml`) becomes text with pauses;
2. `sentences` cuts it; a full stop ends a sentence unless a token has it;
3. `pronunciation` puts the user's words in, `rewriting` says addresses, paths and names of code;
4. `in_words` says the rest: `classify` finds the shapes (`shapes`) and decides the semiotic class of each by its
   neighbours (`decisions`, `near`), `parse` reads a token as a record with its parts, `verbalise` says the record in
   words. Each is pure.

A language is `languages/xx.toml`, and `languages/xx.py` for what a table cannot say: a function `say_CLASS(verbaliser,
record, near, parts)` comes before `Verbaliser.CLASS`, and returns None to leave it to that. Numbers in words are
`spellout`'s, names of units and money `cldr`'s and the table's (`names`), genders `gender`'s. docs/READING.md
explains the keys of a table, and how a language is added.
"""
