"""Stop words by language, and the hash tables in which kernels look them up.

Chosen for tamis: the commonest function words of each language, in the form that running text has
them. A recipe can replace the words of any language. English has Gopher's eight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tamis.filters.kernels.arrays import Hashes
from tamis.filters.kernels.characters import decode
from tamis.filters.kernels.folding import WIDEST, fold
from tamis.filters.kernels.hashes import hash_of
from tamis.filters.kernels.lines import NEWLINE
from tamis.filters.kernels.unicode_tables import tables

_TABLE = """
af die en van in is het nie dat wat vir met te op om
am እና ነው ላይ ውስጥ ግን ወደ ነበር እንደ ጋር በኋላ ናቸው ይህ ደግሞ ወይም ጊዜ አንድ
ar في من على إلى أن هذا التي مع عن ما لا كان هذه ذلك
az və bir bu ilə də üçün olan da ki o daha sonra isə
ba һәм был менән бер өсөн дә да булған уның ул тип
be і ў на не што з да у як гэта па а для
bg на и в да се за от с не е са като по
bn এবং এই করে থেকে একটি ও না জন্য যে তার এ হয় করা
bo དང གི ལ ནས པའི ཀྱི ནི དུ ནང ཡིན ལས གྱི
br ar an ha da e eus war gant en ur zo ez evit
bs i je u na se da za su od a s koji
ca de la i que el en a les els per del un amb
ceb sa ang nga ug mga usa si ni kay alang iyang siya
ckb لە بە کە و بۆ ئەو ئەم دا بوو لەگەڵ بەڵام لەسەر دوای زۆر
cs a se v na je že to s z do i o ve
cy y yn i a o ar yr wedi gan am ei er
da og i at det er en til på som af for den med
de der die und in den von zu das mit ist nicht ein
dv އަދި މި އެ ވަނީ އޭނާ ގޮތުގައި އަށް ގެ އެންމެ ބޮޑު ކުރި ދެން ނުވަތަ
el και το να του η της την που με για από είναι
en the be to of and that have with
eo la de kaj en estas al ne por ke el kun li
es de la que el en y los del se las por un
et ja on ei et see ta oli kui ka mis aga
eu eta da ez zuen bat ere dira dute hori zen baina izan
fa و در به از که این را با است برای آن یک
fi ja on ei että se oli hän mutta myös kun ovat joka
fr de la le et les des en un du une est que
fy de en fan it yn is in dat op te foar mei
ga an agus na ar i le a go is sé do bhí
gd an agus na a air anns le do gu tha e nan
gl de que a e o en do da unha para os por
gu અને છે આ એક પણ માટે કે તે હતી હતો કરી સાથે
he של את על לא הוא עם זה כי או גם כל היה היא
hi के में है की और से का को पर हैं यह एक
hr i je u na se da za su od a s koji
ht nan ak pou yo ki la a te nou se pa li
hu a az és hogy nem is egy meg volt csak ez ki
hy և է որ են ու այն այս մեջ հետ մի չի իր
id yang dan di untuk dengan dari ini dalam pada tidak itu akan
is og að í á sem er til við ekki um en því
it di e che la il in un per non è del una
ja の は を に が と で た し て も
jv ing lan iki saka kanggo ora karo sing kang iku ana wong
ka და რომ არ ეს ის იყო არის ამ მისი რომელიც შემდეგ ერთი მან იგი მაგრამ თუ
kk және мен бұл да де үшін бір деп ол оның бар болып кейін туралы емес
km ជា នៅ នេះ ថា ពី ទៅ មា បា និ កា ដែ នឹ
kn ಎಂದು ಮತ್ತು ಈ ಆ ಒಂದು ಅವರು ಅವರ ತನ್ನ ಇದು ಅದು ನಂತರ ಆದರೆ ಸಹ ಮೇಲೆ ನಾನು
ko 이 그 수 것 고 등 더 한 있는 있다 것을 것으로 대한 위해 하지만 및
ku û ku di de li ji bi jî ev bo ye ew
ky жана бул менен бир үчүн деп да болгон ал эле бар ушул
la et in est ad non cum ut ab ex quod qui sed
lb de an déi vun den fir mat net ass ze op datt
lo ທີ່ ມີ ນີ້ ປັ ດ້ ຫ້ ບໍ່ ກັ ວ່ ຢູ່ ຄົ ນັ້
lt ir kad į yra tai su iš kaip bet jis nuo buvo
lv un ir ka par ar no kas bija arī kā uz pēc bet
mg ny sy ao izany fa dia ho amin tsy fahazoan ary izay
mk и на во се да од за со ќе не што ги
ml ഒരു ഈ ആ എന്ന എന്ന് അത് ഇത് അവർ നിന്ന് വളരെ തന്നെ ശേഷം എന്നാൽ ഞാൻ തന്റെ
mn нь ба гэж юм ч энэ бол байна байсан байгаа л болон нэг их дээр мөн
mr आणि आहे या व की हे ते तर एक आहेत होते नाही
ms yang dan untuk dengan di dalam ini pada tidak oleh dari kepada
mt li ta u tal il l ma biex fil għal kien minn huwa
my ကို များ သော ရှိ ခဲ့ မှ ည် ဖြ တွ နှ တို့ မှု
ne र यो पनि छ छन् गर्न भने लागि हो एक थियो गरेको
nl de van het een en in is dat op te voor met
nn og i det er på som ein av til ikkje for at
no og i det er på som en av til for at ikke
oc de la e lo que en los las del per un amb
or ଓ ଏହି ଏବଂ ପାଇଁ ଏକ ପରେ କରି ନାହିଁ ଯେ ସେ କିନ୍ତୁ ହୋଇ
pa ਦੇ ਵਿੱਚ ਦੀ ਹੈ ਨੂੰ ਅਤੇ ਦਾ ਤੋਂ ਨੇ ਇਸ ਵਿਚ ਕਿ
pl w i na z się do nie to jest że o a
ps د په او چې له ته سره دا یې کې دی هم
pt de a que o e do da em um para não com
ro de și în a la cu nu pe să din că un şi
ru и в не на что с по как это к из за
sd جي ۾ ۽ جو کي ته تي سان کان هو لاءِ نه
sh i je u na se da za su od a и је у на се да
si සහ හා ලෙස ඇති බව ඇත ද වන දී වේ සඳහා විසින් මෙම ඒ මේ හෝ
sk a sa na v je že to s z do aj o
sl in je v na se za da ki so z pa tudi
so oo iyo ka ku in ay waa uu la soo ee ah
sq të e në dhe për me një nga që së i është
sr и је у на да се за су од i je u na da se za su od
su jeung nu di ku pikeun ka teu ti dina eta ieu aya
sv och att i det som en på är av för den till
sw ya na wa kwa ni katika za la kuwa hiyo cha kama
ta ஒரு மற்றும் இந்த அந்த என்று என என்ற என்பது இது அது அவர் அல்லது உள்ள பல ஆனால்
te మరియు ఈ ఒక ఆ అని కూడా లో ఉన్న ఇది అది నుండి లేదా యొక్క ఉంది తన కానీ
tg ва дар ба аз ки ин бо барои аст як он ҳам
th ที่ มี นี้ ป็ ม่ ด้ ห้ ว่ กั ก็ ต่ จั
tk we bir bilen bu üçin hem ol öz da de bolsa onuň soň diýip ýa
tl ang ng sa na mga at ay si ni para hindi ito
tr ve bir bu için da de ile olarak daha çok ne gibi
tt һәм бу белән бер дә өчен да булган аның ул дип
ug ۋە بىر بۇ ئۇ بىلەن ئۈچۈن بولۇپ بولغان دەپ كېيىن ئۇنىڭ ياكى لېكىن
uk і в не на що з до та як у це за
ur کے میں کی ہے اور سے کا کو اس پر نے یہ
uz va bu bilan uchun bir ham deb edi juda boʻlgan bo‘lgan boʻlib uni lekin
vi và của là có không được một các cho trong người đã
yi און די פון אין צו איז דער אַז מיט דאָס
yo ní ni tí ti àti ati ó o náà sí si pé fún kan ń ṣe
yue 嘅 係 喺 咗 唔 佢 同 啲 嗰 冇 會 有
zh 的 是 不 了 在 有 和 人 这 這 为 為 也 他 中
"""
STOP_WORDS: Mapping[str, tuple[str, ...]] = {
    code: tuple(dict.fromkeys(words))
    for code, *words in (line.split() for line in _TABLE.strip().splitlines())
}
"""By the codes of lid.176, in the form that running text has them and tamis's words are.

So `l'homme` is one word in French; in Han, kana, Thai, Lao, Khmer and Burmese a word is a character
with its marks. Serbian is written in two scripts and has both.
"""


def table(words: Iterable[str], folded: bool = False) -> Hashes:
    """The hashes of words by open addressing: a power of two long, 0 where it is empty.

    folded: of their lower case in NFD. Empty for no words at all.
    """
    hashes = {_hash(word, folded) for word in words}
    size = 1 << (2 * len(hashes)).bit_length() if hashes else 0
    places = np.zeros(size, np.uint64)
    for key in sorted(hashes):
        place = key & (size - 1)
        while places[place]:
            place = (place + 1) & (size - 1)
        places[place] = key
    return places


def _hash(word: str, folded: bool) -> int:
    data = np.frombuffer((word + "\n").encode(), np.uint8)
    codes = np.empty(len(data), np.int32)
    props = np.empty(len(data), np.uint32)
    known = tables()
    count = decode(data, 0, len(data), known.flags, codes, props) - 1
    assert codes[count] == NEWLINE
    if not folded:
        return int(hash_of(codes, 0, count))
    form = np.empty(WIDEST * len(data), np.int32)
    return int(hash_of(form, 0, fold(codes, props, 0, count, known, form)))
