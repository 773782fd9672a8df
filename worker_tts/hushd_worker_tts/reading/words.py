"""The words that hushd adds to speech, in the languages for which it has any.

In other languages it adds none: addresses go to the engine without their scheme, code blocks are skipped.
"""

from __future__ import annotations

from hushd_models import languages
from hushd_protocol.light_dataclass import dataclass, field


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language.

    Attributes:
        code_line, code_block: templates for the number of lines, and for ` of Python` or nothing.
        of: a template for the name of a language.
        diff, table: templates for the number of lines or rows.
        an_id, a_hash: what is said instead of a UUID or a key, and of a hash.
        out_of: between the numbers of a tally, as in 3 of 10.
        symbols: the symbols that are read alone or between words.
    """

    dot: str
    slash: str
    at: str
    dash: str
    colon: str
    code_line: str
    code_block: str
    of: str
    diff: str
    table: str
    image: str
    an_id: str
    a_hash: str
    out_of: str
    done: str
    open: str
    symbols: dict[str, str] = field(default_factory=dict)


_ENGLISH = Words(
    dot="dot",
    slash="slash",
    at="at",
    dash="dash",
    colon="colon",
    code_line="Code block, one line{1}.",
    code_block="Code block, {0} lines{1}.",
    of=" of {}",
    diff="Changes to code, {} lines.",
    table="Table, {} rows.",
    image="Image: {}.",
    an_id="an ID",
    a_hash="a hash",
    out_of="of",
    done="Done: ",
    open="To do: ",
    symbols={
        "!==": "is not", "===": "is", "!=": "is not equal to", "==": "equals", ">=": "is greater than or equal to",
        "<=": "is less than or equal to", "&&": "and", "||": "or", "->": "to", "=>": "gives", "→": "to", "⇒": "gives",
        "←": "from", "↔": "to and from", "≥": "is at least", "≤": "is at most", "≠": "is not equal to",
        "≈": "is about", "∞": "infinity", "√": "the square root of", "∑": "the sum of", "∈": "in", "×": "times",
        "÷": "divided by", "±": "plus or minus", "‰": "per thousand",
    },
)  # fmt: skip
_GERMAN = Words(
    dot="Punkt",
    slash="Schrägstrich",
    at="ät",
    dash="Strich",
    colon="Doppelpunkt",
    code_line="Codeblock, eine Zeile{1}.",
    code_block="Codeblock, {0} Zeilen{1}.",
    of=" {}",
    diff="Änderungen an Code, {} Zeilen.",
    table="Tabelle, {} Zeilen.",
    image="Bild: {}.",
    an_id="eine ID",
    a_hash="ein Hash",
    out_of="von",
    done="Erledigt: ",
    open="Zu tun: ",
    symbols={
        "!==": "ist nicht", "===": "ist", "!=": "ist ungleich", "==": "gleich", ">=": "ist größer oder gleich",
        "<=": "ist kleiner oder gleich", "&&": "und", "||": "oder", "->": "zu", "=>": "ergibt", "→": "zu",
        "⇒": "ergibt", "←": "von", "↔": "von und zu", "≥": "ist mindestens", "≤": "ist höchstens", "≠": "ist ungleich",
        "≈": "ist etwa", "∞": "unendlich", "√": "Wurzel aus", "∑": "Summe von", "∈": "in", "÷": "geteilt durch",
        "‰": "Promille", "§": "Paragraf", "§§": "Paragrafen",
    },
)  # fmt: skip
_FRENCH = Words(
    dot="point",
    slash="barre",
    at="arobase",
    dash="tiret",
    colon="deux points",
    code_line="Bloc de code, une ligne{1}.",
    code_block="Bloc de code, {0} lignes{1}.",
    of=" de {}",
    diff="Modifications de code, {} lignes.",
    table="Tableau, {} lignes.",
    image="Image : {}.",
    an_id="un identifiant",
    a_hash="un hash",
    out_of="sur",
    done="Fait : ",
    open="À faire : ",
    symbols={
        "!==": "n'est pas", "===": "est", "!=": "est différent de", "==": "égale", ">=": "est supérieur ou égal à",
        "<=": "est inférieur ou égal à", "&&": "et", "||": "ou", "->": "vers", "=>": "donne", "→": "vers", "⇒": "donne",
        "←": "de", "↔": "vers et depuis", "≥": "est au moins", "≤": "est au plus", "≠": "est différent de",
        "≈": "est environ", "∞": "l'infini", "√": "racine de", "∑": "somme de", "∈": "dans", "÷": "divisé par",
        "‰": "pour mille", "§": "paragraphe", "§§": "paragraphes",
    },
)  # fmt: skip
_PORTUGUESE = Words(
    dot="ponto",
    slash="barra",
    at="arroba",
    dash="traço",
    colon="dois pontos",
    code_line="Bloco de código, uma linha{1}.",
    code_block="Bloco de código, {0} linhas{1}.",
    of=" de {}",
    diff="Alterações de código, {} linhas.",
    table="Tabela, {} linhas.",
    image="Imagem: {}.",
    an_id="um identificador",
    a_hash="um hash",
    out_of="de",
    done="Feito: ",
    open="A fazer: ",
    symbols={
        "!==": "não é", "===": "é", "!=": "é diferente de", "==": "é igual a", ">=": "é maior ou igual a",
        "<=": "é menor ou igual a", "&&": "e", "||": "ou", "->": "para", "=>": "dá", "→": "para", "⇒": "dá",
        "←": "de", "↔": "de e para", "≥": "é no mínimo", "≤": "é no máximo", "≠": "é diferente de", "≈": "é cerca de",
        "∞": "infinito", "√": "raiz de", "∑": "soma de", "∈": "em", "÷": "dividido por", "‰": "por mil",
        "§": "parágrafo", "§§": "parágrafos",
    },
)  # fmt: skip
_SPANISH = Words(
    dot="punto",
    slash="barra",
    at="arroba",
    dash="guion",
    colon="dos puntos",
    code_line="Bloque de código, una línea{1}.",
    code_block="Bloque de código, {0} líneas{1}.",
    of=" de {}",
    diff="Cambios de código, {} líneas.",
    table="Tabla, {} filas.",
    image="Imagen: {}.",
    an_id="un identificador",
    a_hash="un hash",
    out_of="de",
    done="Hecho: ",
    open="Por hacer: ",
    symbols={
        "!==": "no es", "===": "es", "!=": "es distinto de", "==": "es igual a", ">=": "es mayor o igual que",
        "<=": "es menor o igual que", "&&": "y", "||": "o", "->": "a", "=>": "da", "→": "a", "⇒": "da",
        "←": "de", "↔": "de ida y vuelta a", "≥": "es al menos", "≤": "es como máximo",
        "≠": "es distinto de", "≈": "es aproximadamente",
        "∞": "infinito", "√": "raíz de", "∑": "suma de", "∈": "en", "÷": "dividido por", "‰": "por mil",
        "§": "párrafo", "§§": "párrafos",
    },
)  # fmt: skip
# The spoken names of programming languages, by their names in code blocks.
_PROGRAMMING = {
    "bash": "shell", "c": "C", "c++": "C++", "cpp": "C++", "cs": "C#", "csharp": "C#", "css": "CSS", "console": "shell",
    "dart": "Dart", "dockerfile": "Dockerfile", "elixir": "Elixir", "go": "Go", "golang": "Go", "haskell": "Haskell",
    "html": "HTML", "ini": "INI", "java": "Java", "javascript": "JavaScript", "js": "JavaScript", "json": "JSON",
    "jsonc": "JSON", "jsx": "JavaScript", "julia": "Julia", "kotlin": "Kotlin", "latex": "LaTeX", "lua": "Lua",
    "makefile": "Makefile", "nix": "Nix", "perl": "Perl", "php": "PHP", "powershell": "PowerShell", "py": "Python",
    "python": "Python", "python3": "Python", "r": "R", "rb": "Ruby", "rs": "Rust", "ruby": "Ruby", "rust": "Rust",
    "scala": "Scala", "sh": "shell", "shell": "shell", "sql": "SQL", "svelte": "Svelte", "swift": "Swift",
    "terraform": "Terraform", "toml": "TOML", "ts": "TypeScript", "tsx": "TypeScript", "typescript": "TypeScript",
    "vue": "Vue", "xml": "XML", "yaml": "YAML", "yml": "YAML", "zig": "Zig", "zsh": "shell",
}  # fmt: skip
_LANGUAGES = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH, "pt": _PORTUGUESE, "es": _SPANISH}


def words(language: str) -> Words | None:
    """Returns the words of a language, by its tag, or None."""
    return _LANGUAGES.get(languages.code(language))


def announced(words: Words, kind: str, lines: int) -> str:
    """Returns the sentence that is spoken instead of a block of code.

    Args:
        kind: the first word after the fence, such as `python`, `diff` or `table`.
    """
    kind = kind.lower()
    if lines > 1 and kind in ("diff", "patch", "table"):
        return (words.table if kind == "table" else words.diff).format(lines)
    language = _PROGRAMMING.get(kind)
    return (words.code_line if lines == 1 else words.code_block).format(
        lines, words.of.format(language) if language else ""
    )
