"""The sentences that `hushd tune --voice` has people read: everyday words, numbers and names, by language."""

from __future__ import annotations

from hushd_models import languages
from hushd_protocol.errors import HushdError

_TEXTS = {
    "en": """
        Please remind me to water the plants tomorrow morning.
        The train to Manchester leaves at half past seven.
        Could you send me the report before the end of the week?
        She bought three pounds of apples and a loaf of bread.
        Turn off the lights in the kitchen and close the window.
        We walked along the river until it began to rain.
        The meeting was moved from Tuesday to Thursday afternoon.
        I think the new version works much better than the old one.
        There were about two hundred people at the concert.
        My brother lives in a small house near the harbour.
        The doctor said that I should drink more water.
        What would you like to have for dinner tonight?
        He forgot his keys, so he had to wait outside for an hour.
        The password has to be changed every ninety days.
        Nobody knows exactly why the bridge was closed.
        Put the blue box on the shelf behind the door.
        Their daughter studies physics and plays the violin.
        It was so quiet that we could hear the clock on the wall.
        The price went up by fifteen percent since last year.
        Thank you for calling, and have a pleasant evening.""",
    "de": """
        Bitte erinnere mich morgen früh daran, die Blumen zu gießen.
        Der Zug nach Hamburg fährt um halb acht ab.
        Könntest du mir den Bericht bis zum Ende der Woche schicken?
        Sie hat drei Kilo Äpfel und ein Brot gekauft.
        Mach das Licht in der Küche aus und schließ das Fenster.
        Wir gingen am Fluss entlang, bis es zu regnen begann.
        Die Besprechung wurde von Dienstag auf Donnerstag verschoben.
        Ich glaube, die neue Fassung ist viel besser als die alte.
        Beim Konzert waren ungefähr zweihundert Leute.
        Mein Bruder wohnt in einem kleinen Haus in der Nähe des Hafens.
        Die Ärztin sagte, dass ich mehr Wasser trinken soll.
        Was möchtest du heute Abend essen?
        Er hatte seinen Schlüssel vergessen und musste eine Stunde draußen warten.
        Das Passwort muss alle neunzig Tage geändert werden.
        Niemand weiß genau, warum die Brücke gesperrt wurde.
        Stell die blaue Kiste auf das Regal hinter der Tür.
        Ihre Tochter studiert Physik und spielt Geige.
        Es war so still, dass wir die Uhr an der Wand hören konnten.
        Der Preis ist seit dem letzten Jahr um fünfzehn Prozent gestiegen.
        Vielen Dank für den Anruf, und einen schönen Abend noch.""",
    "fr": """
        Rappelle-moi d'arroser les plantes demain matin.
        Le train pour Lyon part à sept heures et demie.
        Pourrais-tu m'envoyer le rapport avant la fin de la semaine ?
        Elle a acheté trois kilos de pommes et du pain.
        Éteins la lumière de la cuisine et ferme la fenêtre.
        Nous avons marché le long de la rivière jusqu'à ce qu'il pleuve.
        La réunion de mardi a été déplacée à jeudi après-midi.
        Je crois que la nouvelle version est bien meilleure que l'ancienne.
        Il y avait environ deux cents personnes au concert.
        Mon frère habite une petite maison près du port.
        Le médecin m'a dit de boire davantage d'eau.
        Qu'est-ce que tu voudrais manger ce soir ?
        Il avait oublié ses clés et a dû attendre une heure dehors.
        Le mot de passe doit être changé tous les trois mois.
        Personne ne sait exactement pourquoi le pont est fermé.
        Pose la boîte bleue sur l'étagère derrière la porte.
        Leur fille étudie la physique et joue du violon.
        Tout était si calme que nous entendions l'horloge au mur.
        Le prix a augmenté de quinze pour cent depuis l'année dernière.
        Merci pour votre appel, et bonne soirée.""",
    "es": """
        Recuérdame que riegue las plantas mañana por la mañana.
        El tren a Sevilla sale a las siete y media.
        ¿Podrías enviarme el informe antes del fin de semana?
        Ella compró tres kilos de manzanas y una barra de pan.
        Apaga la luz de la cocina y cierra la ventana.
        Caminamos junto al río hasta que empezó a llover.
        La reunión del martes se ha cambiado al jueves por la tarde.
        Creo que la nueva versión es mucho mejor que la antigua.
        Había unas doscientas personas en el concierto.
        Mi hermano vive en una casa pequeña cerca del puerto.
        La médica me dijo que debía beber más agua.
        ¿Qué te gustaría cenar esta noche?
        Olvidó las llaves y tuvo que esperar una hora en la calle.
        La contraseña se debe cambiar cada noventa días.
        Nadie sabe exactamente por qué cerraron el puente.
        Pon la caja azul en el estante detrás de la puerta.
        Su hija estudia física y toca el violín.
        Había tanto silencio que oíamos el reloj de la pared.
        El precio ha subido un quince por ciento desde el año pasado.
        Gracias por llamar, y que tenga una buena tarde.""",
    "it": """
        Ricordami di annaffiare le piante domani mattina.
        Il treno per Bologna parte alle sette e mezza.
        Potresti mandarmi il rapporto entro la fine della settimana?
        Lei ha comprato tre chili di mele e una pagnotta.
        Spegni la luce in cucina e chiudi la finestra.
        Abbiamo camminato lungo il fiume finché non ha piovuto.
        La riunione di martedì è stata spostata a giovedì pomeriggio.
        Credo che la nuova versione sia molto migliore della vecchia.
        Al concerto c'erano circa duecento persone.
        Mio fratello vive in una piccola casa vicino al porto.
        Il medico mi ha detto di bere più acqua.
        Che cosa vorresti mangiare stasera?
        Ha dimenticato le chiavi e ha dovuto aspettare fuori per un'ora.
        La password va cambiata ogni novanta giorni.
        Nessuno sa esattamente perché il ponte sia chiuso.
        Metti la scatola blu sullo scaffale dietro la porta.
        La loro figlia studia fisica e suona il violino.
        C'era tanto silenzio che sentivamo l'orologio sul muro.
        Il prezzo è aumentato del quindici per cento dall'anno scorso.
        Grazie per la chiamata, e buona serata.""",
    "pt": """
        Lembra-me de regar as plantas amanhã de manhã.
        O comboio para o Porto parte às sete e meia.
        Podes enviar o relatório antes do fim da semana?
        Ela comprou três quilos de maçãs e um pão.
        Apaga a luz da cozinha e fecha a janela.
        Caminhámos ao longo do rio até começar a chover.
        A reunião de terça foi mudada para quinta à tarde.
        Acho que a nova versão é muito melhor do que a antiga.
        Havia cerca de duzentas pessoas no concerto.
        O meu irmão vive numa casa pequena perto do porto.
        A médica disse que eu devia beber mais água.
        O que gostarias de jantar esta noite?
        Ele esqueceu as chaves e teve de esperar uma hora na rua.
        A palavra-passe deve ser mudada de três em três meses.
        Ninguém sabe ao certo porque é que a ponte foi fechada.
        Põe a caixa azul na prateleira atrás da porta.
        A filha deles estuda física e toca violino.
        Estava tudo tão calmo que ouvíamos o relógio na parede.
        O preço subiu quinze por cento desde o ano passado.
        Obrigado por telefonar, e tenha uma boa noite.""",
}
LANGUAGES = tuple(_TEXTS)


def of(language: str) -> list[str]:
    """Returns the twenty sentences of a language.

    Raises:
        HushdError: `bad_request` if there are none.
    """
    if (text := _TEXTS.get(languages.code(language))) is None:
        known = ", ".join(LANGUAGES)
        raise HushdError(
            "bad_request",
            f"There are sentences in {known}, and none in {language}: record your own, each with its text beside it "
            "(x.wav, x.txt), and give their folder: hushd tune DIR.",
        )
    return [line.strip() for line in text.strip().splitlines()]
