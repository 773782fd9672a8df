"""Numbers in French, Portuguese, German and Spanish, in sentences of coding agents, as native speakers say them."""

from __future__ import annotations

import random

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read

FRENCH = [
    ("Les 12/12 tests passent.", "Les douze sur douze tests passent."),
    ("Le build a fini à 17h30.", "Le build a fini à dix-sept heures trente."),
    ("Réunion à 9h05, pas à 9 h.", "Réunion à neuf heures cinq, pas à neuf heures."),
    ("Le journal s'arrête à 21:00:05.", "Le journal s'arrête à vingt et une heures et cinq secondes."),
    ("Je suis disponible de 9h-17h, le lundi.", "Je suis disponible de neuf heures à dix-sept heures, le lundi."),
    ("J'ai commencé le 1er décembre 2026.", "J'ai commencé le premier décembre deux mille vingt-six."),
    ("La version du 2026-11-20 est en ligne.", "La version du vingt novembre deux mille vingt-six est en ligne."),
    ("Échéance : 20/11/2026, au plus tard le 3/10.",
     "Échéance : vingt novembre deux mille vingt-six, au plus tard le trois octobre."),
    ("C'est la 2e tentative, et la 1re réussie.", "C'est la deuxième tentative, et la première réussie."),
    ("Le 2ème essai échoue, le 21e aussi.", "Le deuxième essai échoue, le vingt et unième aussi."),
    ("L'appel coûte 12,50 €.", "L'appel coûte douze euros cinquante."),
    ("Budget : 1 250,00 € par mois, soit 0,99 € par jour.",
     "Budget : mille deux cent cinquante euros par mois, soit quatre-vingt-dix-neuf centimes par jour."),
    ("Il reste R$ 3,50 et 5 $/mois.", "Il reste trois réaux cinquante et cinq dollars par mois."),
    ("Le jeton coûte $0.002.", "Le jeton coûte zéro virgule zéro zéro deux dollar."),
    ("La subvention est de 2 000 000 €.", "La subvention est de deux millions d'euros."),
    ("La couverture monte de 81 % à 93,5 %.",
     "La couverture monte de quatre-vingt-un pour cent à quatre-vingt-treize virgule cinq pour cent."),
    ("1 ligne ajoutée, 21 lignes supprimées, 1 fichier modifié.",
     "une ligne ajoutée, vingt et une lignes supprimées, un fichier modifié."),
    ("La réponse arrive en 250 ms, soit 3x plus vite.",
     "La réponse arrive en deux cent cinquante millisecondes, soit trois fois plus vite."),
    ("Le modèle pèse 1,5 Go et lit 200 Mo/s.",
     "Le modèle pèse un virgule cinq gigaoctet et lit deux cents mégaoctets par seconde."),
    ("Le taux de compression est de 3:1.", "Le taux de compression est de trois pour un."),
    ("Une grille de 2 × 4, en 1920x1080.",
     "Une grille de deux fois quatre, en mille neuf cent vingt par mille quatre-vingts."),
    ("Étape 2/3 : 3/4 tests passent, en 3/4 du temps.",
     "Étape deux sur trois : trois sur quatre tests passent, en trois quarts du temps."),
    ("Il y a 1 234 567 lignes dans le journal.",
     "Il y a un million deux cent trente-quatre mille cinq cent soixante-sept lignes dans le journal."),
    ("Python 3.12 et la version 1.10.2 conviennent.",
     "Python trois point douze et la version un point dix point deux conviennent."),
    ("Le ticket #42 dépend du n° 7.", "Le ticket numéro quarante-deux dépend du numéro sept."),
    ("La valeur passe de -5 à +3.", "La valeur passe de moins cinq à plus trois."),
    ("Attends 10-20 s, puis 1m30s.", "Attends dix à vingt secondes, puis une minute trente secondes."),
    ("Il fait 20 °C, et ~50 tokens/s.", "Il fait vingt degrés Celsius, et environ cinquante tokens par seconde."),
    ("Pi vaut 3,14159 et non 3,05.", "Pi vaut trois virgule un quatre un cinq neuf et non trois virgule zéro cinq."),
    ("5 M€ ; 1,5 M de personnes ; 1 Md€",
     "cinq millions d'euros ; un virgule cinq million de personnes ; un milliard d'euros"),
    ("art. 5, §2 ; le chap. IV, 3 m², 5‰",
     "article cinq, paragraphe deux ; le chapitre quatre, trois mètres carrés, cinq pour mille"),
    ("Louis XIV, François Ier et le XXIe siècle", "Louis quatorze, François premier et le vingt et unième siècle"),
    ("Tél. 01 23 45 67 89, lun.-ven., 25/12",
     "téléphone zéro un, vingt-trois, quarante-cinq, soixante-sept, quatre-vingt-neuf, lundi à vendredi, "
     "vingt-cinq décembre"),
    ("Fin de l'étape 1 ============ a != b, et x >= 3.",
     "Fin de l'étape un, a est différent de b, et x est supérieur ou égal à trois."),
]  # fmt: skip
PORTUGUESE = [
    ("12/12 testes passaram.", "doze de doze testes passaram."),
    ("A reunião é às 17h30, ou à 1h.", "A reunião é às dezessete horas e trinta minutos, ou à uma hora."),
    ("O build terminou às 17:30.", "O build terminou às dezessete e trinta."),
    ("O deploy começa às 14:00 e acaba às 21:15.", "O deploy começa às catorze horas e acaba às vinte e uma e quinze."),
    ("Corrigi isso em 1º de maio de 2026.", "Corrigi isso em primeiro de maio de dois mil e vinte e seis."),
    ("A versão de 2026-11-20 está no ar.", "A versão de vinte de novembro de dois mil e vinte e seis está no ar."),
    ("O prazo é 20/11/2026, ou dia 3/10.",
     "O prazo é vinte de novembro de dois mil e vinte e seis, ou dia três de outubro."),
    ("É a 3.ª tentativa e o 3.º erro.", "É a terceira tentativa e o terceiro erro."),
    ("O 21º teste falhou, o 1o passou.", "O vigésimo primeiro teste falhou, o primeiro passou."),
    ("A chamada custa R$ 3,50.", "A chamada custa três reais e cinquenta centavos."),
    ("São R$ 1.250,00 por mês e R$ 0,99 por dia.",
     "São mil duzentos e cinquenta reais por mês e noventa e nove centavos por dia."),
    ("O servidor custa US$ 5 ou 12,50 €.", "O servidor custa cinco dólares ou doze euros e cinquenta cêntimos."),
    ("Custa R$ 2.000.000 por ano, ou US$ 0.002 por token.",
     "Custa dois milhões de reais por ano, ou zero vírgula zero zero dois dólar por token."),
    ("A cobertura subiu de 81% para 93,5%.",
     "A cobertura subiu de oitenta e um por cento para noventa e três vírgula cinco por cento."),
    ("Adicionei 2 linhas e 1 função, em 2 arquivos.", "Adicionei duas linhas e uma função, em dois arquivos."),
    ("Removi 1 arquivo, 21 linhas e 1 problema.", "Removi um arquivo, vinte e uma linhas e um problema."),
    ("O arquivo tem 2.000 linhas e 102 funções.", "O arquivo tem duas mil linhas e cento e duas funções."),
    ("Ficou 3x mais rápido, em 250 ms.", "Ficou três vezes mais rápido, em duzentos e cinquenta milissegundos."),
    ("O modelo tem 1,5 GB e lê 200 MB/s.",
     "O modelo tem um vírgula cinco gigabyte e lê duzentos megabytes por segundo."),
    ("A proporção é 3:1, e a tela é 16:9.", "A proporção é três para um, e a tela é dezesseis para nove."),
    ("A grade tem 2 × 4 células, em 1920x1080.",
     "A grade tem duas vezes quatro células, em mil novecentos e vinte por mil e oitenta."),
    ("Etapa 2/3: 3/4 testes passaram, em 3/4 do tempo.",
     "Etapa dois de três: três de quatro testes passaram, em três quartos do tempo."),
    ("O log tem 1.234.567 linhas, 200 novas.",
     "O log tem um milhão duzentas e trinta e quatro mil quinhentas e sessenta e sete linhas, duzentas novas."),
    ("Use Python 3.12 ou a versão 1.10.2.", "Use Python três ponto doze ou a versão um ponto dez ponto dois."),
    ("A issue #42 depende da nº 7.", "A issue número quarenta e dois depende da número sete."),
    ("A temperatura foi de -5 °C a +3 °C.",
     "A temperatura foi de menos cinco graus Celsius a mais três graus Celsius."),
    ("Espere 10-20 s, ou 2 h.", "Espere dez a vinte segundos, ou duas horas."),
    ("Foram 16 requisições, ~50 tokens/s.", "Foram dezesseis requisições, cerca de cinquenta tokens por segundo."),
    ("Pi vale 3,14159, e não 3,05.", "Pi vale três vírgula um quatro um cinco nove, e não três vírgula zero cinco."),
    ("R$ 1,2 mi e US$ 5 bi", "um vírgula dois milhão de reais e cinco bilhões de dólares"),
    ("2 mulheres, 1 mulher, 25/12, 16/9", "duas mulheres, uma mulher, vinte e cinco de dezembro, dezesseis sobre nove"),
    ("Av. Paulista, 2 km², CEP 01310-100",
     "Avenida Paulista, dois quilômetros quadrados, CEP zero um três um zero, um zero zero"),
    ("Pedro II, Maria I e Luís XIV no séc. XXI",
     "Pedro segundo, Maria primeira e Luís catorze no século vinte e um"),
    ("Fim ------- a != b, e x >= 3.", "Fim, a é diferente de b, e x é maior ou igual a três."),
]  # fmt: skip
GERMAN = [
    ("12/12 Tests sind grün.", "zwölf von zwölf Tests sind grün."),
    ("Der Build war um 17:30 Uhr fertig.", "Der Build war um siebzehn Uhr dreißig fertig."),
    ("Wir treffen uns um 17:30 oder um 9:05.", "Wir treffen uns um siebzehn Uhr dreißig oder um neun Uhr fünf."),
    ("Um 1 Uhr startet das Backup, um 9.30 Uhr der Test.",
     "Um ein Uhr startet das Backup, um neun Uhr dreißig der Test."),
    ("Am 3. Oktober 2026 erscheint die Version.",
     "Am dritten Oktober zweitausendsechsundzwanzig erscheint die Version."),
    ("Seit dem 20.11.2026 läuft es, bis zum 3.10. bleibt Zeit.",
     "Seit dem zwanzigsten November zweitausendsechsundzwanzig läuft es, bis zum dritten Oktober bleibt Zeit."),
    ("Der Stand vom 2026-11-20 ist online.",
     "Der Stand vom zwanzigsten November zweitausendsechsundzwanzig ist online."),
    ("Der 3. Versuch gelingt, in der 2. Zeile steht es.", "Der dritte Versuch gelingt, in der zweiten Zeile steht es."),
    ("Das ist ein 3. Fehler, im 4. Test.", "Das ist ein dritter Fehler, im vierten Test."),
    ("Die Antwort ist 3.", "Die Antwort ist drei."),
    ("Der Aufruf kostet 12,50 €.", "Der Aufruf kostet zwölf Euro fünfzig."),
    ("Das sind 1.250,00 € im Monat und 0,99 € am Tag.",
     "Das sind eintausendzweihundertfünfzig Euro im Monat und neunundneunzig Cent am Tag."),
    ("Es kostet 5 $/Monat oder R$ 3,50.", "Es kostet fünf Dollar pro Monat oder drei Real fünfzig."),
    ("Ein Token kostet $0.002, also 1 € pro Tag.",
     "Ein Token kostet null Komma null null zwei Dollar, also ein Euro pro Tag."),
    ("Die Abdeckung steigt von 81 % auf 93,5 %.",
     "Die Abdeckung steigt von einundachtzig Prozent auf dreiundneunzig Komma fünf Prozent."),
    ("1 Datei geändert, 1 Test hinzugefügt, 21 Zeilen gelöscht.",
     "eine Datei geändert, ein Test hinzugefügt, einundzwanzig Zeilen gelöscht."),
    ("1 Fehler in 2 Dateien, 1 neue Warnung.", "ein Fehler in zwei Dateien, eine neue Warnung."),
    ("Das ist 3x schneller, nur 250 ms, 1x am Tag.",
     "Das ist dreimal schneller, nur zweihundertfünfzig Millisekunden, einmal am Tag."),
    ("Das Modell hat 1,5 GB und liest 200 MB/s.",
     "Das Modell hat eins Komma fünf Gigabyte und liest zweihundert Megabyte pro Sekunde."),
    ("Das Verhältnis ist 3:1, im Maßstab 1:10.", "Das Verhältnis ist drei zu eins, im Maßstab eins zu zehn."),
    ("Ein Raster von 2 × 4, mit 1920x1080.",
     "Ein Raster von zwei mal vier, mit eintausendneunhundertzwanzig mal eintausendachtzig."),
    ("Schritt 2/3: 3/4 Tests laufen, in 3/4 der Zeit.",
     "Schritt zwei von drei: drei von vier Tests laufen, in drei Viertel der Zeit."),
    ("Das Log hat 1.234.567 Zeilen.",
     "Das Log hat eine Million zweihundertvierunddreißigtausendfünfhundertsiebenundsechzig Zeilen."),
    ("Nimm Python 3.12 oder Version 1.10.2.", "Nimm Python drei Punkt zwölf oder Version eins Punkt zehn Punkt zwei."),
    ("Ticket #42 hängt an Nr. 7.", "Ticket Nummer zweiundvierzig hängt an Nummer sieben."),
    ("Der Wert geht von -5 auf +3.", "Der Wert geht von minus fünf auf plus drei."),
    ("Warte 10-20 s, nicht 2 h 30 min.", "Warte zehn bis zwanzig Sekunden, nicht zwei Stunden dreißig Minuten."),
    ("Seit 1985 gibt es das, bei 20 °C und ~50 Tokens/s.",
     "Seit neunzehnhundertfünfundachtzig gibt es das, bei zwanzig Grad Celsius und etwa fünfzig Tokens pro Sekunde."),
    ("Pi ist 3,14159, nicht 3,05.", "Pi ist drei Komma eins vier eins fünf neun, nicht drei Komma null fünf."),
    ("Das war 1989, im Jahr 1806, im Oktober 1918.",
     "Das war neunzehnhundertneunundachtzig, im Jahr achtzehnhundertsechs, im Oktober neunzehnhundertachtzehn."),
    ("Es kostet 1989 €, 1500 Zeilen, Port 1883.",
     "Es kostet eintausendneunhundertneunundachtzig Euro, eintausendfünfhundert Zeilen, "
     "Port eintausendachthundertdreiundachtzig."),
    ("Es sind 8.100.000.000, an 127.0.0.1.",
     "Es sind acht Milliarden einhundert Millionen, an einhundertsiebenundzwanzig Punkt null Punkt null Punkt eins."),
    ("2,5 Mio. €, 1 Mrd. $ und 3 Mio. Euro",
     "zwei Komma fünf Millionen Euro, eine Milliarde Dollar und drei Millionen Euro"),
    ("§ 5 Abs. 2, §§ 3, 3 m², 2 m3, 1 Frau",
     "Paragraf fünf Absatz zwei, Paragrafen drei, drei Quadratmeter, zwei Kubikmeter, eine Frau"),
    ("Tel. 030/123456, Mo.-Fr.", "Telefon null drei null, eins zwei drei vier fünf sechs, Montag bis Freitag."),
    ("Karl V. und das Leben Ludwigs XIV. unter Papst Pius II. im XX. Jahrhundert",
     "Karl der fünfte und das Leben Ludwigs des vierzehnten unter Papst Pius dem zweiten im zwanzigsten Jahrhundert"),
    ("Ende ~~~~~~~ a != b, und x >= 3.", "Ende, a ist ungleich b, und x ist größer oder gleich drei."),
]  # fmt: skip
SPANISH = [
    ("12/12 pruebas pasan.", "doce de doce pruebas pasan."),
    ("La reunión es a las 17:30.", "La reunión es a las diecisiete y treinta."),
    ("El build terminó a las 17:00 h.", "El build terminó a las diecisiete horas."),
    ("Empieza a las 9:05 y acaba a la 1:00.", "Empieza a las nueve y cinco y acaba a la una."),
    ("La copia tarda 2h30, no 2 h.", "La copia tarda dos horas y treinta minutos, no dos horas."),
    ("Lo arreglé el 1 de mayo de 2026.", "Lo arreglé el uno de mayo de dos mil veintiséis."),
    ("La versión del 2026-11-20 está en línea.",
     "La versión del veinte de noviembre de dos mil veintiséis está en línea."),
    ("El plazo es el 20/11/2026, o el 3/10.",
     "El plazo es el veinte de noviembre de dos mil veintiséis, o el tres de octubre."),
    ("Es la 3.ª prueba y el 3.º error.", "Es la tercera prueba y el tercer error."),
    ("Es el 1.er intento, el 11º caso y la 21ª línea.",
     "Es el primer intento, el undécimo caso y la vigésima primera línea."),
    ("La llamada cuesta 12,50 €.", "La llamada cuesta doce euros con cincuenta céntimos."),
    ("Son 1.250,00 € al mes y 0,99 € al día.",
     "Son mil doscientos cincuenta euros al mes y noventa y nueve céntimos al día."),
    ("Cuesta 5 $/mes, US$ 1 o R$ 3,50.",
     "Cuesta cinco dólares por mes, un dólar o tres reales con cincuenta centavos."),
    ("Cuesta 2.000.000 € al año, y $0.002 por token.",
     "Cuesta dos millones de euros al año, y cero coma cero cero dos dólares por token."),
    ("La cobertura sube del 81 % al 93,5 %.",
     "La cobertura sube del ochenta y uno por ciento al noventa y tres coma cinco por ciento."),
    ("Añadí 1 línea y 1 archivo, borré 21 líneas.", "Añadí una línea y un archivo, borré veintiuna líneas."),
    ("Hay 21 archivos, 200 líneas y 1 problema.", "Hay veintiún archivos, doscientas líneas y un problema."),
    ("Es 3x más rápido, solo 250 ms.", "Es tres veces más rápido, solo doscientos cincuenta milisegundos."),
    ("El modelo pesa 1,5 GB y lee 200 MB/s.",
     "El modelo pesa uno coma cinco gigabytes y lee doscientos megabytes por segundo."),
    ("La relación es 3:1, a escala 1:10.", "La relación es tres a uno, a escala uno a diez."),
    ("Una cuadrícula de 2 × 4, a 1920x1080.",
     "Una cuadrícula de dos por cuatro, a mil novecientos veinte por mil ochenta."),
    ("Paso 2/3: 3/4 pruebas pasan, en 3/4 del tiempo.",
     "Paso dos de tres: tres de cuatro pruebas pasan, en tres cuartos del tiempo."),
    ("El registro tiene 1.234.567 líneas.",
     "El registro tiene un millón doscientas treinta y cuatro mil quinientas sesenta y siete líneas."),
    ("Usa Python 3.12 o la versión 1.10.2.", "Usa Python tres punto doce o la versión uno punto diez punto dos."),
    ("La incidencia #42 depende de la n.º 7.", "La incidencia número cuarenta y dos depende de la número siete."),
    ("El valor pasa de -5 a +3.", "El valor pasa de menos cinco a más tres."),
    ("Espera 10-20 s, quedan 1 o 2 errores.", "Espera diez a veinte segundos, quedan uno o dos errores."),
    ("Hace 20 °C, con ~50 tokens/s.", "Hace veinte grados Celsius, con unos cincuenta tokens por segundo."),
    ("Pi vale 3,14159, con 21 000 líneas.", "Pi vale tres coma uno cuatro uno cinco nueve, con veintiún mil líneas."),
    ("Cuesta 5 M€, para 2,5 M de personas", "Cuesta cinco millones de euros, para dos coma cinco millones de personas"),
    ("Felipe II, Isabel I y Alfonso XIII en el siglo XXI",
     "Felipe segundo, Isabel primera y Alfonso trece en el siglo veintiuno"),
    ("Vive en EE. UU. desde 1999, lun.-vie., 25/12",
     "Vive en Estados Unidos desde mil novecientos noventa y nueve, lunes a viernes, veinticinco de diciembre"),
    ("Fin ####### a != b, y x >= 3.", "Fin, a es distinto de b, y x es mayor o igual que tres."),
]  # fmt: skip
TABLES = {"fr": FRENCH, "pt-BR": PORTUGUESE, "de": GERMAN, "es": SPANISH}
OTHERS = [
    ("pt-PT", "São 16 ficheiros.", "São dezasseis ficheiros."),
    ("fr-CH", "71 tests, 92 %", "septante et un tests, nonante-deux pour cent"),
    ("fr", "2026-11-20T10:30:05Z : prêt",
     "vingt novembre deux mille vingt-six, dix heures trente et cinq secondes UTC : prêt"),
    ("fr", "$5.50 et $1,234.56", "cinq dollars cinquante et mille deux cent trente-quatre dollars cinquante-six"),
    ("fr", "Port 192.168.0.1, code 007, GPT-4",
     "Port cent quatre-vingt-douze point cent soixante-huit point zéro point un, code zéro zéro sept, GPT-quatre"),
    ("fr", "commit 72a3277cd7abc, 1-2-3, 1 et 2", "commit sept deux A trois deux sept sept, un-deux-trois, un et deux"),
    ("es", "versión 1 está lista", "versión uno está lista"),
    ("de", "001 hier, 1200 mal 1080", "null null eins hier, eintausendzweihundert mal eintausendachtzig"),
    ("pt", "às 20:05", "às vinte horas e cinco minutos"),
    ("de", "Zeile 1 ist leer, 1 von 3", "Zeile eins ist leer, eins von drei"),
    ("fi", "Kello on 17:30, 12,50 €", "Kello on 17:30, 12,50 €"),
    ("en", "At 17:30, 12,50 €, 2nd", "At seventeen thirty, twelve euros and fifty cents, second"),
]  # fmt: skip
ROWS = [(language, *row) for language, table in TABLES.items() for row in table] + OTHERS


def said(text: str, language: str, markup: str = "text") -> list[str]:
    return [item.text for item in read([text.encode()], markup, language) if isinstance(item, Piece)]


@pytest.mark.parametrize(("language", "text", "spoken"), ROWS)
def test_numbers_are_read_as_people_say_them(language: str, text: str, spoken: str) -> None:
    """Times, dates, ordinals, money, percentages, units, ratios and counts are words that agree with their nouns."""
    assert said(text, language) == [spoken]


@pytest.mark.parametrize("language", ["fr", "pt-BR", "de", "es", "it", "en"])
def test_thoughts_are_silent_in_every_language(language: str) -> None:
    """Text in `<think>` at the beginning of a line is not spoken."""
    assert said("<think>\nHmm, 17:30, 3.\n</think>\nOk.", language) == ["Ok."]


def test_a_german_ordinal_does_not_end_a_sentence() -> None:
    """The point after an article's number goes on; after any other number the sentence ends."""
    assert said("Am 3. Oktober. Die Antwort ist 3. Danach kommt der 4. Test.", "de") == [
        "Am dritten Oktober.", "Die Antwort ist drei.", "Danach kommt der vierte Test.",
    ]  # fmt: skip


def test_every_word_keeps_the_place_of_its_number() -> None:
    """The words of a number stand for it in the text, which a highlighted word and a timeline need."""
    text = "Il reste 12,50 € ici"
    (piece,) = (item for item in read([text.encode()], language="fr") if isinstance(item, Piece))
    start = piece.text.index("douze")
    assert piece.mapped.span(start, start + len("douze euros cinquante")) == (9, 16)
    assert piece.mapped.span(piece.text.index("ici")) == (17, 20)


def test_no_text_stops_a_reader() -> None:
    """Any row of digits and signs is read, in any of the languages."""
    signs, chance = "0123456789" * 3 + ".,:/-–hxe×%€$# \u00a0'°ºªsmMBTZ~+±\nR$dreaL", random.Random(5)
    for _ in range(300):
        text = "".join(chance.choices(signs, k=chance.choice((5, 20, 80))))
        said(text, chance.choice(("fr", "pt", "pt-PT", "de", "es", "fr-CH")))


def test_without_the_packages_of_cldr_an_engine_reads_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with the extra `stt` alone has no words for them, and no error."""
    monkeypatch.setattr("hushd_reading.in_words.countable", lambda: False)
    assert said("Le 1er mai, 12,50 €.", "fr") == ["Le 1er mai, 12,50 €."]
