"""Words that are names and more than names, and words that stand in names without naming anybody.

Neighbours: `forms` decides by them how a part of a name is to be looked for, `replacing` whether a word is one.
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.chat.privacy.spelling import fold

# Titles, particles, and what people add to contacts.
_NOT_NAMES = """
person user contact kontakt member mitglied unknown unbekannt
dr mr mrs ms miss mx sir prof professor herr frau fräulein mme mlle monsieur madame señor señora sr sra don doña dott
von vom van der den de da di du del della delle degli dos das la le les el al bin ibn bint abu ben bat ter ten zu zum
zur und and the of from for my your our his her with at in on to y e i et och og en med no not new old bei mit aus im
am auf für nach a an un une una uno los las il lo gli à au aux chez per con group chat team admin home work office
mobile private privat handy arbeit büro haus neu alt jr junior senior ii iii school uni university gym class klasse
kurs course family familie friend friends nummer neue neuer number phone telefon tel mobil cell numero nuevo nuovo
nouveau travail trabajo lavoro ufficio werk
"""
# Common first names and surnames of many languages that are words as well, kin and callings, and words of two letters.
_AMBIGUOUS = """
will rose may mark grace hope joy faith frank art bill jack sue pat rob dawn eve april june august summer autumn
winter ivy lily daisy violet olive ruby pearl amber jade crystal heather holly iris jasmine poppy rosemary ginger
hazel heath clay cliff dale dean drew gene glen grant guy hank jay lance laurel lee mason miles norm page paige penny
pierce ray rich robin rusty rick sandy skip sky stone storm tanner taylor tiffany trip wade ward warren woody bear
bishop black bond brook brooks brown bush butler carter case chance chase chip cook cooper cross day dick duke earl
ernest fisher ford forest fox garden gates golden good gray green grey hall hand hart hill holiday hunt hunter hurt
ice king kitty knight lane law long love major marina mercy merry mills moon moor noble park parker peace pike pope
potter power price prince queen rain read rice river rivers rock sage sailor savage seal shepherd short singer sharp
smart smith snow sonny sparrow speed spring star steel sterling strong sunny swan sweet trinity true turner usher
walker wall war wells west white wild wise wolf wood woods worth young boss chief doc coach baby honey bro sis sister
brother son daughter mom mum mommy mummy mama mamma mami mutti mutter dad daddy papa papi vati vater oma opa omi opi
granny grandma grandpa nana abuela abuelo tia tio tante onkel aunt uncle cousin chef schatz liebe liebling maus hase
bär süße bruder schwester plumber doctor dentist teacher neighbour neighbor ernst rosa stern fuchs klein groß gross
lang kurz jung alt weiß weiss schwarz braun roth rot grün blau könig kaiser herzog graf fürst bischof pfarrer richter
schneider bauer becker weber fischer koch jäger zimmermann wagner schäfer schulz krüger vogel hahn löwe stein berg
wald bach busch sommer herbst frühling frost sonntag freitag montag held engel teufel himmel gut bös frei reich arm
ehrlich treu gerade sol luz mar paz pilar dolores mercedes consuelo soledad esperanza caridad fe gloria victoria
blanca rocío nieves ángel santo cruz rey reina conde leal bueno blanco rojo moreno delgado bravo flor margarita
estrella aurora alba claire blanche marine marguerite violette prune pierre clément constant désiré noël pascal aimée
désirée lune bianca bruno chiara serena felice fortunato franco leone massimo mina pia stella viola vera viva perla
gioia wil bloem roos linde mei juni faye вера надежда любовь роман мир лев слава света мая роза лилия am an as at be
by do go he hi if in is it me my no of oh ok on or so to up us we ah eh ha hm yo ab da du er es ja im je ne na nu ob
um wo zu à au ce en et il la le ma où sa se si ta te tu un va de el lo mi os su ya al di e ci ti vi ou eu dan den hem
het hij ik mijn ook uit van wat wel wij ze zo bel amen asia china india paris london florence sydney chelsea madison
austin dallas jordan carmen sienna savannah virginia georgia carolina dakota montana alaska
can else per freund kraft
"""
# What a name and an ending would make, and is a word of every day: tiny, Lassen wir das, люди.
_EVERYDAY = """
tiny nine mine mini rite wende juli beaten lotto kosten martini valentine fontane bianche claro clare lindo costo coste
rosso rosse conto conte porte porto porti monte campi torri belle bello belli donne guide lassen malten freunde freunden
kräfte marken marke karten kanten kohlen franken elle care tone nato marte mario marie lune rien mais anno halle
pauline martinique time times lane line lines mane date rate note notes same some come comes more made make sure dove
these those where there their whole while white alles allen aller andere anderen immer haben hatte keine kommen lieben
leben lesen reden sagen sehen gehen machen finden fahren warten bitten karte seite mitte hatten wollen sollen komme
люди людей поле поля поли полю кости костей тому тома томе маши машу коли колю лени лену милой марка марки марку марок
ванны мари роман розы света свете свету светом соли соль лен ром том пол дали дома доме дому вот он она они
σταυρο σταυρου αγγελε αγγελο νικη ελπιδα
"""
# Of the words that stand in names without naming anybody those that people are called by, too, and of these the ones
# that hardly a sentence begins with.
_CALLED_TOO = """
ben don al del abu das dos van von bin le la el du di do da de an im neu alt haus
"""
_GIVEN = "ben don al del abu van"
# Behind these a noun is meant, and behind somebody's name these.
_BEFORE_HOUSES = "das ins im zum vom nach zu von aus dem des ein kein mein dein unser euer sein ihr am beim jedes"
_BEHIND_NAMES = """
is was has had said says and will wants isn wasn hasn ist hat kommt war sagt sagte und kann meint macht geht wird soll
muss braucht schreibt wohnt schläft est dit vient veut dice viene quiere tiene dijo vuole dijo zegt heeft komt mówi jest
"""
_GREETINGS = """
hi hey hello hallo hei hej hoi hiya heya yo dear thanks thank thx ty danke merci gracias grazie obrigado obrigada dank
servus moin moinsen morning morgen night bye ciao tschüss tschuss hola ola olá salut bonjour bonsoir coucou buongiorno
liebe lieber querida querido cher chère caro cara привет спасибо здравствуй пока sorry congrats congratulations
birthday geburtstag cumpleaños welcome willkommen
"""
_BEFORE_MONTHS = "in of since until till by this next last early late mid im seit bis ab ende anfang en de"
_MONTHS = "april may june august mai juni juin mei"

# Alone these are nobody's name.
NOT_NAMES = frozenset(map(fold, _NOT_NAMES.split()))
# Where they begin or end a name of several words they are looked for, like a name that is a word. In small letters only
# names of these few are spoken to: danke das, grazie del messaggio.
CALLED_TOO, GIVEN = frozenset(_CALLED_TOO.split()), frozenset(_GIVEN.split())
UNLIKELY = NOT_NAMES - {"ben", "don", "abu"}
BEFORE_HOUSES, BEHIND_NAMES = frozenset(_BEFORE_HOUSES.split()), frozenset(_BEHIND_NAMES.split())
# Masked where they look like a name, else left and put on the review list.
AMBIGUOUS = frozenset(map(fold, _AMBIGUOUS.split()))
# No inflected form of a name, however it is written.
EVERYDAY = frozenset(map(fold, _EVERYDAY.split()))
# Behind these a word is somebody who is addressed.
GREETINGS = frozenset(map(fold, _GREETINGS.split()))
# Between these, or beside a number, a month is meant.
BEFORE_MONTHS, MONTHS = frozenset(_BEFORE_MONTHS.split()), frozenset(_MONTHS.split())


def calls(words: Sequence[str], place: int) -> bool:
    """Whether somebody may be called by this one of the folded words of their name: ben of Ben Meyer, not the van of
    Jan van Dijk."""
    if len(words) == 1 or words[place] not in NOT_NAMES:
        return True
    if words[place] not in CALLED_TOO:
        return False
    of_name = [at for at, word in enumerate(words) if word not in NOT_NAMES or word in CALLED_TOO]
    return place in (of_name[0], of_name[-1])
