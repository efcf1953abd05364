"""Translation: how locales write dates and names, transliteration, numbers in words."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Any, Final

from ..cldr import identifiers
from ..cldr import locale as cldr_locale
from ..entities import entities
from ..registry import HubError, Tool, found, gives, maybe, takes
from ..types import sem
from .events import MONTHS, WEEKDAYS, day
from .location import Response
from .translation import LANGUAGES, official_languages_of

FOREIGN_TEXTS: Final = (
    "Αθήνα", "Θεσσαλονίκη", "Ηράκλειο", "Κέρκυρα", "Ελλάδα", "Москва", "Новосибирск",
    "Владивосток", "Екатеринбург", "Київ", "Одеса", "София", "Пловдив", "Београд", "Скопје",
    "Мінск", "Астана", "Бишкек", "Улаанбаатар", "თბილისი", "ბათუმი", "Երևան", "Գյումրի", "서울",
    "부산", "대한민국", "北京", "上海", "广州", "台北", "中国", "Łódź", "Kraków", "Reykjavík",
    "Tórshavn", "Malmö", "Århus", "Ålesund", "Zürich", "Besançon", "Alençon", "Coruña", "Brașov",
    "Iași", "Plzeň", "České Budějovice", "Győr", "Šiauliai", "Đà Nẵng", "Huế", "İzmir", "Şanlıurfa",
    "São Tomé", "Asunción", "Bogotá", "Curaçao", "Türkiye", "Việt Nam",
)  # fmt: skip
HANZI: Final = (
    "北京", "上海", "广州", "深圳", "成都", "武汉", "西安", "南京", "天津", "杭州",
    "苏州", "哈尔滨", "大连", "青岛", "昆明", "拉萨", "香港", "澳门", "台北", "高雄",
    "长城", "长江", "黄河", "故宫", "中国", "日本", "韩国", "美国", "法国", "德国",
    "英国", "北京大学", "清华大学", "图书馆", "火车站", "飞机场", "老师", "学生",
    "朋友", "谢谢", "你好", "中文", "春节", "月亮", "太阳",
)  # fmt: skip
# The first word of a character's Unicode name: its script, and the code of the script.
NAMED_SCRIPTS: Final = {
    "ARABIC": ("Arabic", "Arab"), "ARMENIAN": ("Armenian", "Armn"), "BENGALI": ("Bengali", "Beng"),
    "CJK": ("Han", "Hani"), "CYRILLIC": ("Cyrillic", "Cyrl"), "DEVANAGARI": ("Devanagari", "Deva"),
    "ETHIOPIC": ("Ethiopic", "Ethi"), "GEORGIAN": ("Georgian", "Geor"), "GREEK": ("Greek", "Grek"),
    "GUJARATI": ("Gujarati", "Gujr"), "GURMUKHI": ("Gurmukhi", "Guru"),
    "HANGUL": ("Hangul", "Hang"), "HEBREW": ("Hebrew", "Hebr"), "HIRAGANA": ("Hiragana", "Hira"),
    "KANNADA": ("Kannada", "Knda"),
    "KATAKANA": ("Katakana", "Kana"), "KHMER": ("Khmer", "Khmr"), "LAO": ("Lao", "Laoo"),
    "LATIN": ("Latin", "Latn"), "MALAYALAM": ("Malayalam", "Mlym"), "MYANMAR": ("Myanmar", "Mymr"),
    "ORIYA": ("Odia", "Orya"), "SINHALA": ("Sinhala", "Sinh"), "TAMIL": ("Tamil", "Taml"),
    "TELUGU": ("Telugu", "Telu"), "THAI": ("Thai", "Thai"), "TIBETAN": ("Tibetan", "Tibt"),
}  # fmt: skip
# Languages that numbers, and ordinal numbers, are spelled in.
SPELLED: Final = (
    "ar", "az", "be", "bn", "ca", "cs", "cy", "da", "de", "en", "es", "fa", "fi", "fr", "he", "hu",
    "id", "is", "it", "ja", "kk", "kn", "ko", "lt", "lv", "nl", "no", "pl", "pt", "ro", "ru", "sk",
    "sl", "sr", "sv", "te", "tg", "th", "tr", "uk", "vi",
)  # fmt: skip
ORDINALS: Final = (
    "az", "be", "ca", "da", "de", "en", "es", "fi", "fr", "hu", "id", "it", "nl", "no", "pl", "pt",
    "ro", "ru", "sl", "sv", "tr", "uk",
)  # fmt: skip
ROMAN: Final = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
    (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
NUMBERS: Final = (
    7, 11, 12, 13, 14, 16, 17, 18, 19, 21, 24, 29, 31, 36, 42, 47, 53, 58, 64, 67, 71, 75, 78, 81,
    84, 91, 96, 99, 101, 115, 144, 187, 200, 235, 301, 365, 404, 480, 512, 599, 666, 720, 876, 999,
    1001, 1234, 1492, 1789, 1999, 2500, 4096, 7300, 9876, 10_000, 12_500, 38_400, 65_536, 81_000,
    99_999, 123_456, 250_000, 777_777, 1_000_000, 2_345_678, 15_000_000,
)  # fmt: skip

sem(
    "date_style", about="how much of a date is written", choices=("full", "long", "medium", "short")
)
sem("hanzi", about="text in Chinese characters, as 北京大学", high=100, wider="foreign_text",
    compare="name")  # fmt: skip
sem("plain_number", kind="integer", about="whole number from 0 to 999,999,999", low=0,
    high=999_999_999, wider="integer", compare="number", tolerance=0)  # fmt: skip
sem("large_number", kind="integer", about="whole number from 0 to 999,999,999", low=0,
    high=999_999_999, wider="plain_number", compare="number", tolerance=0)  # fmt: skip
sem("ordinal_number", kind="integer", about="whole number from 1 to 999", low=1, high=999,
    wider="integer", compare="number", tolerance=0)  # fmt: skip
sem("roman", about="Roman numeral from I to MMMCMXCIX, as MCMXLV", high=20)

# ---------------------------------------------------------------- LocaleFormats
locales = Tool(
    "LocaleFormats",
    "Translation",
    "How the world's languages and countries write dates, numbers and names (CLDR).",
    ("babel",),
)


def _locale(text: str) -> Any:
    """The locale, of a language that the hub knows."""
    known = cldr_locale(text)
    if known.language not in {*LANGUAGES, "nb", "nn"}:
        raise HubError(f"locale {text} not found")
    return known


def _readable(text: str) -> str:
    """Plain spaces, and no marks of direction."""
    spaced = text.replace("\u202f", " ").replace("\u00a0", " ")
    return spaced.replace("\u200f", "").replace("\u200e", "")


@locales.api(
    "A date as it is written in a locale, in full (with the weekday), long, medium or short.",
    {
        "date": takes("date", "2025-03-01"),
        "locale": takes("locale", "fr_FR"),
        "style": maybe("date_style", "long", "full"),
    },
    {
        "formatted": gives(
            "text",
            "the full notation, with the weekday, of {date} in {locale}",
            ask="How is {date} written in full, with the weekday, in {locale}?",
        )
    },
)
def format_date(date: str, locale: str, style: str = "full") -> Response:
    from babel.dates import format_date as written

    return {"formatted": _readable(written(day(date), style, locale=_locale(locale)))}


@locales.api(
    "The names that a locale has for the weekday and the month of a date.",
    {"date": takes("date", "2025-03-01"), "locale": takes("locale", "fr_FR")},
    {
        "weekday": gives(
            "foreign_text",
            "the word in {locale} for the day of the week that {date} falls on",
            ask="What is the day of the week of {date} called in {locale}?",
        ),
        "month": gives(
            "foreign_text",
            "the word in {locale} for the month that {date} falls in",
            ask="What is the month of {date} called in {locale}?",
        ),
    },
)
def date_names(date: str, locale: str) -> Response:
    when, names = day(date), _locale(locale)
    return {
        "weekday": names.days["stand-alone"]["wide"][when.weekday()],
        "month": names.months["stand-alone"]["wide"][when.month],
        "english": f"{WEEKDAYS[when.weekday()]} in {MONTHS[when.month - 1]}",
    }


@locales.api(
    "The name of a country in a locale.",
    {"country_code": takes("country_code", "JP"), "locale": takes("locale", "sw_KE")},
    {
        "name": gives(
            "foreign_text",
            "the name of {country_code} in {locale}",
            "the word or words for {country_code} in {locale}",
            ask="What is {country_code} called in {locale}?",
        )
    },
)
def country_name_in(country_code: str, locale: str) -> Response:
    name = _locale(locale).territories.get(country_code.upper())
    return {"name": found(name, f"name of {country_code} in {locale}")}


@locales.api(
    "Day on which a week starts, and first day of the weekend, by the calendars of a locale.",
    {"locale": takes("locale", "ar_EG")},
    {
        "first_weekday": gives(
            "weekday",
            "the first day of the week by the conventions of {locale}",
            ask="On which day does a week start by the conventions of {locale}?",
        ),
    },
)
def first_weekday(locale: str) -> Response:
    known = _locale(locale)
    return {
        "first_weekday": WEEKDAYS[known.first_week_day],
        "weekend_start": WEEKDAYS[known.weekend_start],
    }


@locales.api(
    "A whole number as a locale writes it, with its signs between groups of digits.",
    {"number": takes("large_number", 1234567), "locale": takes("locale", "de_CH")},
    {
        "formatted": gives(
            "text",
            "the number {number} with the digit grouping of {locale}",
            ask="How is the number {number} written, with its digit grouping, in {locale}?",
        )
    },
)
def format_number(number: int, locale: str) -> Response:
    from babel.numbers import format_decimal

    return {"formatted": _readable(format_decimal(number, locale=_locale(locale)))}


@locales.api(
    "Facts of a locale: its country, direction of writing, decimal sign.",
    {"locale": takes("locale", "pt_BR")},
    {
        "decimal_sign": gives(
            "text",
            "the decimal sign that goes with Western digits in {locale}",
        ),
    },
)
def locale_facts(locale: str) -> Response:
    from babel.numbers import get_decimal_symbol, get_group_symbol

    known = _locale(locale)
    return {
        "name": known.english_name,
        "own_name": known.display_name,
        "language_code": {"nb": "no", "nn": "no"}.get(known.language, known.language),
        "country_code": known.territory,
        "direction": {"ltr": "left to right", "rtl": "right to left"}[known.text_direction],
        "decimal_sign": get_decimal_symbol(known),
        "group_sign": _readable(get_group_symbol(known)),
    }


@locales.api(
    "The locale of a country: its most used official language, as it is used there.",
    {"country_code": takes("country_code", "BR")},
    {
        "locale": gives(
            "locale",
            "the code of the locale for the most used official language of {country_code}",
            entity="the local form of the most used official language of {country_code}",
        )
    },
)
def locale_of_country(country_code: str) -> Response:
    country = country_code.upper()
    codes = found(official_languages_of().get(country), f"official language of {country_code}")
    language = {"no": "nb"}.get(codes[0], codes[0])
    known = sorted(each for each in identifiers() if each.split("_")[0::2] == [language, country])
    for name in (f"{language}_{country}", *known):
        if name in identifiers():
            return {"locale": name, "name": _locale(name).english_name}
    raise HubError(f"locale of {country_code} not found")


# ---------------------------------------------------------------- Transliterate
transliterate = Tool(
    "Transliterate", "Translation", "Text in other scripts: which it is, and in plain letters."
)


@transliterate.api(
    "A text in plain ASCII letters: transliterated from its script and without accents.",
    {"text": takes("foreign_text", "Αθήνα")},
    {
        "ascii": gives(
            "text",
            "the transliteration of {text} to plain ASCII letters",
            ask="How is {text} written in plain ASCII letters?",
        )
    },
    libs=("anyascii",),
)
def to_ascii(text: str) -> Response:
    from anyascii import anyascii

    return {"ascii": found(anyascii(text).strip(), "transliteration")}


@transliterate.api(
    "Chinese characters in pinyin, with and without tone marks.",
    {"text": takes("hanzi", "北京大学")},
    {
        "pinyin": gives(
            "text",
            "the Hanyu Pinyin of {text}, with spaces between the syllables and without tones",
        ),
        "with_tones": gives(
            "text",
            "the Hanyu Pinyin of {text}, with tone marks and with spaces between the syllables",
        ),
    },
    libs=("pypinyin",),
)
def to_pinyin(text: str) -> Response:
    from pypinyin import Style, lazy_pinyin

    return {
        "pinyin": " ".join(lazy_pinyin(text)),
        "with_tones": " ".join(lazy_pinyin(text, style=Style.TONE)),
    }


@transliterate.api(
    "The script that most letters of a text belong to.",
    {"text": takes("foreign_text", "Москва")},
    {
        "script": gives(
            "script_name",
            "the script of the letters of {text}",
            ask="In which script is {text} written?",
        ),
        "script_code": gives(
            "script_code",
            "the ISO 15924 code of the script in which {text} is written",
            entity="the script in which {text} is written",
        ),
    },
)
def script_of(text: str) -> Response:
    count = Counter(unicodedata.name(c, "").partition(" ")[0] for c in text if c.isalpha())
    known = {name: n for name, n in count.items() if name in NAMED_SCRIPTS}
    first = max(found(known, "letter of a known script"), key=lambda name: (known[name], name))
    script, code = NAMED_SCRIPTS[first]
    return {"script": script, "script_code": code, "scripts": len(known)}


# ---------------------------------------------------------------- NumberWords
words = Tool("NumberWords", "Translation", "Numbers in words of many languages, and in Roman.")


def _spelled(number: int, language: str, kind: str) -> str:
    from num2words import num2words

    code = language.lower()
    if code not in (SPELLED if kind == "cardinal" else ORDINALS):
        name = LANGUAGES.get(code, language)
        raise HubError(f"{kind} numbers in {name} are not supported")
    return str(num2words(number, lang={"kk": "kz"}.get(code, code), to=kind)).strip()


@words.api(
    "A whole number in the words of a language.",
    {"number": takes("plain_number", 1234), "language_code": takes("language_code", "fr")},
    {
        "words": gives(
            "foreign_text",
            "the number {number} in words in {language_code}",
            "the words for the number {number} in {language_code}",
            ask="How is the number {number} written in words in {language_code}?",
        )
    },
    libs=("num2words",),
)
def spell(number: int, language_code: str) -> Response:
    return {"words": _spelled(number, language_code, "cardinal")}


@words.api(
    "The ordinal number (first, second ..) in the words of a language.",
    {"number": takes("ordinal_number", 21), "language_code": takes("language_code", "es")},
    {
        "words": gives(
            "foreign_text",
            "the ordinal number for {number} in words in {language_code}",
            ask="What is the ordinal number for {number} in {language_code}, in words?",
        )
    },
    libs=("num2words",),
)
def spell_ordinal(number: int, language_code: str) -> Response:
    return {"words": _spelled(number, language_code, "ordinal")}


@words.api(
    "A year as it is read in English.",
    {"year": takes("year", 1984)},
    {
        "words": gives(
            "text",
            "the year {year} in English words, as it is read",
            ask="How is the year {year} read in English, in words?",
        )
    },
    libs=("num2words",),
)
def read_year(year: int) -> Response:
    from num2words import num2words

    return {"words": str(num2words(year, lang="en", to="year"))}


@words.api(
    "A year in Roman numerals.",
    {"year": takes("year", 1945)},
    {
        "roman": gives(
            "roman",
            "the year {year} in Roman numerals",
            ask="How is the year {year} written in Roman numerals?",
        )
    },
)
def year_in_roman(year: int) -> Response:
    return {"roman": _roman(year)}


def _roman(number: int) -> str:
    out = ""
    for value, letters in ROMAN:
        times, number = divmod(number, value)
        out += letters * times
    return out


@words.api(
    "The number that a Roman numeral stands for.",
    {"roman": takes("roman", "MCMXLV")},
    {
        "number": gives(
            "integer",
            "the number that the Roman numeral {roman} stands for",
            ask="Which number does the Roman numeral {roman} stand for?",
        )
    },
)
def from_roman(roman: str) -> Response:
    values = {letters: value for value, letters in ROMAN}
    if not set(roman.upper()) <= set(values):
        raise HubError(f"{roman} is not a Roman numeral", 400)
    digits = [values[letter] for letter in roman.upper()]
    pairs = zip(digits, [*digits[1:], 0], strict=True)
    number = sum(-value if value < after else value for value, after in pairs)
    if not 0 < number < 4000 or _roman(number) != roman.upper():
        raise HubError(f"{roman} is not a Roman numeral in the standard form", 400)
    return {"number": number}


# ---------------------------------------------------------------- entities
entities("date_style", lambda: ("full", "long", "medium", "short"))
entities("foreign_text", lambda: FOREIGN_TEXTS, says=lambda v: (f'"{v}"',))
entities("hanzi", lambda: HANZI, says=lambda v: (f'"{v}"',))
entities("plain_number", lambda: NUMBERS, says=lambda v: (f"{v:,}" if v >= 10_000 else str(v),))
entities("large_number", lambda: [84_007 + i * 1_379_513 for i in range(60)])
entities("ordinal_number", lambda: [n for n in NUMBERS if n <= 200])
entities("roman", lambda: [_roman(n) for n in (*range(19, 200, 7), *range(444, 2100, 23))])
