"""The language codes of labelled data (ISO 639-1 and 639-3) as lid.176 names them.

The model's labels are Wikipedia's codes of 2017, and a few do not mean what ISO 639-3 means by the
same letters: its `als` is Alemannic, where ISO's is Tosk Albanian.
"""

from __future__ import annotations

# The model's code; the data's other codes for it; the name. ISO 639-1 codes are the model's own,
# 639-3 ones include members of a macrolanguage that the model knows as one.
_TABLE = """
af|afr|Afrikaans
am|amh|Amharic
ar|ara arb mey|Arabic
ast|ast|Asturian
az|aze azj|Azerbaijani
ba|bak|Bashkir
bcl|bcl|Central Bikol
be|bel|Belarusian
bg|bul|Bulgarian
bh|bho|Bhojpuri
bn|ben|Bengali
bo|bod|Tibetan
br|bre|Breton
bs|bos|Bosnian
ca|cat|Catalan
ceb|ceb|Cebuano
ckb|ckb|Central Kurdish
co|cos|Corsican
cs|ces|Czech
cy|cym|Welsh
da|dan|Danish
de|deu|German
dv|div|Divehi
el|ell|Greek
eml|eml|Emilian-Romagnol
en|eng|English
eo|epo|Esperanto
es|spa|Spanish
et|est|Estonian
eu|eus|Basque
fa|fas pes prs|Persian
fi|fin|Finnish
fr|fra|French
fy|fry fri|Western Frisian
ga|gle|Irish
gd|gla|Scottish Gaelic
gl|glg|Galician
gn|grn gug|Guarani
gu|guj|Gujarati
he|heb|Hebrew
hi|hin|Hindi
hr|hrv|Croatian
hsb|hsb|Upper Sorbian
ht|hat|Haitian Creole
hu|hun|Hungarian
hy|hye|Armenian
ia|ina|Interlingua
id|ind|Indonesian
ilo|ilo|Iloko
io|ido|Ido
is|isl|Icelandic
it|ita|Italian
ja|jpn|Japanese
jv|jav|Javanese
ka|kat|Georgian
kk|kaz|Kazakh
km|khm|Khmer
kn|kan|Kannada
ko|kor|Korean
ku|kur kmr|Kurdish, Northern
ky|kir|Kyrgyz
la|lat|Latin
lb|ltz|Luxembourgish
lo|lao|Lao
lt|lit|Lithuanian
lv|lav|Latvian
mai|mai|Maithili
mg|mlg plt|Malagasy
min|min|Minangkabau
mk|mkd|Macedonian
ml|mal|Malayalam
mn|mon khk|Mongolian
mr|mar|Marathi
ms|msa|Malay
mt|mlt|Maltese
my|mya|Burmese
nah|nhn|Nahuatl
nds|nds|Low German
ne|nep|Nepali
nl|nld|Dutch
nn|nno|Norwegian Nynorsk
no|nob nb|Norwegian Bokmål
oc|oci lnc prv|Occitan
os|oss|Ossetic
pa|pan|Punjabi
pam|pam|Pampanga
pl|pol|Polish
pnb|pnb|Western Punjabi
ps|pus pbu|Pashto
pt|por|Portuguese
qu|que qud qug quy quz qva qvc qvh qvm qvn qwh qxa qxn qxu|Quechua
rm|roh|Romansh
ro|ron|Romanian
ru|rus|Russian
sa|san|Sanskrit
sah|sah|Yakut
sc|srd src|Sardinian
sco|sco|Scots
sd|snd|Sindhi
si|sin|Sinhala
sk|slk|Slovak
sl|slv|Slovenian
so|som|Somali
sq|sqi als|Albanian
sr|srp|Serbian
su|sun|Sundanese
sv|swe|Swedish
sw|swa swh|Swahili
ta|tam|Tamil
te|tel|Telugu
tg|tgk|Tajik
th|tha|Thai
tk|tuk|Turkmen
tl|tgl fil|Tagalog
tr|tur|Turkish
tt|tat|Tatar
tyv|tyv|Tuvan
ug|uig|Uyghur
uk|ukr|Ukrainian
ur|urd|Urdu
uz|uzb uzn|Uzbek
vec|vec|Venetian
vep|vep|Veps
vi|vie|Vietnamese
wa|wln|Walloon
war|war|Waray
yi|yid ydd|Yiddish
yo|yor|Yoruba
yue|yue|Cantonese
zh|zho cmn|Chinese
"""

_ROWS = [line.split("|") for line in _TABLE.strip().splitlines()]

NAMES = {code: name for code, _, name in _ROWS}
"""Names of the model's languages."""

CODES = {code: code for code in NAMES if len(code) == 2} | {
    other: code for code, others, _ in _ROWS for other in others.split()
}
"""The data's codes to the model's; the model does not know a language whose code is not here."""

SCRIPTS = {
    "latn": "Latin",
    "cyrl": "Cyrillic",
    "arab": "Arabic",
    "mong": "Mongolian",
    "tglg": "Baybayin",
    "hans": "simplified",
    "cn": "simplified",
    "hant": "traditional",
    "tw": "traditional",
    "monotonic": "monotonic",
    "polytonic": "polytonic",
}
"""The data's variants that are scripts or spellings."""

NOTES = (
    "The model's codes are Wikipedia's: `no` is Bokmål (`nb`, `nob`), `bh` is taken for Bhojpuri, "
    "`nah` for Central Nahuatl, `ku` for Northern Kurdish, `tl` also for Filipino, and its `als` "
    "is Alemannic, not the Tosk Albanian of ISO 639-3, which counts as `sq`.",
    "`sh`, Serbo-Croatian, is a language of the model and none of the data: it counts as wrong for "
    "`bs`, `hr` and `sr`. Dari counts as `fa`, Hassaniyya as `ar`, every Quechua as `qu`, "
    "Languedocien and Provençal as `oc`.",
)
"""What a reader of the table has to know about codes."""
