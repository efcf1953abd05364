"""Text analysis: words and texts counted, compared and taken apart; characters and emoji."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Any, Final

from ..entities import entities
from ..registry import HubError, Tool, found, gives, maybe, takes
from ..types import measure, sem
from .location import Response, fold

WORDS: Final = (
    "anchor", "apple", "architect", "arrow", "autumn", "avalanche", "balloon", "bamboo", "banana",
    "basket", "beacon", "biscuit", "blanket", "blossom", "bottle", "bridge", "butterfly", "button",
    "candle", "canyon", "caramel", "castle", "cathedral", "cedar", "chimney", "chocolate", "civic",
    "cinnamon", "climate", "compass", "copper", "cottage", "crystal", "curtain", "daffodil",
    "diamond", "dolphin", "dragon", "elephant", "emerald", "engine", "falcon", "feather",
    "festival", "fountain", "freedom", "galaxy", "garden", "giraffe", "glacier", "granite",
    "guitar", "hammer", "harbour", "harvest", "hazelnut", "horizon", "hospital", "island",
    "jasmine", "jigsaw", "journey", "jungle", "kangaroo", "kayak", "keyboard", "kitchen", "kitten",
    "ladder", "lantern", "lavender", "lemon", "level", "library", "lighthouse", "listen", "lizard",
    "madam", "magnet", "marble", "meadow", "melon", "mirror", "monsoon", "morning", "mountain",
    "mushroom", "needle", "noon", "nutmeg", "oasis", "ocean", "orange", "orchestra", "oyster",
    "paddle", "palace", "parrot", "pebble", "pencil", "penguin", "pepper", "piano", "pillow",
    "planet", "pocket", "pumpkin", "puzzle", "quarry", "rabbit", "racecar", "radar", "rainbow",
    "reviver", "ribbon", "river", "rotor", "saddle", "sapphire", "school", "shadow", "silent",
    "silver", "sitting", "spaghetti", "sparrow", "squirrel", "stadium", "summer", "sunflower",
    "teacher", "tenet", "theatre", "thunder", "timber", "tomato", "tornado", "treasure", "trumpet",
    "tulip", "tunnel", "turtle", "umbrella", "valley", "vanilla", "velvet", "village", "violin",
    "volcano", "walnut", "whisper", "willow", "window", "winter", "wizard", "yellow", "zebra",
)  # fmt: skip
TEXTS: Final = (
    "The quick brown fox jumps over the lazy dog.",
    "A rose is a rose is a rose by any other name.",
    "All happy families are alike; each unhappy family is unhappy in its own way.",
    "Call me Ishmael.",
    "It was the best of times, it was the worst of times.",
    "To be, or not to be, that is the question.",
    "I think, therefore I am.",
    "Actions speak louder than words.",
    "A journey of a thousand miles begins with a single step.",
    "A picture is worth a thousand words.",
    "A stitch in time saves nine.",
    "An apple a day keeps the doctor away.",
    "Beauty is in the eye of the beholder.",
    "Better late than never, but never late is better.",
    "Birds of a feather flock together.",
    "Do not count your chickens before they hatch.",
    "Do not put all your eggs in one basket.",
    "Every cloud has a silver lining.",
    "Fortune favours the bold.",
    "Good things come to those who wait.",
    "Honesty is the best policy.",
    "If you want peace, prepare for war.",
    "Knowledge is power. Power is responsibility.",
    "Laughter is the best medicine.",
    "Many hands make light work. Too many cooks spoil the broth.",
    "No man is an island, entire of itself.",
    "Nothing is certain except death and taxes.",
    "One man's trash is another man's treasure.",
    "Pack my box with five dozen liquor jugs.",
    "Practice makes perfect.",
    "Rome was not built in a day.",
    "She sells seashells by the seashore. The shells she sells are surely seashells.",
    "Sphinx of black quartz, judge my vow.",
    "The early bird catches the worm, but the second mouse gets the cheese.",
    "The grass is always greener on the other side of the fence.",
    "The pen is mightier than the sword.",
    "The road to success is dotted with many tempting parking places.",
    "The unexamined life is not worth living.",
    "There is no place like home.",
    "Time flies like an arrow. Fruit flies like a banana.",
    "Two wrongs do not make a right.",
    "We are what we repeatedly do. Excellence, then, is not an act, but a habit.",
    "When in Rome, do as the Romans do.",
    "Where there is smoke, there is fire.",
    "You can lead a horse to water, but you cannot make it drink.",
    "Peter Piper picked a peck of pickled peppers.",
    "How much wood would a woodchuck chuck if a woodchuck could chuck wood?",
    "Ask not what your country can do for you; ask what you can do for your country.",
    "In the beginning was the Word, and the Word was with God, and the Word was God.",
    "Early to bed and early to rise makes a man healthy, wealthy and wise.",
)
SCRABBLE: Final = {
    letter: points
    for letters, points in (
        ("aeilnorstu", 1), ("dg", 2), ("bcmp", 3), ("fhvwy", 4), ("k", 5), ("jx", 8), ("qz", 10),
    )
    for letter in letters
}  # fmt: skip
CHARACTERS: Final = (
    "€£¥§¶©®°±²³µ¼½¾¿×÷ÆÐØÞßæðøþŁłŒœƒΑΒΓΔΘΛΞΠΣΦΨΩαβγδεζηθλμξπρστφψωЖЙФЦЧШЩЭЮЯжийабвג"
    "†‡•…‰′″‹›€№™Ω←↑→↓↔⇒⇔∀∂∃∅∇∈∉∑−∞∧∨∩∪∫≈≠≡≤≥⊂⊃⊕⌘⌚■□▲▼◆○●★☀☂☎☑☕☘☠☢☮☯♀♂♔♕♖♗♘♙♠♣♥♦♪♫⚓⚖⚡✂✈✉✓✗"
)
EMOJI: Final = (
    "🐍🐘🐧🐙🦊🐳🦁🐝🦋🐢🦉🦒🦘🐬🐌🦀🍎🍌🍇🍓🥑🌽🍕🍔🍩🍪🎂🍫🚀🚂🚲🚗🛶🎻🎸🥁🎺🎨🎭🎯🎲🧩♟️⚽🏀🏈🎾🏓🥊🎿🏆"
    "🎁🎈🎉🔑🔒🔔🔨🔬🔭🔦💡💎💊📚📎📌📷📞🌍🌋🌈🌊🌙🌵🌻🌲🍄🏰🗽🗿⛵🎠🎪👑🎩👓🧦🧤🧲🧭🪁🪐🦖🐉👍👎👏🙏💪🧠🦷👀👻🤖👽🎃💀"
)

sem("word_set", about="words with commas between them, as kitten, mitten, sitting", high=400)
sem("foreign_text", about="name or short text in any script, as Αθήνα", high=200, compare="name")
sem("character", about="one character, as Ω", high=2)
sem("character_name", about="name of a character in Unicode, as GREEK CAPITAL LETTER OMEGA",
    high=100, compare="name")  # fmt: skip
sem("emoji", about="one emoji, as 🐍", high=12)
sem("emoji_text", about="text that has emoji", high=300)
sem("emoji_name", about="English short name of an emoji, as snake", high=80, compare="name")
sem("shift", kind="integer", about="places in the alphabet, 1 to 25", low=1, high=25,
    compare="number", tolerance=0)  # fmt: skip
measure("similarity", "similarity from 0 to 1", 0, 1)
measure("readability", "points of a readability formula", -5000, 300)

# ---------------------------------------------------------------- TextStats
stats = Tool("TextStats", "Text_Analysis", "Counts, readability and keywords of English texts.")


def _words(text: str) -> list[str]:
    """The words of a text; an apostrophe within is a part of a word.

    Raises:
        HubError: there are none; 404.
    """
    words: list[str] = found(re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text), "words")
    return words


@stats.api(
    "Numbers of words, characters and sentences of a text, and its longest word.",
    {"text": takes("text", "The quick brown fox jumps over the lazy dog. It was not amused.")},
    {
        "words": gives(
            "count",
            "the number of words in {text}",
            ask="How many words are in {text}?",
        ),
        "characters": gives(
            "count",
            "the number of characters, with spaces and punctuation, in {text}",
        ),
        "longest_word": gives(
            "word",
            "the longest word (the first, if there are several) in {text}",
            "the word with the most letters (the first, if there are several) in {text}",
        ),
        "distinct_words": gives(
            "count",
            "the number of different words, capitals or not, in {text}",
        ),
    },
)
def text_stats(text: str) -> Response:
    words = _words(text)
    return {
        "words": len(words),
        "distinct_words": len({word.casefold() for word in words}),
        "characters": len(text),
        "letters": sum(map(len, words)),
        "sentences": max(1, len(re.findall(r"[.!?]+(?=\s|$)", text))),
        "longest_word": max(words, key=len),
    }


@stats.api(
    "How often each letter occurs in a text; capitals count as small letters.",
    {"text": takes("text", "The quick brown fox jumps over the lazy dog.")},
    {
        "vowels": gives(
            "count",
            "the number of vowels (a, e, i, o, u) in {text}",
            ask="How many vowels (a, e, i, o, u) are in {text}?",
        ),
        "times": gives(
            "count",
            "the number of times that the most frequent letter occurs in {text}",
        ),
        "most_frequent": gives(
            "text",
            "the most frequent letter (the first in the alphabet, if there are several) in {text}",
        ),
    },
)
def letter_counts(text: str) -> Response:
    count = Counter(letter for letter in text.casefold() if letter.isalpha())
    ranked = sorted(count.items(), key=lambda item: (-item[1], item[0]))
    first, times = found(ranked, "letters")[0]
    return {
        "most_frequent": first,
        "times": times,
        "vowels": sum(count[vowel] for vowel in "aeiou"),
        "counts": dict(ranked[:30]),
    }


@lru_cache(maxsize=1)
def _hyphens() -> Any:
    from pyphen import Pyphen

    return Pyphen(lang="en_US")


@stats.api(
    "Readability of an English text: Flesch reading ease and Flesch-Kincaid grade, with syllables "
    "counted by hyphenation.",
    {"text": takes("text", "The quick brown fox jumps over the lazy dog. It was not amused.")},
    {
        "flesch": gives(
            "readability",
            "the Flesch reading ease, with syllables counted by hyphenation, of {text}",
        ),
        "grade": gives(
            "readability",
            "the Flesch-Kincaid grade level, with syllables counted by hyphenation, of {text}",
        ),
    },
    libs=("pyphen",),
)
def readability(text: str) -> Response:
    words = _words(text)
    sentences = max(1, len(re.findall(r"[.!?]+(?=\s|$)", text)))
    syllables = sum(len(_hyphens().positions(word)) + 1 for word in words if len(word) <= 100)
    length, weight = len(words) / sentences, syllables / len(words)
    return {
        "flesch": round(206.835 - 1.015 * length - 84.6 * weight, 2),
        "grade": round(0.39 * length + 11.8 * weight - 15.59, 2),
        "syllables": syllables,
        "sentences": sentences,
    }


@stats.api(
    "Where an English word can be hyphenated.",
    {"word": takes("word", "extraordinary")},
    {
        "hyphenated": gives(
            "text",
            "the hyphenated form, with all the hyphens that American English allows, of {word}",
            ask="How may American English hyphenate {word}?",
        ),
        "parts": gives(
            "count",
            "the number of parts into which American English hyphenation divides {word}",
        ),
    },
    libs=("pyphen",),
)
def hyphenate(word: str) -> Response:
    hyphenated = _hyphens().inserted(word)
    return {"hyphenated": hyphenated, "parts": len(_hyphens().positions(word)) + 1}


@stats.api(
    "The most frequent words of an English text, stop words (the, and, of ..) left aside.",
    {"text": takes("text", "A rose is a rose is a rose by any other name.")},
    {
        "keyword": gives(
            "word",
            "the most frequent word (the first in the alphabet, if there are several) that is no "
            "stop word, in {text}",
        )
    },
    libs=("stop_words",),
)
def keywords(text: str) -> Response:
    count = Counter(word for word in map(str.lower, _words(text)) if word not in _stop_words())
    ranked = sorted(count.items(), key=lambda item: (-item[1], item[0]))
    top = [{"word": word, "times": times} for word, times in ranked[:10]]
    return {"keyword": found(ranked, "keywords")[0][0], "top": top}


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    from stop_words import get_stop_words

    return frozenset(get_stop_words("en"))


# ---------------------------------------------------------------- WordPlay
play = Tool("WordPlay", "Text_Analysis", "Letters of words: palindromes, Scrabble, ciphers.")


def _letters(word: str) -> str:
    """The word in small letters.

    Raises:
        HubError: it has other characters than the letters A to Z; 400.
    """
    if not re.fullmatch("[a-zA-Z]+", word):
        raise HubError(f"{word} has other characters than the letters A to Z", 400)
    return word.lower()


@play.api(
    "Letters of a word: how many, reversed, in alphabetical order; whether it is a palindrome.",
    {"word": takes("word", "lantern")},
    {
        "letters": gives(
            "count",
            "the number of letters in {word}",
            ask="How many letters does {word} have?",
        ),
        "distinct": gives("count", "the number of different letters in {word}"),
        "vowels": gives("count", "the number of vowels (a, e, i, o, u) in {word}"),
        "reversed": gives("word", "the letters in reverse order of {word}"),
        "sorted": gives("word", "the letters in alphabetical order of {word}"),
    },
)
def word_letters(word: str) -> Response:
    letters = _letters(word)
    return {
        "letters": len(letters),
        "distinct": len(set(letters)),
        "vowels": sum(letter in "aeiou" for letter in letters),
        "reversed": letters[::-1],
        "sorted": "".join(sorted(letters)),
        "palindrome": letters == letters[::-1],
    }


@play.api(
    "Points of a word by the letter values of English Scrabble, without bonus squares.",
    {"word": takes("word", "quartz")},
    {
        "points": gives(
            "count",
            "the value in points, by the letters of English Scrabble, of {word}",
            ask="How many points do the letters of {word} give in English Scrabble (no bonus "
            "squares)?",
        )
    },
)
def scrabble_points(word: str) -> Response:
    return {"points": sum(SCRABBLE[letter] for letter in _letters(word))}


@play.api(
    "Caesar cipher: every letter of a word moved on in the alphabet.",
    {"word": takes("word", "lantern"), "shift": takes("shift", 13)},
    {
        "cipher": gives(
            "word",
            "the Caesar cipher, with a shift of {shift}, of {word}",
            ask="What does {word} become in a Caesar cipher with a shift of {shift}?",
        )
    },
)
def caesar(word: str, shift: int) -> Response:
    moved = ((ord(letter) - ord("a") + shift) % 26 for letter in _letters(word))
    return {"cipher": "".join(chr(ord("a") + place) for place in moved)}


@play.api(
    "The letters that two words have in common, and whether they are anagrams.",
    {"word_1": takes("word", "listen"), "word_2": takes("word", "silent")},
    {
        "common": gives(
            "count",
            "the number of different letters that occur in both {word_1} and {word_2}",
            ask="How many different letters occur in both {word_1} and {word_2}?",
        )
    },
)
def common_letters(word_1: str, word_2: str) -> Response:
    one, two = _letters(word_1), _letters(word_2)
    common = sorted(set(one) & set(two))
    return {"common": len(common), "letters": common, "anagrams": sorted(one) == sorted(two)}


# ---------------------------------------------------------------- StringSimilarity
similar = Tool(
    "StringSimilarity",
    "Text_Analysis",
    "How alike two words are, in writing and in sound.",
    ("jellyfish",),
)


@similar.api(
    "Edit distances and similarity of two words.",
    {"word_1": takes("word", "kitten"), "word_2": takes("word", "sitting")},
    {
        "levenshtein": gives(
            "count",
            "the Levenshtein distance between {word_1} and {word_2}",
            ask="How many edits (Levenshtein distance) lie between {word_1} and {word_2}?",
        ),
        "jaro_winkler": gives(
            "similarity",
            "the Jaro-Winkler similarity of {word_1} and {word_2}",
        ),
    },
)
def compare(word_1: str, word_2: str) -> Response:
    import jellyfish

    return {
        "levenshtein": jellyfish.levenshtein_distance(word_1, word_2),
        "damerau_levenshtein": jellyfish.damerau_levenshtein_distance(word_1, word_2),
        "jaro_winkler": round(float(jellyfish.jaro_winkler_similarity(word_1, word_2)), 4),
    }


@similar.api(
    "Phonetic codes of an English word: Soundex, Metaphone, NYSIIS.",
    {"word": takes("word", "robert")},
    {
        "soundex": gives("text", "the Soundex code of {word}"),
        "metaphone": gives("text", "the Metaphone code of {word}"),
        "nysiis": gives("text", "the NYSIIS code of {word}"),
    },
)
def phonetic(word: str) -> Response:
    import jellyfish

    letters = _letters(word)
    return {
        "soundex": jellyfish.soundex(letters),
        "metaphone": jellyfish.metaphone(letters),
        "nysiis": jellyfish.nysiis(letters),
        "match_rating": jellyfish.match_rating_codex(letters),
    }


@similar.api(
    "The one of several words that is the closest to a word by Levenshtein distance.",
    {
        "word": takes("word", "kitten"),
        "words": takes("word_set", "mitten, sitting, button, garden"),
    },
    {
        "closest": gives(
            "word",
            "the word of the list {words} that has the smallest Levenshtein distance (the first, "
            "if there are several) to {word}",
        ),
        "distance": gives(
            "count",
            "the smallest Levenshtein distance of a word of the list {words} to {word}",
        ),
    },
)
def closest_word(word: str, words: str) -> Response:
    import jellyfish

    listed = found([each.strip() for each in words.split(",") if each.strip()], "words")
    distances = {each: int(jellyfish.levenshtein_distance(word, each)) for each in listed}
    best = min(listed, key=lambda each: distances[each])
    return {"closest": best, "distance": distances[best]}


# ---------------------------------------------------------------- UnicodeCharacters
characters = Tool("UnicodeCharacters", "Text_Analysis", "Characters in the Unicode standard.")


@characters.api(
    "Name, code point and encoding of a character.",
    {"character": takes("character", "Ω")},
    {
        "name": gives(
            "character_name",
            "the name in Unicode of {character}",
            ask="What is the name in Unicode of {character}?",
        ),
        "code_point": gives(
            "text",
            "the code point in Unicode (as U+0041) of {character}",
        ),
        "utf8": gives("text", "the bytes in hexadecimal that UTF-8 has for {character}"),
    },
)
def character_info(character: str) -> Response:
    if len(character) != 1:
        raise HubError(f"{character} is not one character", 400)
    return {
        "name": found(unicodedata.name(character, ""), "name of the character"),
        "code_point": f"U+{ord(character):04X}",
        "decimal": ord(character),
        "utf8": character.encode().hex(),
        "category": unicodedata.category(character),
    }


@characters.api(
    "The character of a name in Unicode.",
    {"name": takes("character_name", "GREEK CAPITAL LETTER OMEGA")},
    {
        "character": gives("character", "the character whose name in Unicode is {name}"),
        "code_point": gives("text", "the code point (as U+0041) of the character {name}"),
    },
)
def character_by_name(name: str) -> Response:
    try:
        character = unicodedata.lookup(name.upper())
    except KeyError:
        raise HubError(f"character {name} not found") from None
    if len(character) != 1:
        raise HubError(f"{name} is a sequence of characters", 400)
    return {"character": character, "code_point": f"U+{ord(character):04X}"}


# ---------------------------------------------------------------- EmojiDictionary
emojis = Tool("EmojiDictionary", "Text_Analysis", "Emoji and their names (CLDR).", ("emoji",))

EMOJI_LANGUAGES: Final = (
    "ar", "de", "en", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh",
)  # fmt: skip


@lru_cache(maxsize=20)
def _emoji_names(language: str) -> dict[str, str]:
    """Names of the fully qualified emoji, as words."""
    from emoji import EMOJI_DATA, config

    if language not in EMOJI_LANGUAGES:
        raise HubError(f"emoji names in the language {language} are not supported")
    if language != "en":
        config.load_language(language)
    named = {e: facts[language] for e, facts in EMOJI_DATA.items() if language in facts}
    return {e: _plain(name) for e, name in named.items() if EMOJI_DATA[e]["status"] <= 2}


def _plain(name: str) -> str:
    """A short name as words: without colons and underscores."""
    return name.strip(":").replace("_", " ")


@lru_cache(maxsize=1)
def _emoji_by_name() -> dict[str, str]:
    return {fold(name): each for each, name in sorted(_emoji_names("en").items(), reverse=True)}


def _one_emoji(text: str) -> str:
    """The emoji as the dictionary has it, with its variation selector.

    Raises:
        HubError: it is none; 404.
    """
    names = _emoji_names("en")
    known = next((each for each in (text, f"{text}\ufe0f") if each in names), None)
    return str(found(known, "emoji"))


@emojis.api(
    "English short name of an emoji, and the Emoji version that introduced it.",
    {"emoji": takes("emoji", "🐍")},
    {
        "name": gives(
            "emoji_name",
            "the English short name of the emoji {emoji}",
            ask="What is the emoji {emoji} called in English?",
        ),
        "version": gives("number", "the number of the Emoji version that introduced {emoji}"),
        "code_point": gives("text", "the first code point (as U+1F40D) of the emoji {emoji}"),
    },
)
def emoji_name(emoji: str) -> Response:
    from emoji import EMOJI_DATA

    known = _one_emoji(emoji)
    return {
        "name": _emoji_names("en")[known],
        "version": float(EMOJI_DATA[known]["E"]),
        "code_point": f"U+{ord(known[0]):04X}",
    }


@emojis.api(
    "The emoji of an English short name.",
    {"name": takes("emoji_name", "thumbs up")},
    {
        "emoji": gives("emoji", "the emoji whose English short name is {name}"),
        "code_point": gives(
            "text", "the first code point (as U+1F40D) of the emoji called {name} in English"
        ),
    },
)
def emoji_find(name: str) -> Response:
    known = found(_emoji_by_name().get(fold(_plain(name))), f"emoji {name}")
    return {"emoji": known, "code_point": f"U+{ord(known[0]):04X}"}


@emojis.api(
    "Short name of an emoji in a language: ar, de, en, es, fa, fr, id, it, ja, ko, pt, ru, tr, zh.",
    {"emoji": takes("emoji", "🐍"), "language_code": takes("language_code", "es")},
    {
        "name": gives(
            "foreign_text",
            "the short name in {language_code} of the emoji {emoji}",
            ask="What is the emoji {emoji} called in {language_code}?",
        )
    },
)
def emoji_name_in(emoji: str, language_code: str) -> Response:
    names = _emoji_names(language_code.lower())
    return {"name": found(names.get(_one_emoji(emoji)), f"name in {language_code}")}


@emojis.api(
    "How many emoji a text has.",
    {"text": takes("emoji_text", "hi 🐍🐍👍🏽"), "distinct": maybe("bool", True, False)},
    {
        "count": gives(
            "count",
            "the number of emoji in {text}",
            ask="How many emoji are in {text}?",
        )
    },
)
def emoji_count(text: str, distinct: bool = False) -> Response:
    from emoji import emoji_list

    listed = [each["emoji"] for each in emoji_list(text)]
    return {"count": len(set(listed)) if distinct else len(listed), "emoji": listed[:50]}


# ---------------------------------------------------------------- entities
def _word_sets() -> list[str]:
    """Lists of four to six words."""
    out = []
    for i in range(60):
        size = 4 + i % 3
        out.append(", ".join(WORDS[(i * 37 + j * 53 + j * j) % len(WORDS)] for j in range(size)))
    return out


@lru_cache(maxsize=1)
def _emoji_list() -> tuple[str, ...]:
    """The emoji of the list; a variation selector goes with the one before."""
    return tuple(re.findall("[^\ufe0f]\ufe0f?", EMOJI))


def _emoji_texts() -> list[str]:
    """Words with emoji between them."""
    known = _emoji_list()
    out = []
    for i in range(60):
        parts = []
        for j in range(3 + i % 4):
            parts.append(WORDS[(i * 29 + j * 41) % len(WORDS)])
            parts.append(known[(i * 7 + j * 13) % len(known)] * (1 + (i + j) % 3))
        out.append(" ".join(parts))
    return out


entities("word", lambda: WORDS, says=lambda v: (f'the word "{v}"',))
entities("text", lambda: TEXTS, says=lambda v: (f'the text "{v}"',))
entities("word_set", _word_sets, says=lambda v: (f'"{v}"',))
entities("shift", lambda: range(1, 26))
entities(
    "character",
    lambda: [c for c in CHARACTERS if unicodedata.name(c, "")],
    says=lambda v: (f'the character "{v}"',),
)
entities("character_name", lambda: [n for c in CHARACTERS if (n := unicodedata.name(c, ""))])
entities("emoji", _emoji_list)
entities(
    "emoji_name",
    lambda: [_emoji_names("en")[_one_emoji(each)] for each in _emoji_list()],
    says=lambda v: (f'"{v}"',),
)
entities("emoji_text", _emoji_texts, says=lambda v: (f'the text "{v}"',))
