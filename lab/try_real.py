"""Tries a language on published models: brings it by `hushd get`, says twenty sentences, hears each, prints a table."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hushd_worker_stt.plausibility import differences

# As agents say them; the numbers are written out, since models differ in how they write them.
SENTENCES = {
    "fr": """Bonjour, tout va bien. | Les tests passent maintenant. | J'ai trouvé deux erreurs dans le fichier. |
        Le serveur ne répond plus depuis ce matin. | Veux-tu que je continue ? | La compilation est terminée. |
        Il reste trois tâches à faire aujourd'hui. | Je reviens dans cinq minutes. | Le message a été envoyé. |
        La réunion commence à neuf heures. | Où se trouve la gare la plus proche ? | Merci beaucoup pour ton aide. |
        Le fichier est prêt, tu peux le relire. | Il pleut depuis hier soir. | Nous partons demain matin. |
        La porte du garage est ouverte. | J'ai ajouté un nouveau test. | Le café est presque prêt. |
        Peux-tu répéter la dernière phrase ? | Bonne nuit et à demain.""",
    "pt": """Bom dia, está tudo bem. | Os testes passaram agora. | Encontrei dois erros no arquivo. |
        O servidor não responde desde esta manhã. | Você quer que eu continue? | A compilação terminou. |
        Ainda faltam três tarefas para hoje. | Volto em cinco minutos. | A mensagem foi enviada. |
        A reunião começa às nove horas. | Onde fica a estação mais próxima? | Muito obrigado pela ajuda. |
        O arquivo está pronto para revisão. | Está chovendo desde ontem à noite. | Vamos sair amanhã cedo. |
        A porta da garagem está aberta. | Adicionei um novo teste. | O café está quase pronto. |
        Pode repetir a última frase? | Boa noite e até amanhã.""",
    "de": """Guten Morgen, alles ist in Ordnung. | Die Tests laufen jetzt durch. |
        Ich habe zwei Fehler in der Datei gefunden. | Der Server antwortet seit heute Morgen nicht mehr. |
        Soll ich weitermachen? | Der Build ist fertig. |
        Es bleiben noch drei Aufgaben für heute. | Ich bin in fünf Minuten zurück. | Die Nachricht wurde verschickt. |
        Die Besprechung beginnt um neun Uhr. | Wo ist der nächste Bahnhof? | Vielen Dank für deine Hilfe. |
        Die Datei ist bereit, du kannst sie lesen. | Es regnet seit gestern Abend. | Wir fahren morgen früh los. |
        Das Tor der Garage ist offen. | Ich habe einen neuen Test geschrieben. | Der Kaffee ist gleich fertig. |
        Kannst du den letzten Satz wiederholen? | Gute Nacht und bis morgen.""",
    "es": """Buenos días, todo va bien. | Las pruebas pasan ahora. | He encontrado dos errores en el archivo. |
        El servidor no responde desde esta mañana. | ¿Quieres que continúe? | La compilación ha terminado. |
        Quedan tres tareas para hoy. | Vuelvo en cinco minutos. | El mensaje se ha enviado. |
        La reunión empieza a las nueve. | ¿Dónde está la estación más cercana? | Muchas gracias por tu ayuda. |
        El archivo está listo para revisar. | Llueve desde anoche. | Salimos mañana temprano. |
        La puerta del garaje está abierta. | He añadido una prueba nueva. | El café está casi listo. |
        ¿Puedes repetir la última frase? | Buenas noches y hasta mañana.""",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language", choices=sorted(SENTENCES))
    parser.add_argument("--small", action="store_true", help="the smallest models")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hushd-real-") as folder:
        for name in ("STATE_DIR", "RUNTIME_DIR", "MODELS_DIR"):
            os.environ[f"HUSHD_{name}"] = str(Path(folder) / name.lower())
        os.environ["HUSHD_CONFIG"] = str(Path(folder) / "config.toml")
        hushd = [sys.executable, "-c", "from hushd_cli import entry; entry.hushd()"]
        got = subprocess.run([*hushd, "get", options.language, "-y", *["--small"] * options.small], check=False)
        if got.returncode:
            return got.returncode  # with its own sentence
        try:
            print(table(options.language, Path(folder)))
        finally:
            subprocess.run([*hushd, "shutdown"], check=False)
    return 0


def table(language: str, folder: Path) -> str:
    """Says the sentences and hears them; returns Markdown."""
    from hushd import Client

    sentences = [" ".join(each.split()) for each in SENTENCES[language].split("|")]
    wrong = total = 0
    begun, file = time.monotonic(), folder / "sentence.wav"
    with Client() as client:
        for sentence in sentences:
            client.synthesize(sentence, language=language).save(file)
            heard = client.transcribe(str(file)).text
            errors, words = difference(sentence, heard)
            wrong, total = wrong + errors, total + words
            print(f"{errors} {sentence} | {heard}")
        rows = [f"| {row.name} | {row.pss_mb or 0:.0f} MB |" for row in client.status().workers if row.pid]
    seconds = time.monotonic() - begun
    return "\n".join(
        [
            "",
            f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "",
            f"| {language} | {len(sentences)} sentences, {total} words |",
            "|---|---|",
            f"| words wrong | {wrong} |",
            f"| seconds, with both starts | {seconds:.0f} |",
            *rows,
        ]
    )


def difference(said: str, heard: str) -> tuple[int, int]:
    """Returns the words wrong (insertions, deletions and exchanges) and the number of words said."""
    return differences(words(said), words(heard)), len(words(said))


def words(text: str) -> list[str]:
    """Returns the words of a text without signs and capitals."""
    return "".join(sign if sign.isalnum() else " " for sign in text.casefold()).split()


if __name__ == "__main__":
    sys.exit(main())
