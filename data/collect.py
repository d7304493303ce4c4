#!/usr/bin/env python3
"""Makes data/<Language>.txt from two packages of name lists. Nobody has to run it: the files it makes are committed.

The packages are @faker-js/faker of npm and python3-fake-factory of Debian. The folder of the npm package is any folder
outside the repository:

    npm install --prefix /tmp/names @faker-js/faker@10
    apt-get install python3-fake-factory
    /usr/bin/python3 data/collect.py /tmp/names

Every change to a name stands below with its reason. What remains unusual is an error and not a line in a file.
"""
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
    "Chinese": ([], ["zh_CN"], ["last_romanized_names"]),
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
# whole name.
DROP = {
    "Czech": ["Nguyen van", "Nguyen vanová"],
    "Dutch": ["VI", "Jasperdr.", "The Elder", "Klomp Jan", "Aelftrud van Wessex", "Gepa van Bourgondië",
              "Godfrey van Alemannië", "Goyaerts van Waderle", "Hemma van Allemanië", "Henric van den Nuwenhuse",
              "Heribert van Laon", "Luitgardis van Neustrië", "Unruoch Hunerik", "Waltrade Walderade",
              "de Jode Vastraedsd", "Coreth von und zu Coredo und Starkenberg"],
    "German": ["auch Schlauchin", "Dussen van", "Koch II", "Lg"],
}

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


def node(folder, program):
    """What a JavaScript program prints. It finds its packages in the folder."""
    run = subprocess.run(["node", "--input-type=module", "--eval", program], cwd=folder,
                         stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return json.loads(run.stdout)


def faker_js(folder):
    """The family names of all locales of @faker-js/faker."""
    return node(folder, """
        import {allFakers} from "@faker-js/faker";
        console.log(JSON.stringify(Object.fromEntries(
            Object.entries(allFakers).map(([locale, f]) => [locale, f.rawDefinitions.person?.last_name ?? {}]))));""")


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
    if not latin or not 1 < len(name) < 40:
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
