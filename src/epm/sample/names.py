"""Invented names: syllable words for the open world, model codes from patterns, and codes one character apart.

A code is its segments: ``("KX", "120")`` may be written ``KX-120``, ``KX120`` or ``KX 120``.
"""

from __future__ import annotations

from random import Random

from epm.sample.layout import open_code_pattern
from epm.sample.world import Lexicon, named_words

Code = tuple[str, ...]

_ONSETS = ("b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "pr", "qu", "r", "s", "sh", "sk",
           "st", "t", "tr", "v", "w", "x", "y", "z", "")  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u", "a", "e", "o", "ai", "ea", "io", "ou", "y")
_CODAS = ("", "", "", "n", "r", "l", "s", "x", "m", "nd", "rk", "lt", "ck", "st")
_UNWELCOME = ("fuc", "fuk", "shit", "cunt", "kunt", "dick", "dik", "cock", "cok", "nig", "rape", "nazi", "puss", "slut", "hure", "pute")
"""Syllables that chance must not join into an offensive name."""
_MAX_SYLLABLES = 3
_MIN_WORD_CHARS = 4
_P_ACRONYM = 0.06
_P_TWO_WORDS, _P_AMPERSAND = 0.12, 0.15
_P_ADDED_LETTER, _P_SWAPPED_DIGITS = 0.15, 0.2
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def syllable_word(rng: Random) -> str:
    """A pronounceable lower-case word of 4 letters or more that no fixed world uses."""
    while True:
        n_syllables = 1 + int(rng.random() * _MAX_SYLLABLES)
        word = "".join(_pick(rng, _ONSETS) + _pick(rng, _VOWELS) + _pick(rng, _CODAS) for _ in range(n_syllables))
        is_clean = not any(part in word for part in _UNWELCOME)
        if len(word) >= _MIN_WORD_CHARS and is_clean and word not in named_words():
            return word


def open_name(rng: Random) -> str:
    """A brand or line name of the open world: one word, sometimes two, perhaps joined by ``&``, sometimes capital letters only."""
    if rng.random() < _P_ACRONYM:
        return "".join(_pick(rng, _LETTERS) for _ in range(3 + int(rng.random() * 2)))
    name = syllable_word(rng).capitalize()
    if rng.random() > _P_TWO_WORDS:
        return name
    return f"{name}{' & ' if rng.random() < _P_AMPERSAND else ' '}{syllable_word(rng).capitalize()}"


def new_code(rng: Random, lexicon: Lexicon) -> Code:
    """A model code after one of the world's patterns: ``L`` is one of its letters, ``#`` a digit, ``-`` a segment border."""
    pattern = open_code_pattern(rng) if lexicon.is_open else _pick(rng, lexicon.words.code_patterns)
    letters = lexicon.words.code_letters
    filled = "".join(_pick(rng, letters) if char == "L" else str(int(rng.random() * 10)) if char == "#" else char for char in pattern)
    return tuple(filled.split("-"))


def near_code(rng: Random, code: Code, lexicon: Lexicon) -> Code:
    """A different code at a distance of one character, or of one swap of neighbouring digits, as sibling models have."""
    while True:
        near = _edit(rng, code, lexicon.words.code_letters)
        if joined(near) != joined(code):
            return near


def joined(code: Code) -> str:
    """The code without separators, by which two spellings of it are equal."""
    return "".join(code)


def _edit(rng: Random, code: Code, letters: str) -> Code:
    kind = rng.random()
    if kind < _P_ADDED_LETTER:
        return (*code[:-1], code[-1] + _pick(rng, letters))
    segment = max(range(len(code)), key=lambda i: sum(char.isdigit() for char in code[i]))
    text = code[segment]
    places = [i for i, char in enumerate(text) if char.isdigit()]
    place = places[int(rng.random() * len(places))]
    if kind < _P_ADDED_LETTER + _P_SWAPPED_DIGITS and place + 1 < len(text) and text[place + 1].isdigit():
        edited = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    else:
        edited = text[:place] + str(int(rng.random() * 10)) + text[place + 1 :]
    return (*code[:segment], edited, *code[segment + 1 :])


def _pick(rng: Random, options: tuple[str, ...] | str) -> str:
    return options[int(rng.random() * len(options))]
