"""Short texts in a session of two languages: words, numbers, times and names, each by the right voice."""

from __future__ import annotations

import pytest
from hushd_models.text_language import detect

# Written for this test: 102 texts of each language, and 40 lines of English agents and people.
TEXTS = {
    "fr": """
        Bon week-end | Parking | 1984 | 12,50 € | Il est 17h30 | OK | Merci | Oui | Non | Salut | D'accord | Bonjour
        | Bonsoir | À demain | Bonne nuit | Très bien | Pas de problème | C'est parti | Allons-y | Attention |
        Terminé | Annuler | Fermer | Réunion à 14h | 3 messages | 20 % | -5 °C | Météo | Week-end | Sandwich |
        Football | Email | Internet | Restaurant | Taxi | Hôtel | Radio | Train de 8h15 | Quai 4 | Gare du Nord |
        Paris | Lyon | Marie | 06 12 34 56 78 | le 3 mai | lundi | janvier | 1er étage | deux cafés | un thé |
        l'addition | Au secours | Pardon | Excusez-moi | Enchanté | Santé | Bravo | Joyeux Noël | Bonne année | Bon
        appétit | Bon courage | Bonne route | À table | Silence | Stop | Start-up | Marketing | Smartphone |
        Batterie faible | Batterie 15 % | Wifi activé | Mode avion | Volume 7 | Suivant | Précédent | Lecture |
        Pause | Playlist jazz | Rappel : dentiste | Courses : lait, pain | Version 2.0 | Mise à jour | Fichier prêt
        | Test réussi | Build vert | Erreur 404 | Commit poussé | Serveur OK | Bug corrigé | Déploiement fini | Il
        pleut | Il fait 20 degrés | J'arrive | On y va | Je sais | Peut-être | Pourquoi pas | Quoi ? | Où ? |
        Combien ? | Encore | Ça va ?
        """,
    "pt": """
        Bom fim de semana | Parking | 1984 | 12,50 € | São 17h30 | OK | Obrigado | Sim | Não | Olá | Está bem | Bom
        dia | Boa noite | Até amanhã | Boa tarde | Muito bem | Sem problema | Vamos lá | Vamos | Cuidado | Terminado
        | Cancelar | Fechar | Reunião às 14h | 3 mensagens | 20 % | -5 °C | Tempo | Fim de semana | Sanduíche |
        Futebol | Email | Internet | Restaurante | Táxi | Hotel | Rádio | Comboio das 8h15 | Linha 4 | Rossio |
        Lisboa | Porto | Maria | 912 345 678 | 3 de maio | segunda-feira | janeiro | 1.º andar | dois cafés | um chá
        | a conta | Socorro | Desculpe | Com licença | Muito prazer | Saúde | Bravo | Feliz Natal | Bom ano | Bom
        apetite | Boa sorte | Boa viagem | Para a mesa | Silêncio | Stop | Startup | Marketing | Smartphone |
        Bateria fraca | Bateria 15 % | Wifi ligado | Modo avião | Volume 7 | Seguinte | Anterior | Reproduzir |
        Pausa | Playlist jazz | Lembrete: dentista | Compras: leite, pão | Versão 2.0 | Atualização | Ficheiro
        pronto | Teste aprovado | Build verde | Erro 404 | Commit enviado | Servidor OK | Bug corrigido | Instalação
        feita | Está a chover | Estão 20 graus | Já vou | Vamos embora | Eu sei | Talvez | Porque não | O quê? |
        Onde? | Quanto? | Outra vez | Tudo bem?
        """,
    "de": """
        Schönes Wochenende | Parking | 1984 | 12,50 € | Es ist 17:30 Uhr | OK | Danke | Ja | Nein | Hallo | In
        Ordnung | Guten Tag | Guten Abend | Bis morgen | Gute Nacht | Sehr gut | Kein Problem | Los geht's | Gehen
        wir | Achtung | Fertig | Abbrechen | Schließen | Meeting um 14 Uhr | 3 Nachrichten | 20 % | -5 °C | Wetter |
        Feierabend | Sandwich | Fußball | Email | Internet | Restaurant | Taxi | Hotel | Radio | Zug um 8:15 | Gleis
        4 | Hauptbahnhof | Berlin | Köln | Anna | 0171 2345678 | 3. Mai | Montag | Januar | 1. Stock | zwei Kaffee |
        ein Tee | die Rechnung | Hilfe | Verzeihung | Entschuldigung | Angenehm | Prost | Bravo | Frohe Weihnachten
        | Gutes neues Jahr | Guten Appetit | Viel Glück | Gute Fahrt | Zu Tisch | Ruhe | Stopp | Start-up |
        Marketing | Handy | Akku schwach | Akku 15 % | WLAN an | Flugmodus | Lautstärke 7 | Weiter | Zurück |
        Abspielen | Pause | Playlist Jazz | Erinnerung: Zahnarzt | Einkauf: Milch, Brot | Version 2.0 | Update |
        Datei fertig | Test bestanden | Build grün | Fehler 404 | Commit gepusht | Server OK | Bug behoben |
        Deployment fertig | Es regnet | Es sind 20 Grad | Ich komme | Gehen wir los | Ich weiß | Vielleicht | Warum
        nicht | Was? | Wo? | Wie viel? | Noch mal | Alles klar?
        """,
    "es": """
        Buen fin de semana | Parking | 1984 | 12,50 € | Son las 17:30 | OK | Gracias | Sí | No | Hola | De acuerdo |
        Buenos días | Buenas tardes | Hasta mañana | Buenas noches | Muy bien | Sin problema | Vamos allá | Vamos |
        Cuidado | Terminado | Cancelar | Cerrar | Reunión a las 14 h | 3 mensajes | 20 % | -5 °C | Tiempo | Puente |
        Sándwich | Fútbol | Email | Internet | Restaurante | Taxi | Hotel | Radio | Tren de las 8:15 | Vía 4 |
        Atocha | Madrid | Sevilla | María | 612 34 56 78 | 3 de mayo | lunes | enero | 1.ª planta | dos cafés | un
        té | la cuenta | Socorro | Perdón | Disculpe | Encantado | Salud | Bravo | Feliz Navidad | Feliz año | Buen
        provecho | Buena suerte | Buen viaje | A la mesa | Silencio | Stop | Startup | Marketing | Móvil | Batería
        baja | Batería 15 % | Wifi activado | Modo avión | Volumen 7 | Siguiente | Anterior | Reproducir | Pausa |
        Playlist jazz | Aviso: dentista | Compra: leche, pan | Versión 2.0 | Actualización | Archivo listo | Prueba
        superada | Build verde | Error 404 | Commit enviado | Servidor OK | Bug corregido | Despliegue hecho |
        Llueve | Hace 20 grados | Ya voy | Nos vamos | Lo sé | Quizás | Por qué no | ¿Qué? | ¿Dónde? | ¿Cuánto? |
        Otra vez | ¿Qué tal?
        """,
}
ENGLISH = """
    The build is green | All tests pass | Done with the review | Waiting for your answer | I pushed the fix | See
    you tomorrow | What time is it? | Thank you very much | Good morning | The file is ready | Two errors left | It
    failed again | Ready when you are | Please confirm | Merge conflict in README | Your turn | The server is down |
    Meeting at three o'clock | Low battery | You have new mail | Open the door | I don't know | Of course | Never
    mind | Let me check that | Looks good to me | Not yet | Almost there | No problem | Sounds good | Have a nice
    weekend | How are you? | Where are we? | Turn it off | Task complete | Update available | Good night | Well done
    | Take care | One moment please
    """


def _wrong(texts: str, own: list[str], language: str) -> list[str]:
    each = [" ".join(text.split()) for text in texts.split("|")]
    return [text for text in each if detect(text, own) != language]


@pytest.mark.parametrize("language", TEXTS)
def test_a_short_text_is_in_the_language_that_is_spoken_most(language: str) -> None:
    """At least 99 of 102 whose user speaks English, too; of lines that are plainly English, at least 38 of 40."""
    assert len(TEXTS[language].split("|")) == 102
    wrong = _wrong(TEXTS[language], [language, "en"], language)
    assert len(wrong) < 4, wrong
    foreign = _wrong(ENGLISH, [language, "en"], "en")
    assert len(foreign) < 3, foreign
