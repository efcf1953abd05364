"""Translation: languages and their codes, names, scripts and speakers; see also locales."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from ..cldr import locale as cldr_locale
from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, sem
from .location import Response, fold

# Names as the CLDR has them.
LANGUAGES: Final = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "as": "Assamese", "az": "Azerbaijani",
    "be": "Belarusian", "bg": "Bulgarian", "bn": "Bangla", "bo": "Tibetan", "bs": "Bosnian",
    "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German",
    "dz": "Dzongkha", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian",
    "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fil": "Filipino", "fo": "Faroese",
    "fr": "French", "ga": "Irish", "gd": "Scottish Gaelic", "gl": "Galician", "gu": "Gujarati",
    "ha": "Hausa", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "ht": "Haitian Creole",
    "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "ig": "Igbo", "is": "Icelandic",
    "it": "Italian", "ja": "Japanese", "jv": "Javanese", "ka": "Georgian", "kk": "Kazakh",
    "kl": "Kalaallisut", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "ku": "Kurdish",
    "ky": "Kyrgyz", "lb": "Luxembourgish", "ln": "Lingala", "lo": "Lao", "lt": "Lithuanian",
    "lv": "Latvian", "mg": "Malagasy", "mi": "Māori", "mk": "Macedonian", "ml": "Malayalam",
    "mn": "Mongolian", "mr": "Marathi", "ms": "Malay", "mt": "Maltese", "my": "Burmese",
    "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "ny": "Nyanja", "or": "Odia",
    "pa": "Punjabi", "pl": "Polish", "ps": "Pashto", "pt": "Portuguese", "qu": "Quechua",
    "rm": "Romansh", "ro": "Romanian", "ru": "Russian", "rw": "Kinyarwanda", "sd": "Sindhi",
    "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "sn": "Shona",
    "so": "Somali", "sq": "Albanian", "sr": "Serbian", "st": "Southern Sotho",
    "su": "Sundanese", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu",
    "tg": "Tajik", "th": "Thai", "ti": "Tigrinya", "tk": "Turkmen", "tn": "Tswana",
    "to": "Tongan", "tr": "Turkish", "tt": "Tatar", "ug": "Uyghur", "uk": "Ukrainian",
    "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese", "wo": "Wolof", "xh": "Xhosa",
    "yo": "Yoruba", "zh": "Chinese", "zu": "Zulu",
}  # fmt: skip
OTHER_NAMES: Final = {
    "az": ("Azeri",),
    "bn": ("Bengali",),
    "fa": ("Farsi",),
    "fil": ("Tagalog", "Pilipino"),
    "ga": ("Irish Gaelic",),
    "gd": ("Gaelic",),
    "kl": ("Greenlandic",),
    "km": ("Cambodian",),
    "ky": ("Kirghiz",),
    "my": ("Myanmar",),
    "ny": ("Chichewa", "Chewa"),
    "or": ("Oriya",),
    "pa": ("Panjabi",),
    "ps": ("Pushto",),
    "si": ("Sinhalese",),
    "st": ("Sesotho",),
    "tn": ("Setswana",),
    "ug": ("Uighur",),
    "zh": ("Mandarin Chinese", "Mandarin"),
}
# Without a name in the CLDR.
VARIETIES: Final = {"apc": "Levantine Arabic", "apd": "Sudanese Arabic"}
SCRIPTS: Final = {
    "Arab": "Arabic", "Armn": "Armenian", "Beng": "Bengali", "Cyrl": "Cyrillic",
    "Deva": "Devanagari", "Ethi": "Ethiopic", "Geor": "Georgian", "Grek": "Greek",
    "Gujr": "Gujarati", "Guru": "Gurmukhi", "Hans": "Simplified Han", "Hebr": "Hebrew",
    "Jpan": "Japanese", "Khmr": "Khmer", "Knda": "Kannada", "Kore": "Korean", "Laoo": "Lao",
    "Latn": "Latin", "Mlym": "Malayalam", "Mymr": "Myanmar", "Orya": "Odia", "Sinh": "Sinhala",
    "Taml": "Tamil", "Telu": "Telugu", "Thai": "Thai", "Tibt": "Tibetan",
}  # fmt: skip

sem("language_code3", about="ISO 639-3 language code, as swa", high=3, entity=True)
sem("script_code", about="ISO 15924 code of a script, as Cyrl", high=4, entity=True)
sem("script_name", about="English name of a script, as Cyrillic", high=40, compare="name")
sem("foreign_text", about="name or short text in any script, as Αθήνα", high=200, compare="name")
lists("language_code")

# ---------------------------------------------------------------- Languages
languages = Tool(
    "Languages",
    "Translation",
    "Names, scripts and countries of the world's languages, after the Unicode CLDR.",
    ("babel",),
)


@lru_cache(maxsize=1)
def _english() -> dict[str, str]:
    """English names by language code."""
    return {code: name for code, name in cldr_locale("en").languages.items() if "_" not in code}


@lru_cache(maxsize=1)
def _code_of_name() -> dict[str, str]:
    named = {fold(name): code for code, name in sorted(_english().items(), reverse=True)}
    known = {fold(name): code for code, name in LANGUAGES.items()}
    return {**named, **_other_names(), **known}


def _other_names() -> dict[str, str]:
    return {fold(name): code for code, names in OTHER_NAMES.items() for name in names}


def _language(code: str) -> str:
    """The code as the CLDR has it.

    Raises:
        HubError: there is no such language; 404.
    """
    if code.lower() not in _english():
        raise HubError(f"language {code} not found")
    return code.lower()


@lru_cache(maxsize=256)
def _names_in(code: str) -> dict[str, str]:
    """The names of languages in a language; empty where the CLDR has none."""
    try:
        return dict(cldr_locale(code).languages)
    except HubError:
        return {}


@languages.api(
    "Profile of a language: its name, its own name for itself, its script and the country that "
    "the CLDR takes as its default.",
    {"language_code": takes("language_code", "sw")},
    {
        "autonym": gives(
            "foreign_text",
            "the name of {language_code} in that language itself",
            "the name that speakers of {language_code} use for their language",
        ),
        "script": gives(
            "script_name",
            "the script in which {language_code} is usually written",
            "the usual writing system of {language_code}",
            ask="In which script is {language_code} usually written?",
        ),
        "script_code": gives(
            "script_code",
            "the ISO 15924 code of the script in which {language_code} is usually written",
            entity="the script in which {language_code} is usually written",
        ),
        "territory": gives(
            "country_code",
            "the ISO alpha-2 code of the country that the Unicode CLDR takes as the default one "
            "for {language_code}",
            entity="the country that the Unicode CLDR takes as the default one for {language_code}",
        ),
    },
)
def language_info(language_code: str) -> Response:
    from babel.core import get_global

    code = _language(language_code)
    likely = found(get_global("likely_subtags").get(code), f"profile of {language_code}")
    _, script, territory = (*str(likely).split("_"), "", "")[:3]
    return {
        "language_code": code,
        "name": _english()[code],
        "autonym": _names_in(code).get(code),
        "script": SCRIPTS.get(script) or cldr_locale("en").scripts.get(script),
        "script_code": script,
        "territory": territory if territory.isalpha() else None,
    }


@languages.api(
    "The ISO 639 code of a language by its English name.",
    {"name": takes("language_name", "Swahili")},
    {
        "language_code": gives(
            "language_code",
            "the ISO 639 code of the language called {name}",
            entity="the language called {name}",
        )
    },
)
def find_language(name: str) -> Response:
    code = found(_code_of_name().get(fold(name)), f"language {name}")
    return {"language_code": code, "name": _english()[code]}


@languages.api(
    "The name of one language in another.",
    {
        "language_code": takes("language_code", "de"),
        "in_language": takes("language_code", "ja", "code of the language of the answer"),
    },
    {
        "name": gives(
            "foreign_text",
            "the name of {language_code} in {in_language}",
            "the word for {language_code} in {in_language}",
            ask="What is {language_code} called in {in_language}?",
        )
    },
)
def language_name_in(language_code: str, in_language: str) -> Response:
    names = _names_in(_language(in_language))
    name = names.get(_language(language_code))
    return {"name": found(name, f"name of {language_code} in {in_language}")}


@lru_cache(maxsize=1)
def _populations() -> dict[str, int]:
    """Of the countries that exist today."""
    return {row[0]: row[7] for row in table("countries") if row[0] not in ("AN", "CS")}


@lru_cache(maxsize=1)
def _shares() -> dict[str, dict[str, tuple[float, str]]]:
    """By country and language: percent of the people, and the status.

    Variants of a language in several scripts are one language, with the larger share.
    """
    from babel.core import get_global

    out: dict[str, dict[str, tuple[float, str]]] = {}
    for country, known in sorted(get_global("territory_languages").items()):
        if country not in _populations():
            continue
        shares = out.setdefault(country, {})
        for tag, info in sorted(known.items()):
            code = tag.partition("_")[0]
            share = (float(info["population_percent"]), info["official_status"] or "none")
            shares[code] = max(share, shares.get(code, share), key=lambda s: s[0])
    return out


@lru_cache(maxsize=1)
def official_languages_of() -> dict[str, tuple[str, ...]]:
    """The official languages of a country, the most used first.

    Where no law names one, those that are official in fact. Norwegian is one language.
    """
    out = {}
    for country, shares in _shares().items():
        for status in ("official", "de_facto_official"):
            codes = [code for code, share in shares.items() if share[1] == status]
            if codes:
                break
        if "no" in codes:
            codes = [code for code in codes if code not in ("nb", "nn")]
        out[country] = tuple(sorted(codes, key=lambda code: (-shares[code][0], code)))
    return out


@languages.api(
    "The languages that are official in a whole country (where no law names one: in fact), the "
    "most used first.",
    {"country_code": takes("country_code", "CH")},
    {
        "main": gives(
            "language_code",
            "the ISO 639 code of the most used official language of {country_code}",
            entity="the most used official language of {country_code}",
        ),
        "main_name": gives(
            "language_name",
            "the English name of the most used official language of {country_code}",
            "the most used official language of {country_code}",
            ask="Which official language of {country_code} is the most used?",
        ),
        "languages": gives(
            "language_code[]",
            "the languages that are official in the whole of {country_code}",
            "the nationwide official languages of {country_code}",
        ),
        "count": gives(
            "count",
            "the number of languages that are official in the whole of {country_code} after the "
            "Unicode CLDR",
        ),
    },
)
def official_languages(country_code: str) -> Response:
    codes = found(
        official_languages_of().get(country_code.upper()), f"official language of {country_code}"
    )
    names = [_english().get(code, code) for code in codes]
    return {
        "main": codes[0],
        "main_name": names[0],
        "count": len(codes),
        "languages": codes,
        "names": names,
    }


@languages.api(
    "The share of a country's people who use a language, as a first or as a second one.",
    {
        "country_code": takes("country_code", "BE"),
        "language_code": takes("language_code", "nl"),
    },
    {
        "percent": gives(
            "percent",
            "the percentage of the people of {country_code} who use {language_code}",
            "the share, in percent, of the population of {country_code} that uses {language_code}",
            ask="What percentage of the people of {country_code} use {language_code}?",
        )
    },
)
def language_share(country_code: str, language_code: str) -> Response:
    shares = found(_shares().get(country_code.upper()), f"country {country_code}")
    code = _language(language_code)
    percent, status = found(shares.get(code), f"{_english()[code]} in {country_code}")
    return {"percent": percent, "status": status}


@languages.api(
    "The most used languages of a country, official or not.",
    {"country_code": takes("country_code", "MA")},
    {
        "most_used": gives(
            "language_code",
            "the ISO 639 code of the language that most people in {country_code} use",
            entity="the language that most people in {country_code} use",
        ),
        "most_used_name": gives(
            "language_name",
            "the English name of the language that most people in {country_code} use",
            "the language that most people in {country_code} use",
            ask="Which language do most people in {country_code} use?",
        ),
        "percent": gives(
            "percent",
            "the percentage of the people of {country_code} who use the country's most used "
            "language",
        ),
    },
)
def languages_of_country(country_code: str) -> Response:
    shares = found(_shares().get(country_code.upper()), f"country {country_code}")
    codes = sorted(shares, key=lambda code: (-shares[code][0], code))
    listed = [{"language_code": code, "percent": shares[code][0]} for code in codes[:15]]
    return {
        "most_used": codes[0],
        "most_used_name": _english().get(codes[0]) or VARIETIES.get(codes[0]),
        "percent": shares[codes[0]][0],
        "languages": listed,
    }


@lru_cache(maxsize=1)
def _countries_of() -> dict[str, tuple[str, ...]]:
    out: dict[str, tuple[str, ...]] = {}
    for country, codes in official_languages_of().items():
        for code in codes:
            out[code] = (*out.get(code, ()), country)
    return out


@languages.api(
    "The countries and territories in which a language is official, and the one of them with the "
    "most people who use it.",
    {"language_code": takes("language_code", "pt")},
    {
        "countries": gives(
            "country_code[]",
            "the countries and territories in which {language_code} is an official language",
        ),
        "most_speakers": gives(
            "country_code",
            "the ISO alpha-2 code of the country that has {language_code} as an official language "
            "and has the most people who use it",
            entity="the country with {language_code} as an official language where the most "
            "people use it",
        ),
    },
)
def countries_of_language(language_code: str) -> Response:
    code = _language(language_code)
    codes = found(_countries_of().get(code), f"country with {_english()[code]} as official")
    people = {c: _populations()[c] * _shares()[c][code][0] for c in codes}
    return {
        "count": len(codes),
        "countries": codes[:50],
        "most_speakers": max(codes, key=lambda c: (people[c], c)),
    }


# ---------------------------------------------------------------- LanguageTags
tags = Tool(
    "LanguageTags",
    "Translation",
    "BCP 47 language tags: names, speakers, scripts and regions of languages.",
    ("langcodes", "language_data"),
)


def _tag(code: str) -> Any:
    from langcodes import Language
    from langcodes.tag_parser import LanguageTagError

    try:
        tag = Language.get(code)
    except LanguageTagError:
        raise HubError(f"language {code} not found") from None
    if not tag.is_valid() or not tag.language:
        raise HubError(f"language {code} not found")
    return tag


@tags.api(
    "Facts of a language tag: name, own name, number of speakers, likely script and region.",
    {"language_code": takes("language_code", "sw")},
    {
        "autonym": gives("foreign_text", "the name of {language_code} in that language itself"),
        "speakers": gives(
            "population",
            "the number of people who speak {language_code} after the Unicode CLDR",
            ask="How many people speak {language_code}, after the Unicode CLDR?",
        ),
        "script_code": gives(
            "script_code",
            "the ISO 15924 code of the script in which {language_code} is usually written",
            entity="the script in which {language_code} is usually written",
        ),
        "territory": gives(
            "country_code",
            "the ISO alpha-2 code of the country that the Unicode CLDR takes as the default one "
            "for {language_code}",
            entity="the country that the Unicode CLDR takes as the default one for {language_code}",
        ),
    },
)
def tag_info(language_code: str) -> Response:
    tag = _tag(language_code)
    likely = tag.maximize()
    return {
        "name": tag.display_name(),
        "autonym": tag.autonym(),
        "speakers": tag.speaking_population(),
        "script_code": likely.script,
        "territory": likely.territory,
        "alpha_3": tag.to_alpha3(),
    }


@tags.api(
    "The language code of a name, in English or in another language.",
    {"name": takes("language_name", "Swahili")},
    {
        "language_code": gives(
            "language_code",
            "the ISO 639 code of the language called {name}",
            entity="the language called {name}",
        )
    },
)
def tag_of_name(name: str) -> Response:
    import langcodes

    try:
        return {"language_code": str(langcodes.find(name))}
    except LookupError:
        raise HubError(f"language {name} not found") from None


@tags.api(
    "The name of one language in another.",
    {
        "language_code": takes("language_code", "de"),
        "in_language": takes("language_code", "ja", "code of the language of the answer"),
    },
    {
        "name": gives(
            "foreign_text",
            "the name of {language_code} in {in_language}",
            "the word for {language_code} in {in_language}",
        )
    },
)
def tag_name_in(language_code: str, in_language: str) -> Response:
    return {"name": _tag(language_code).display_name(_tag(in_language))}


# ---------------------------------------------------------------- LanguageRegistry
registry = Tool(
    "LanguageRegistry",
    "Translation",
    "The ISO registers of languages (639) and scripts (15924).",
    ("pycountry",),
)


def _record(code: str) -> Any:
    from pycountry import languages as known

    code = code.lower()
    record = known.get(alpha_2=code) if len(code) == 2 else known.get(alpha_3=code)
    return found(record, f"language {code}")


@registry.api(
    "The ISO 639 record of a language by its two- or three-letter code.",
    {"language_code": takes("language_code", "is")},
    {
        "alpha_3": gives(
            "language_code3",
            "the three-letter ISO 639-3 code of {language_code}",
        ),
        "bibliographic": gives(
            "text", "the bibliographic ISO 639-2 code (639-2/B) of {language_code}"
        ),
    },
)
def language_record(language_code: str) -> Response:
    record = _record(language_code)
    return {
        "name": record.name,
        "alpha_2": getattr(record, "alpha_2", None),
        "alpha_3": record.alpha_3,
        "bibliographic": getattr(record, "bibliographic", record.alpha_3),
        "scope": {"I": "individual", "M": "macrolanguage", "S": "special"}[record.scope],
    }


@registry.api(
    "The two-letter code of a language by its three-letter ISO 639-3 code.",
    {"code": takes("language_code3", "swa")},
    {
        "language_code": gives(
            "language_code",
            "the two-letter ISO 639-1 code of the language with {code}",
            entity="the language with {code}",
        ),
        "bibliographic": gives(
            "text", "the bibliographic ISO 639-2 code (639-2/B) of the language with {code}"
        ),
    },
)
def language_by_alpha_3(code: str) -> Response:
    record = found(_record(code), f"language {code}")
    short = getattr(record, "alpha_2", None)
    return {
        "name": record.name,
        "language_code": found(short, f"two-letter code of {code}"),
        "bibliographic": getattr(record, "bibliographic", record.alpha_3),
    }


@lru_cache(maxsize=1)
def _registered() -> dict[str, str]:
    """Codes by every name that the register has; the two-letter ones first."""
    from pycountry import languages as known

    out: dict[str, str] = {}
    short = [each for each in known if hasattr(each, "alpha_2")]
    for each in (*short, *known):
        for name in (each.name, each.name.partition(" (")[0], getattr(each, "common_name", "")):
            if name:
                out.setdefault(fold(name), getattr(each, "alpha_2", each.alpha_3))
    return out


@registry.api(
    "The code of a language by its name in the ISO register.",
    {"name": takes("language_name", "Icelandic")},
    {
        "language_code": gives(
            "language_code",
            "the ISO 639 code of the language called {name}",
            entity="the language called {name}",
        )
    },
)
def search_language(name: str) -> Response:
    return {"language_code": found(_registered().get(fold(name)), f"language {name}")}


@registry.api(
    "The ISO 15924 record of a script by its four-letter code.",
    {"script_code": takes("script_code", "Cyrl")},
    {
        "numeric": gives(
            "text",
            "the three-digit ISO 15924 number of {script_code}",
            ask="Which three-digit number has {script_code} in ISO 15924?",
        )
    },
)
def script_record(script_code: str) -> Response:
    from pycountry import scripts

    record = found(scripts.get(alpha_4=script_code.title()), f"script {script_code}")
    return {"name": record.name, "code": record.alpha_4, "numeric": record.numeric}


# ---------------------------------------------------------------- entities
def language_words(code: str) -> list[str]:
    """How a sentence names a language."""
    return [LANGUAGES.get(code, code)]


def _alpha_3() -> list[str]:
    from pycountry import languages as known

    return [known.get(alpha_2=code).alpha_3 for code in LANGUAGES if len(code) == 2]


entities(
    "language_code",
    lambda: list(LANGUAGES),
    says=language_words,
    aliases=lambda code: (LANGUAGES.get(code, code), *OTHER_NAMES.get(code, ())),
)
entities(
    "language_name",
    lambda: list(LANGUAGES.values()),
    aliases=lambda name: OTHER_NAMES.get(_code_for(name), ()),
)
entities("language_code3", _alpha_3, says=lambda code: (f"the ISO 639-3 code {code}",))
entities(
    "script_code",
    lambda: list(SCRIPTS),
    says=lambda code: (f"the {SCRIPTS.get(code, code)} script",),
    aliases=lambda code: (SCRIPTS.get(code, code),),
)


def _code_for(name: str) -> str:
    return next((code for code, known in LANGUAGES.items() if known == name), "")
