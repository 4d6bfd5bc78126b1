"""Words that the checks of answers know: months, titles, how peoples are called, and what begins a sentence without
being a name. Neighbours: `names`, `keeping` and `sentences` look them up.
"""

from __future__ import annotations

MONTHS: dict[str, int] = {
    "january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9,
    "october": 10, "november": 11, "december": 12, "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7,
    "aug": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
WEEKDAYS: dict[str, int] = {
    "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6, "sunday": 7, "mon": 1,
    "tue": 2, "tues": 2, "wed": 3, "thu": 4, "thur": 4, "thurs": 4, "fri": 5, "sat": 6, "sun": 7,
}  # fmt: skip
# Before a name, no part of it.
TITLES = frozenset({"mr", "mrs", "ms", "miss", "sir", "madam", "dr", "prof", "messrs"})

_SHORTENED = """
mr mrs ms dr prof st mt ft gen col maj capt lt sgt cmdr adm rev hon sen rep gov pres sr jr inc ltd co corp bros dept
univ est approx ca c cf vs v no nos vol ch p pp ed eds fig e.g i.e etc al jan feb mar apr jun jul aug sep sept oct
nov dec mon tue tues wed thu thur thurs fri sat sun ave blvd rd sq op ph.d b.a m.a b.sc m.sc
"""
# Words of a name that mean the same, a group of them between two spaces; what inflection makes of one is found without.
_ALIKE = """
st/saint/street mt/mount/mountain ft/fort gen/general col/colonel capt/captain lt/lieutenant sgt/sergeant
rev/reverend sen/senator rep/representative gov/governor pres/president prof/professor dr/doctor jr/junior sr/senior
inc/incorporated corp/corporation co/company ltd/limited dept/department univ/university
us/usa/america/american/americans uk/britain/british eu/european un/uno ussr/soviet france/french
spain/spanish/spaniard/spaniards england/english ireland/irish wales/welsh poland/polish/pole/poles
denmark/danish/dane/danes finland/finnish/finn/finns netherlands/dutch/holland switzerland/swiss
turkey/turkish/turk/turks sweden/swedish/swede/swedes rome/roman/romans greece/greek/greeks troy/trojan/trojans
thailand/thai/thais iraq/iraqi/iraqis cuba/cuban/cubans peru/peruvian/peruvians israel/israeli/israelis
iran/iranian/persian laos/lao/laotian texas/texan/texans christ/christian czech/czechia
philippines/filipino/philippine tv/television ad/ce bc/bce celsius/centigrade/c fahrenheit/f
"""
# What a name ends in as a people, a faith, a plural; at least four letters are left before it.
_ENDINGS = "s es n an ian ans ians ean eans ese ish ic ics al i is a o e y ies ia ain ism ist ists ite ites er ers ity"
_ORDINARY = """
a an the this that these those i it its it's he she they we you his her hers their theirs our my your who whom whose
which what when where why how whether while because since as if though although unless until once before after
during between among amid within without with by for from in into on onto of off at to toward towards upon under
over above below beneath behind beside besides beyond across along around against about near through throughout per
via than despite except like unlike rather instead both either neither each every all any some many most much more
several few fewer another other others such no not none nothing nobody nor never yes ok okay and or but so yet then
there here now today yesterday tomorrow later earlier soon still also too even only just almost nearly roughly
approximately exactly precisely merely simply mainly mostly largely generally usually typically often sometimes
always perhaps maybe probably possibly apparently evidently reportedly supposedly indeed fact however therefore thus
hence moreover furthermore additionally meanwhile otherwise nevertheless nonetheless consequently accordingly
afterwards afterward subsequently eventually finally initially originally historically traditionally currently
recently previously formerly ultimately altogether together overall specifically particularly especially notably
interestingly unfortunately sadly regrettably sorry thanks thank please well right sure certainly is are was were be
been being am do does did done has have had having can could will would shall should may might must let lets got get
gets make makes made take takes took give gives gave given see sees saw know knows knew one two three four five six
seven eight nine ten eleven twelve hundred thousand million billion dozen half first second third last next previous
former latter same people person men man women woman children child boys girls students teachers workers members
citizens residents soldiers troops fans players visitors travelers travellers farmers families parents leaders
officials authorities scientists researchers experts historians scholars critics engineers doctors patients lawyers
judges voters users customers clients owners employees companies businesses firms schools universities countries
nations states cities towns villages regions areas places parts things ways types kinds forms groups teams species
animals plants trees birds fish insects bacteria viruses cells oxygen water air fire earth light heat steam energy
power money gold silver iron copper steel coal oil gas food rice wheat corn sugar salt tea coffee milk wine beer
music art dance war peace law trade time years year months month weeks week days day hours hour minutes minute
seconds life death love health education religion politics science technology history culture language answer
answers built located founded established created named known called born based used considered defined described
designed developed discovered found held led published released signed won written opened completed formed
introduced information details context text passage question
"""
# A first word that ends so is hardly a name.
ORDINARY_ENDINGS = (
    "ly", "ing", "ed", "tion", "tions", "sion", "sions", "ment", "ments", "ness", "ity", "ities", "ance", "ence",
    "ers", "ors", "ists", "isms", "ism", "ants", "ents", "ians", "ages", "ures", "ics", "ies", "ous", "ful", "less",
    "able", "ible", "ward", "wards", "wise", "ever", "thing", "body", "self",
)  # fmt: skip
_DOING = """
is was has had did does can could will would may might became becomes won wins led leads ruled rules wrote writes
founded built made said says called held took got gave left
"""
_DONE = """
arose ate beat began bent bet bore bought broke brought burnt came caught chose clung cost crept cut dealt died drank
drew drove dug fed fell felt flew forbade forgave forgot fought found froze gave got grew heard hid hit held hung hurt
kept knew laid learnt led left lent lost lit made meant met paid put ran rang rode rose said sang sank sat saw sent set
shone shook shot showed shut slept slew slid sold sought spent spoke sprang spread stole stood struck stuck sung sunk
swam swept swore taught thought threw told took tore understood undertook went withdrew withstood woke won wore wove
wrote
"""
# What begins a sentence without an article before what it did: "Work began".
_BARE = """
someone somebody everyone everybody anyone work trade demand supply interest support control traffic growth progress
pressure capital labor labour industry agriculture commerce business property land ownership membership leadership
citizenship friendship championship kingship scholarship nature society parliament congress government management
public opinion popularity poverty wealth crime slavery freedom wisdom belief doubt fear anger hunger famine
drought disease plague cholera malaria smallpox typhus typhoid measles influenza flu fever cancer leprosy rabies
tuberculosis pneumonia photosynthesis mitosis meiosis osmosis symbiosis analysis emphasis chlorophyll dna rna protein
starch glucose insulin bone blood skin muscle tissue hair brain nerve sweat breath milk meat flesh bread butter cheese
fruit cotton wool silk linen leather fur timber wood bark paper ink plastic rubber glass clay mud sand soil dust ash
smoke stone rock gravel marble granite limestone concrete cement brick tin lead zinc brass bronze metal ore
sulfur sulphur carbon nitrogen hydrogen helium chlorine sodium potassium calcium silicon uranium plutonium ozone
methane gas petrol petroleum gasoline diesel fuel electricity voltage current radiation sunlight daylight lightning
thunder rain rainfall snow snowfall ice frost hail fog wind weather climate heat cold sound noise matter space gravity
friction motion force mass volume density entropy software hardware data media evidence proof research study theory
practice logic reason thought memory knowledge truth news word rumor rumour talk speech silence literature poetry prose
drama theatre theater dance film cinema television radio print sport football baseball cricket chess racing rugby
soccer hockey tennis golf police cattle livestock game poultry sheep deer mice geese teeth feet algae fungi larvae
humanity mankind marriage divorce childhood adulthood youth birth sex sleep rest fate luck chance fortune disaster
chaos panic violence terror battle combat conflict victory defeat independence rule order justice tax taxation revenue
income profit debt credit inflation unemployment money cash rent aid help relief access entry travel transport shipping
service staff crew personnel management leadership mail post cargo freight equipment furniture clothing food water
black white red green blue yellow brown night morning evening midnight dawn darkness winter summer autumn spring hand
machine home state court church legend myth tradition success approval arrival survival withdrawal removal damage
passage storage usage coverage advice distance pollution water wildlife livestock fighting everything nothing something
large small big great high low long short early late old young new modern ancient good
bad full hard strong heavy skill hire stay
"""
_LITTLE = "a an the of in on at to by for from with and or as is are was were be it its that this their his her which"

# After these a point ends no sentence.
SHORTENED = frozenset(_SHORTENED.split())
# A word of a name → all words that mean the same.
ALIKE = {word: tuple(group.split("/")) for group in _ALIKE.split() for word in group.split("/")}
ENDINGS = tuple(_ENDINGS.split())
# What may begin a sentence, or stands within with a capital, and is no name.
ORDINARY = frozenset(_ORDINARY.split())
# What a person or place does, right after its name.
DOING = frozenset(_DOING.split())
# What somebody did, besides all that ends in -ed.
DONE = frozenset(_DONE.split())
# Ordinary words that need no article: no name, although something was done by them.
BARE = frozenset(_BARE.split())
# Words that say nothing by themselves: they neither make an answer nor tell two texts apart.
LITTLE = frozenset(_LITTLE.split()) | {"who"}
