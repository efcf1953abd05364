"""Music: chords, tuning and keys."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem

Response = Mapping[str, Any]

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
INTERVALS = (
    "perfect unison",
    "minor second",
    "major second",
    "minor third",
    "major third",
    "perfect fourth",
    "tritone",
    "perfect fifth",
    "minor sixth",
    "major sixth",
    "minor seventh",
    "major seventh",
    "perfect octave",
)
sem("chord", about="chord symbol, as Am7", high=12, compare="name")
sem("note", about="note with its octave, as C#4", high=5, compare="name")
sem("note_name", about="note without octave, as Eb", high=3, compare="name")
sem("musical_key", about="key, as Eb major or F# minor", high=12, compare="name")
sem("semitones", kind="integer", about="semitones, up if positive", low=-48, high=48,
    compare="number", tolerance=0)  # fmt: skip
sem("hertz", kind="number", about="frequency in hertz", low=8, high=20_000, compare="number")
sem("midi_number", kind="integer", about="MIDI note number", low=0, high=127, compare="number",
    tolerance=0, wider="integer")  # fmt: skip
measure("scale_degree", "degree of a scale, 1 to 7", 1, 7, kind="integer", tolerance=0)
measure("cents", "cents, hundredths of a semitone", -100_000, 100_000)
measure("tempo", "beats a minute", 20, 400)
lists("note_name", most=12)

# ---------------------------------------------------------------- ChordBook
chords = Tool("ChordBook", "Music", "Chords: their notes, names and transposition.", ("pychord",))


def _chord(symbol: str) -> Any:
    from pychord import Chord

    try:
        return Chord(symbol)
    except ValueError:
        raise HubError(f"chord {symbol} not found") from None


@chords.api(
    "The notes of a chord, from its root or bass upwards.",
    {"chord": takes("chord", "Am7")},
    {
        "notes": gives("note_name[]", "the notes of {chord}"),
        "size": gives(
            "count",
            "the number of different notes in {chord}",
            ask="How many different notes does {chord} have?",
        ),
        "top": gives("note_name", "the last note of {chord} when it is spelled from the root up"),
    },
)
def chord_notes(chord: str) -> Response:
    notes = list(_chord(chord).components())
    return {"notes": notes, "size": len(notes), "top": notes[-1]}


@chords.api(
    "Name a chord from its notes; the first is the bass.",
    {"notes": takes("note_name[]", ["C", "E", "G", "Bb"])},
    {
        "chord": gives(
            "chord",
            "the chord that consists of {notes}, the first of them in the bass",
            ask="Which chord do {notes} form, the first of them in the bass?",
        )
    },
)
def identify_chord(notes: list[str]) -> Response:
    names = _named(tuple(notes))
    return {"chord": found(names, "chord of these notes")[0], "all": names[:10]}


@lru_cache(maxsize=1024)
def _named(notes: tuple[str, ...]) -> list[str]:
    from pychord import find_chords_from_notes

    for note in notes:
        _pitch_class(note)
    return [str(chord.chord) for chord in find_chords_from_notes(list(notes))]


@chords.api(
    "Transpose a chord by semitones.",
    {"chord": takes("chord", "Am7"), "semitones": takes("semitones", 3)},
    {
        "chord": gives(
            "chord",
            "the chord that results when {chord} is transposed by {semitones}",
            ask="Which chord results when {chord} is transposed by {semitones}?",
        )
    },
)
def transpose_chord(chord: str, semitones: int) -> Response:
    made = _chord(chord)
    made.transpose(semitones)
    return {"chord": str(made.chord)}


@chords.api(
    "The triad on a degree of a key, from the notes of the key alone.",
    {"key": takes("musical_key", "G major"), "degree": takes("scale_degree", 2)},
    {
        "chord": gives(
            "chord",
            "the diatonic triad on degree {degree} of the scale of {key}",
            "the three-note chord that the key of {key} has on its degree {degree}",
        )
    },
)
def diatonic_triad(key: str, degree: int) -> Response:
    from pychord import Chord

    _, minor, names = _scale(key)
    scale = f"{names[0]}{'min' if minor else 'maj'}"
    try:
        return {"chord": str(Chord.from_note_index(degree, "", scale, diatonic=True).chord)}
    except ValueError:
        raise HubError(f"triads of {key} not found") from None


# ---------------------------------------------------------------- Tuning
tuning = Tool("Tuning", "Music", "Notes, frequencies and intervals in equal temperament, A4 = 440.")


def _pitch_class(name: str) -> int:
    match = re.fullmatch(r"([A-Ga-g])(#{0,2}|b{0,2})", name)
    if match is None:
        raise HubError(f"note {name}: must look like C, F# or Bb", 400)
    accidental = match[2].count("#") - match[2].count("b")
    return (LETTERS[match[1].upper()] + accidental) % 12


def _midi(note: str) -> int:
    """The MIDI number of a note: 60 is C4.

    Raises:
        HubError: it is none, or not from C-1 to G9.
    """
    match = re.fullmatch(r"([A-Ga-g])([#b]?)(-1|\d)", note.replace("♯", "#").replace("♭", "b"))
    if match is None:
        raise HubError(f"note {note}: must look like C4, F#3 or Bb5", 400)
    accidental = {"#": 1, "b": -1, "": 0}[match[2]]
    return _in_range(LETTERS[match[1].upper()] + accidental + 12 * (int(match[3]) + 1))


def _in_range(midi: int) -> int:
    if not 0 <= midi <= 127:
        raise HubError("the note is outside the range from C-1 to G9", 400)
    return midi


def _name(midi: int) -> str:
    return f"{SHARPS[midi % 12]}{midi // 12 - 1}"


@tuning.api(
    "Frequency and MIDI number of a note.",
    {"note": takes("note", "C4")},
    {
        "frequency_hz": gives(
            "hertz",
            "the frequency in hertz (equal temperament, A4 = 440 Hz) of {note}",
            "the pitch in Hz, tuned to A4 = 440 Hz in equal temperament, of {note}",
        ),
        "midi": gives("midi_number", "the MIDI note number of {note}"),
    },
)
def note_frequency(note: str) -> Response:
    midi = _midi(note)
    return {"midi": midi, "frequency_hz": round(440 * 2 ** ((midi - 69) / 12), 3)}


@tuning.api(
    "The note nearest to a frequency, and how many cents the frequency lies above it.",
    {"hertz": takes("hertz", 441.5)},
    {
        "note": gives(
            "note",
            "the note (A4 = 440 Hz, spelled with sharps) whose pitch is nearest to {hertz}",
        ),
        "cents": gives(
            "cents",
            "the deviation in cents from the nearest note (A4 = 440 Hz) of {hertz}",
        ),
    },
)
def nearest_note(hertz: float) -> Response:
    exact = 69 + 12 * math.log2(hertz / 440)
    midi = _in_range(round(exact))
    return {"note": _name(midi), "cents": round(100 * (exact - midi), 2)}


@tuning.api(
    "The interval between two notes.",
    {"low": takes("note", "C4"), "high": takes("note", "G4")},
    {
        "semitones": gives(
            "count",
            "the number of semitones between {low} and {high}",
            ask="How many semitones lie between {low} and {high}?",
        ),
        "interval": gives(
            "text",
            "the name (as minor third, and as if within one octave) of the interval between {low} "
            "and {high}",
        ),
    },
)
def interval(low: str, high: str) -> Response:
    steps = abs(_midi(high) - _midi(low))
    simple = steps if steps <= 12 else (steps - 1) % 12 + 1
    return {"semitones": steps, "interval": INTERVALS[simple], "octaves": steps // 12}


@tuning.api(
    "The note some semitones above or below another.",
    {"note": takes("note", "A3"), "semitones": takes("semitones", 7)},
    {
        "note": gives(
            "note",
            "the note (spelled with sharps) that results when {note} is transposed by {semitones}",
        )
    },
)
def transpose_note(note: str, semitones: int) -> Response:
    return {"note": _name(_in_range(_midi(note) + semitones))}


@tuning.api(
    "The note of a MIDI number.",
    {"midi": takes("midi_number", 61)},
    {"note": gives("note", "the note (spelled with sharps) with the MIDI number {midi}")},
)
def note_of_midi(midi: int) -> Response:
    return {"note": _name(midi)}


@tuning.api(
    "The wavelength in air (speed of sound 343 m/s) of a frequency.",
    {"hertz": takes("hertz", 440)},
    {"wavelength_cm": gives("cm", "the wavelength in cm, at a speed of sound of 343 m/s, of "
                            "{hertz}")},
)  # fmt: skip
def wavelength(hertz: float) -> Response:
    return {"wavelength_cm": round(34_300 / hertz, 3)}


@tuning.api(
    "How long a beat, a quaver and a bar of four beats last at a tempo.",
    {"bpm": takes("tempo", 120)},
    {
        "beat_ms": gives("number", "the length in milliseconds of one beat at {bpm}"),
        "bar_seconds": gives("seconds", "the length in seconds of a bar of four beats at {bpm}"),
    },
)
def beat_length(bpm: float) -> Response:
    return {
        "beat_ms": round(60_000 / bpm, 3),
        "quaver_ms": round(30_000 / bpm, 3),
        "bar_seconds": round(240 / bpm, 4),
    }


# ---------------------------------------------------------------- ScaleBook
scales = Tool("ScaleBook", "Music", "Major and minor keys: scales, signatures and relatives.")
FIFTHS = "FCGDAEB"
MAJOR = (0, 2, 4, -1, 1, 3, 5)
MINOR = (0, 2, -3, -1, 1, -4, -2)


def _by_fifths(place: int) -> str:
    """The note some fifths above C (below, if negative): 6 is F#."""
    turns, letter = divmod(place + 1, 7)
    return FIFTHS[letter] + ("#" * turns if turns > 0 else "b" * -turns)


@lru_cache(maxsize=256)
def _scale(key: str) -> tuple[int, bool, tuple[str, ...]]:
    """The key's signature (sharps, or flats below 0), whether it is minor, and its scale.

    Raises:
        HubError: it is no key with a signature of up to seven.
    """
    match = re.fullmatch(r"([A-Ga-g])(#|b|)\s*(major|minor|maj|min)", key.strip(), re.IGNORECASE)
    if match is None:
        raise HubError(f"key {key}: must look like 'Eb major' or 'F# minor'", 400)
    minor = match[3].lower().startswith("min")
    accidental = {"#": 7, "b": -7, "B": -7, "": 0}[match[2]]
    tonic = FIFTHS.index(match[1].upper()) - 1 + accidental
    signature = tonic - 3 if minor else tonic
    if abs(signature) > 7:
        raise HubError(f"key {key} not found: it would need more than seven accidentals")
    return signature, minor, tuple(_by_fifths(tonic + step) for step in (MINOR if minor else MAJOR))


@scales.api(
    "The seven notes of a major or natural minor key.",
    {"key": takes("musical_key", "Eb major")},
    {
        "notes": gives("note_name[]", "the notes of the (natural) scale of {key}"),
        "seventh": gives("note_name", "the seventh note of the (natural) scale of {key}"),
        "fourth": gives("note_name", "the fourth note of the (natural) scale of {key}"),
    },
)
def scale_notes(key: str) -> Response:
    notes = _scale(key)[2]
    return {"notes": notes, "fourth": notes[3], "seventh": notes[6]}


@scales.api(
    "The key signature: how many sharps or flats.",
    {"key": takes("musical_key", "A major")},
    {
        "count": gives(
            "count",
            "the number of sharps or flats in the key signature of {key}",
            ask="How many sharps or flats does the key signature of {key} have?",
        ),
        "kind": gives(
            "text",
            "the kind of accidentals (sharps, flats or none) in the key signature of {key}",
        ),
    },
)
def key_signature(key: str) -> Response:
    signature = _scale(key)[0]
    kind = "sharps" if signature > 0 else "flats" if signature < 0 else "none"
    return {"count": abs(signature), "kind": kind}


@scales.api(
    "The relative key: the minor key with the signature of a major key, or the reverse.",
    {"key": takes("musical_key", "A major")},
    {
        "relative": gives(
            "musical_key",
            "the relative key of {key}",
            "the key with the same key signature, but the other mode, as {key}",
        )
    },
)
def relative_key(key: str) -> Response:
    signature, minor, _ = _scale(key)
    return {"relative": _key_name(signature, not minor)}


def _key_name(signature: int, minor: bool) -> str:
    tonic = _by_fifths(signature + 3 if minor else signature)
    return f"{tonic} {'minor' if minor else 'major'}"


@scales.api(
    "The keys a fifth above and below, in the circle of fifths.",
    {"key": takes("musical_key", "D major")},
    {
        "dominant": gives(
            "musical_key",
            "the key of the same mode a perfect fifth above {key}",
            "the next key clockwise on the circle of fifths after {key}",
        ),
        "subdominant": gives("musical_key", "the key of the same mode a perfect fifth below {key}"),
    },
)
def neighbour_keys(key: str) -> Response:
    signature, minor, _ = _scale(key)
    if abs(signature) > 6:
        raise HubError(f"neighbours of {key} not found: they would need eight accidentals")
    return {
        "dominant": _key_name(signature + 1, minor),
        "subdominant": _key_name(signature - 1, minor),
    }


# ---------------------------------------------------------------- entities
ROOTS = ("C", "D", "E", "F", "G", "A", "B", "Bb", "Eb", "Ab", "F#")
QUALITIES = ("", "m", "7", "maj7", "m7", "dim", "aug", "sus4", "6", "9", "m7b5", "m6")


def _chords() -> list[str]:
    return [root + quality for root in ROOTS for quality in QUALITIES]


def _chord_tones() -> list[tuple[str, ...]]:
    """The notes of chords that go by one name alone."""
    sets = [tuple(_chord(root + quality).components()) for root in ROOTS for quality in QUALITIES]
    return [notes for notes in sets if len(_named(notes)) == 1]


def _note_words(notes: Sequence[str]) -> list[str]:
    return [f"the notes {', '.join(notes[:-1])} and {notes[-1]}"]


def _chord_aliases(symbol: str) -> list[str]:
    return [symbol.replace("maj7", "M7"), symbol.replace("aug", "+")]


def _step_words(steps: int) -> list[str]:
    return [f"{abs(steps)} semitone{'s' * (abs(steps) > 1)} {'up' if steps > 0 else 'down'}"]


entities("chord", _chords, says=lambda v: (f"the chord {v}",), aliases=_chord_aliases)
entities(
    "note",
    lambda: [_name(midi) for midi in range(36, 85)],
    says=lambda v: (f"the note {v}",),
)
entities("note_name[]", _chord_tones, says=_note_words)
entities(
    "musical_key",
    lambda: [_key_name(signature, minor) for minor in (False, True) for signature in range(-6, 7)],
)
entities("semitones", lambda: [n for n in range(-9, 12) if abs(n) > 1], says=_step_words)
entities(
    "hertz",
    lambda: (50, 60, 100, 120, 185, 256, 300, 350, 432, 500, 660, 750, 1000, 1250, 2000),
    says=lambda v: (f"{v:g} Hz",),
)
entities("midi_number", lambda: range(36, 97))
entities("scale_degree", lambda: range(2, 8))
entities("tempo", lambda: range(48, 200, 8), says=lambda v: (f"{v:g} beats per minute",))
