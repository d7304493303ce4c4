#!/usr/bin/env python3
"""Makes data/<Language>.txt from packages. Nobody has to run it: the files it makes are committed.

Two packages are collections of names: @faker-js/faker of npm and python3-fake-factory of Debian. Two more are for one
language each: Debian's dictionary mecab-ipadic has the Japanese names, and npm's pinyin-pro writes the Chinese names in
Latin letters. The folder of the npm packages is any folder outside the repository:

    npm install --prefix /tmp/names @faker-js/faker@10 pinyin-pro@3
    apt-get install python3-fake-factory mecab-ipadic
    /usr/bin/python3 data/collect.py /tmp/names

Every change to a name stands below with its reason. What remains unusual is an error and not a line in a file.
"""
import csv
import importlib
import json
import pathlib
import re
import subprocess
import sys
import unicodedata

# language: locales of @faker-js/faker, modules of faker.providers.person, fields of their Provider
BOTH = ("last_names", "last_names_male", "last_names_female")
SOURCES = {
    "Bulgarian": ([], ["bg_BG"], BOTH),
    "Chinese": (["zh_CN", "zh_TW"], ["zh_CN", "zh_TW"], ["last_names", "last_romanized_names"]),
    "Croatian": (["hr"], ["hr_HR"], BOTH),
    "Czech": (["cs_CZ"], ["cs_CZ"], BOTH),
    "Danish": (["da"], ["dk_DK"], BOTH),
    "Dutch": (["nl"], ["nl_NL"], BOTH),
    "English": ([], ["en_GB"], BOTH),
    "Estonian": ([], ["et_EE"], ["last_names_est"]),
    "Finnish": (["fi"], ["fi_FI"], BOTH),
    "French": (["fr"], ["fr_FR"], BOTH),
    "Georgian": (["ka_GE"], ["ka_GE"], BOTH),
    "German": (["de"], ["de_DE"], BOTH),
    "Greek": (["el"], ["el_GR"], BOTH),
    "Hungarian": (["hu"], ["hu_HU"], BOTH),
    "Indonesian": (["id_ID"], ["id_ID"], BOTH),
    "Italian": (["it"], ["it_IT"], BOTH),
    "Japanese": ([], [], []),  # from mecab-ipadic alone
    "Latvian": (["lv"], ["lv_LV"], BOTH),
    "Norwegian": (["nb_NO"], ["no_NO"], BOTH),
    "Polish": (["pl"], ["pl_PL"], ["male_last_names", "unisex_last_names"]),
    "Portuguese": (["pt_PT"], ["pt_PT", "pt_BR"], BOTH),
    "Romanian": (["ro"], ["ro_RO"], BOTH),
    "Russian": (["ru"], ["ru_RU"], BOTH),
    "Slovak": (["sk"], [], BOTH),
    "Slovenian": (["sl_SI"], ["sl_SI"], BOTH),
    "Spanish": (["es"], ["es_ES"], BOTH),
    "Swedish": (["sv"], ["sv_SE"], BOTH),
    "Turkish": (["tr"], ["tr_TR"], BOTH),
    "Twi": ([], ["tw_GH"], BOTH),
    "Ukrainian": (["uk"], ["uk_UA"], BOTH),
    "Yoruba": (["yo_NG"], [], BOTH),
    "Zulu": (["zu_ZA"], [], BOTH),
}

# What is not a family name: an ordinal, an abbreviation, a placeholder, a middle name declined, a historical person's
# whole name; in Chinese, one half of a name of two characters that stands in a list by itself (Rang of Rangsi, 壤驷).
DROP = {
    "Chinese": ["Chun", "Rang", "Tuo", "Zai", "Zhuan"],
    "Czech": ["Nguyen van", "Nguyen vanová"],
    "Dutch": ["VI", "Jasperdr.", "The Elder", "Klomp Jan", "Aelftrud van Wessex", "Gepa van Bourgondië",
              "Godfrey van Alemannië", "Goyaerts van Waderle", "Hemma van Allemanië", "Henric van den Nuwenhuse",
              "Heribert van Laon", "Luitgardis van Neustrië", "Unruoch Hunerik", "Waltrade Walderade",
              "de Jode Vastraedsd", "Coreth von und zu Coredo und Starkenberg"],
    "German": ["auch Schlauchin", "Dussen van", "Koch II", "Lg"],
}

# Entries of mecab-ipadic (a name and its reading) that the dictionary calls family names, but that are none.
NOT_JAPANESE = set((
    # Chinese and Korean names, and the name that a baseball player from Taiwan took
    "李リ 張チョウ 丁チョウ 郭カク 郭李カクリ 翁オウ 呉ゴ 江コウ 朱シュ 朴ボク 金キム 厳イム 崔チェ 大豊タイホウ "
    # given names, and two of monks
    "伸二シンジ 堅二ケンジ 勇イサム 春雄ハルオ 遥ハルカ 深雪ミユキ 美雪ミユキ 佐恵子サエコ 早紀サキ 茉理マリ "
    "多鶴タヅ 久美クミ 麻美アサミ 麻実アサミ 美穂ミホ 美保ミホ 沙羅サラ 安奈アンナ 岸子キシコ 愛禾アイカ "
    "憂花ユウガ 簑助ミノスケ 清巌セイガン 大覚ダイカク "
    # emperors, an empress, a prince, and ranks of families at court
    "仲恭チュウキョウ 弘文コウブン 応神オウシン 天智テンジ 清和セイワ 後鳥羽ゴトバ 昭憲ショウケン "
    "秋篠宮アキシノノミヤ 五摂ゴショウ 清華セイカ "
    # towns, parts of towns, and a city in China
    "谷保ヤホ 湖陵コリョウ 兎内トナイ 棚倉タナグラ 榛東シントウ 東員トウイン 海士アマ 上道ジョウトウ 成都セイト "
    "常徳ジョウトク 田野浦タノウラ 牟岐ムギ 開成カイセイ 松任マットウ 甲西コウサイ 都万ツマ 勢和セイワ "
    "吉新ヨシシン 七ヶ宿シチガシュク 三光サンコウ 中茶屋ナカノチャヤ 庄和ショウワ 神泉シンセン 珠洲スズ "
    "音戸オンド 成城セイジョウ 羽合ハワイ 切欠キッカケ 手稲テイネ 町陽チョウヨウ 周智シュウチ 梅丘ウメガオカ "
    "用賀ヨウガ 士別シベツ 西淡セイダン "
    # two firms, and the word for "often"
    "日揮ニッキ 勧角カンカク 度々タビタビ").split())

# Bulgarian: Transliteration Act of 2009, which BGN/PCGN adopted in 2013.
BULGARIAN = dict(zip("абвгдезийклмнопрстуфхъь", "abvgdeziyklmnoprstufhay")) | {
    "ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sht", "ю": "yu", "я": "ya"}
# Russian: BGN/PCGN 1947. Its sign for ь, an apostrophe, is written as in the other files.
RUSSIAN = dict(zip("абвгдезийклмнопрстуфыьэ", "abvgdeziyklmnoprstufy'e")) | {
    "ё": "ë", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": '"', "ю": "yu", "я": "ya"}
# Ukrainian: resolution 55 of 2010, which BGN/PCGN adopted in 2019; ь and the apostrophe are left out.
UKRAINIAN = dict(zip("абвгґдезиійклмнопрстуф", "abvhgdezyiiklmnoprstuf")) | {
    "є": "ie", "ж": "zh", "ї": "i", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "iu", "я": "ia",
    "ь": "", "'": ""}
# Georgian: the national system of 2002, apostrophes marking the ejectives.
GEORGIAN = dict(zip("აბგდევზთილმნორსუფქჯჰ", "abgdevztilmnorsupkjh")) | {
    "კ": "k'", "პ": "p'", "ჟ": "zh", "ტ": "t'", "ღ": "gh", "ყ": "q'", "შ": "sh", "ჩ": "ch", "ც": "ts", "ძ": "dz",
    "წ": "ts'", "ჭ": "ch'", "ხ": "kh"}
# Greek: ELOT 743, transcription, without the accents, as on passports.
GREEK = dict(zip("αβγδεζηικλμνξοπρσςτυφω", "avgdeziiklmnxoprsstyfo")) | {
    "θ": "th", "χ": "ch", "ψ": "ps", "ου": "ou", "γγ": "ng", "γξ": "nx", "γχ": "nch"}
# Japanese: Hepburn's letters, as on passports.
HEPBURN = dict(zip("アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモ",
                   "a i u e o ka ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no "
                   "ha hi fu he ho ma mi mu me mo".split()))
HEPBURN |= zip("ヤユヨラリルレロワヲンガギグゲゴザジズゼゾダヂヅデドバビブベボパピプペポ",
               "ya yu yo ra ri ru re ro wa o n ga gi gu ge go za ji zu ze zo da ji zu de do "
               "ba bi bu be bo pa pi pu pe po".split())
HEPBURN |= {i + small: HEPBURN[i][:-1] + ("" if i in "シチジ" else "y") + vowel  # キャ is kya, シャ is sha
            for i in "キシチニヒミリギジビピ" for small, vowel in zip("ャュョ", "auo")}


def letters(table, text):
    """Each letter (or pair, where the table has it) by the table; a character that it lacks stays as it is."""
    return re.sub("|".join(sorted(map(re.escape, table), key=len, reverse=True)), lambda m: table[m[0]], text)


def bulgarian(text):
    return letters(BULGARIAN, re.sub(r"ия\b", "ia", text))


def russian(text):
    """е is ye, and ё yë, at the start and after a vowel, й, ъ or ь."""
    return letters(RUSSIAN, re.sub(r"(^|(?<=[\W_аеёиоуыэюяйъь]))([её])", r"y\2", text))


def ukrainian(text):
    """зг is zgh; є, ї, й, ю, я are written with y at the start of a word only."""
    start = {"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"}
    return letters(UKRAINIAN, re.sub(r"\b[єїйюя]", lambda m: start[m[0]], text.replace("зг", "zgh")))


def greek(text):
    """μπ is b at either end of a word; αυ, ευ, ηυ end in v or, before a voiceless consonant or the end, in f. An
    accent on the first vowel or a diaeresis on the second shows that two vowels are no pair, so pairs are read before
    accents go."""
    text = re.sub(r"\bμπ|μπ\b", "b", text)
    pair = {"α": "a", "ε": "e", "η": "i"}
    text = re.sub(r"([αεη])[υύ](?=[θκξπσςτφχψ]|\b)", lambda m: pair[m[1]] + "f", text)
    text = re.sub(r"([αεη])[υύ]", lambda m: pair[m[1]] + "v", text)
    text = text.replace("ού", "ου")
    plain = unicodedata.normalize("NFD", re.sub(r"([όο])ϋ|ό(υ)", r"oy", text))
    return letters(GREEK, "".join(c for c in plain if not unicodedata.combining(c)))


def node(folder, program, names=()):
    """What a JavaScript program makes of the names. It finds its packages in the folder."""
    run = subprocess.run(["node", "--input-type=module", "--eval", program], cwd=folder, input=json.dumps(names),
                         stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return json.loads(run.stdout)


def faker_js(folder):
    """The family names of all locales of @faker-js/faker."""
    return node(folder, """
        import {allFakers} from "@faker-js/faker";
        console.log(JSON.stringify(Object.fromEntries(
            Object.entries(allFakers).map(([locale, f]) => [locale, f.rawDefinitions.person?.last_name ?? {}]))));""")


def chinese(folder, names):
    """Characters become pinyin without tones, each by its reading as a family name (曾 is Zeng, in other words ceng). A
    name of two characters is one word, and ü is yu, both as on passports. Names in Latin letters stay as they are."""
    characters = [name for name in names if not name.isascii()]
    pinyin = node(folder, """
        import {readFileSync} from "fs";
        import {pinyin} from "pinyin-pro";
        const names = JSON.parse(readFileSync(0, "utf-8"));
        const style = {mode: "surname", toneType: "none"};
        console.log(JSON.stringify(names.map(name => pinyin(name, style))));""", characters)
    return [name for name in names if name.isascii()] + [
        name.replace(" ", "").replace("ü", "yu").capitalize() for name in pinyin]


def hepburn(reading, sound):
    """A name in Latin letters. Passports do not mark a long o or u. Where a vowel is long, the dictionary has オ or ウ
    in its reading and ー in its sound: オオノ, オーノ is Ono. In イノウエ, イノウエ (Inoue) o and u are two vowels. ン
    is m before b, m and p; ッ doubles the consonant that follows, and is t before ch."""
    text = "".join(kana for kana, heard in zip(reading, sound) if not (kana in "オウ" and heard == "ー"))
    text = re.sub("ッ(?=ch)", "t", letters(HEPBURN, text))
    return re.sub("n(?=[bmp])", "m", re.sub("ッ(.)", r"\1\1", text)).capitalize()


def japanese():
    """The family names of mecab-ipadic whose cost is below 7,620. The dictionary was trained on texts, and as a rule
    the cost of a name is the lower, the more often the texts have it (not that of Yamamoto: 8,412). Half of the entries
    cost exactly 7,620, since the texts say nothing about them. An entry in katakana is foreign (ゴードン, Gordon)."""
    with open("/usr/share/mecab/dic/ipadic/Noun.name.csv", encoding="euc-jp", newline="") as file:
        for name, _, _, cost, _, _, _, kind, _, _, _, reading, sound in csv.reader(file):
            if (kind == "姓" and int(cost) < 7620 and not re.fullmatch("[ァ-ヶ・ー]+", name)
                    and name + reading not in NOT_JAPANESE):
                yield hepburn(reading, sound)


ROMANISE = {"Bulgarian": bulgarian, "Georgian": lambda text: letters(GEORGIAN, text), "Greek": greek,
            "Russian": russian, "Ukrainian": ukrainian}


def mend(language, name):
    """One name in the style of all files, or None for what is no family name."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if name in DROP.get(language, []):
        return None
    name = re.sub("[\u2019\u02bc]", "'", name)  # a typographic apostrophe, and the letter used for one
    name = name.replace("\u03b5", "\u025b") if language == "Twi" else name  # a Greek epsilon typed for open e
    name = re.sub(r"^(.*), (van)$", r"\2 \1", name)  # inverted for an index
    name = re.sub(r"(?<=\w)(?<!\bMc)(?=[A-ZČĆĐŠŽА-Я])", " ", name)  # two surnames with their space lost
    name = re.sub(r"^d' ", "d'", name)
    if language == "Dutch":
        name = re.sub(r"^Van ", "van ", name)  # particles small, as in the rest of the list
    if language in ("French", "Italian"):  # particles and what follows them capital, likewise
        name = re.sub(r"(?<=[ '])[a-z]", lambda m: m[0].upper(), name)
    if language in ROMANISE:
        name = re.sub(r"(^|(?<=[ -]))(\W*)(\w)", lambda m: m[2] + m[3].upper(), ROMANISE[language](name.lower()))
    if language == "Slovenian":
        name = name[0].upper() + name[1:]  # six of them are typed small
    latin = all(unicodedata.name(c).startswith("LATIN ") or c in " '-" for c in name)
    if not latin or not (1 < len(name) < 40 or name == "E"):  # 鄂 is E
        raise SystemExit(f"collect.py: {language}: {name!r} is unusual: say here what becomes of it")
    return unicodedata.normalize("NFC", name)


def main(folder):
    javascript = faker_js(folder)
    total = 0
    for language, (locales, modules, fields) in SOURCES.items():
        found = [name for locale in locales for names in javascript[locale].values() for name in names]
        for module in modules:
            provider = importlib.import_module(f"faker.providers.person.{module}").Provider
            found += [name for field in fields for name in getattr(provider, field, ())]
        if language == "Chinese":
            found = chinese(folder, found)
        if language == "Japanese":
            found = japanese()
        names = sorted({mend(language, name) for name in found} - {None})
        path = pathlib.Path(__file__).parent / f"{language}.txt"
        path.write_text("".join(name + "\n" for name in names), encoding="utf-8", newline="\n")
        total += len(names)
        print(f"{language:12} {len(names):5}")
    print(f"{'all':12} {total:5}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
