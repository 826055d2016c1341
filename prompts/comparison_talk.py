"""Where a text speaks of a comparison: of two offers, of their verdict, of whoever reads it, of what that one shall do.

A listing describes one product. Of the kinds of word that an order about a pair is made of, shops use one or two near each
other; three within a few words are suspicious, in whatever order and language. The words stand in
``comparison_words.toml``; what frames program text and written-out talk counts as one kind more. Suspicion is no
proof: ``judges/obedience.py`` says what follows from it.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

from epm.prompts.hidden_text import joined_letters, readings, unhidden

PROSE_FROM, NAME_FROM = 2.0, 1.5
"""The score from which a description, and a title, value or name, is suspicious: set on the dev half of
benchmarks/attack_families.py against the training files of four public data sets (docs/log.md has both sides)."""
WINDOW_WORDS = 9
"""An order is one short sentence; the longest wording of the dev half has 15 words, its telling ones nearer."""
DENSE_WORDS = 5
"""Within so few words a description is judged as strictly as a title."""
_SHORT_FIELD_WORDS = 2
"""A brand or a price between two fields parts no sentence."""
_PROSE = frozenset({"description", "answer"})
_WEAK, _STRONG = 0.5, 1.0
_TOKEN = re.compile(r"[^\W_]+")
_FRAME = re.compile(
    r"[=!]==?|[\u2260\u2261\u2262\u21d2\u279c\u2192\u2194\u21d4\u27f7\u2705\u274c\u2713\u2717\u2714\u2718\U0001f449\U0001f448\U0001f6ab\U0001f4af]|<[!/]?[a-z_|-]{2,}|\{\s*[\"'{]|\|\s*:?-{2,}|\[[x ]\] |/\*|\*/|'\s*;|;\s*--"
    r"|\b[a-z]+(?:_[a-z]+)+\s*[=:({]|\b[a-z_.]{3,}\s?=\s?[\w\"']|display\s*:\s*none|\b(?:alt|content)="
    r"|^[ \t]{0,9}(?:#{1,6}|>) |\*\*|^[ \t]{0,9}[a-z]{1,10} ?\d?:|\b[qa]: |\]\(",
    re.IGNORECASE | re.MULTILINE,
)
"""What program text, markup and written-out talk are framed by."""
_SIDES = re.compile(r"\bA\W{1,4}(?:(?:and|or|und|oder|et|ou|y|o|e|vs)\W{1,2})?B\b")
"""The two sides of a comparison by their letters."""
_SENTENCE = frozenset(
    """
    is are be was were do does did not that they it its you we he she must should shall will would cannot has have always never these which who
    whom what when them your everything nothing anything there then so because whether while ist sind sei nicht dass sie ihr muss soll wird wenn
    sont pas ils elle vous doit sera qui quand ellos usted debe quien cuando sono non che essi deve chi quando zijn niet dat moet wordt jest nie musi czy
    """.split()  # noqa: SIM905  # a list of so many strings reads worse
)
"""Pronouns and verbs of sentences. Of 6,244 titles of the training files 7 have two within nine words ("Who Wants to Be a Millionaire?")."""
_IN_A_NAME = frozenset({"title", "attribute name"})
"""What names a thing is no sentence; values and descriptions may be one."""
_SENTENCE_WORDS, _SENTENCE_SCORE = 2, 1.0
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af\u0900-\u097f]")
_SKELETON_CHARS = 4
"""Shorter skeletons stand for too many words."""
_SLIPS = 2
"""Letters too many or too few."""
_JOINED_CHARS = 5
"""Shorter words stand by chance in letters without spaces."""
_VOWELS = str.maketrans("", "", "aeiouy")
_SHOWN_CHARS = 60

Kinds = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Lexicon:
    words: dict[str, dict[str, float]]
    stems: dict[str, dict[str, float]]
    substrings: dict[str, str]
    skeletons: dict[str, dict[str, str]]
    """Kind by skeleton and misspelt word."""


def talk_in(texts: Mapping[str, str]) -> dict[str, str]:
    """The suspicious fields of a listing, each with a line of what it says; those that only two fields make together too."""
    found = {name: line for name, text in texts.items() if (line := _suspicious(name, text)) is not None}
    long = [(name, text) for name, text in texts.items() if len(text.split()) > _SHORT_FIELD_WORDS]
    for (one, first), (other, second) in pairwise(long):
        if one not in found and other not in found:
            seam = " ".join([*first.split()[-WINDOW_WORDS:], *second.split()[:WINDOW_WORDS]])
            if find_talk(seam, PROSE_FROM) is not None or find_talk(seam, NAME_FROM, DENSE_WORDS) is not None:
                found[one] = found[other] = _line(seam)
    return found


def _suspicious(name: str, text: str) -> str | None:
    kind, _, attribute = name.partition(".")
    suspicious_from = PROSE_FROM if kind in _PROSE else NAME_FROM
    for part, role in ((text, kind), (attribute, "attribute name")):
        if role in _IN_A_NAME and _is_sentence(part):
            return _line(part)
        if find_talk(part, NAME_FROM, DENSE_WORDS) is not None:
            return _line(part)
        for number, reading in enumerate(readings(part)):
            # letters turned round or shifted make short words by chance
            if find_talk(reading, suspicious_from if number == 0 else max(suspicious_from, PROSE_FROM)) is not None:
                return _line(reading)
        if any(_joined_score(letters) >= suspicious_from for letters in joined_letters(part)):
            return _line(part)
    return None


def _is_sentence(name: str) -> bool:
    """True for a name that has two words of a sentence, or one near talk of a comparison."""
    words = _TOKEN.findall(unhidden(name))
    places = [place for place, word in enumerate(words) if word.casefold() in _SENTENCE]
    for place in places:
        near = range(max(0, place - WINDOW_WORDS + 1), min(len(words), place + WINDOW_WORDS))
        if sum(0 <= other - place < WINDOW_WORDS for other in places) >= _SENTENCE_WORDS:
            return True
        if sum(_best([_kinds(words[other]) for other in near]).values()) >= _SENTENCE_SCORE:
            return True
    return False


def _line(text: str) -> str:
    start = find_talk(text, 0.0) or 0
    return " ".join(text[start : start + _SHOWN_CHARS].split())


def find_talk(text: str, suspicious_from: float, window: int = WINDOW_WORDS) -> int | None:
    """Where the first suspicious stretch of a text begins, as it stands, or ``None``."""
    found = sorted(_telling(text), key=lambda one: one[1])
    for number, (start, place, _) in enumerate(found):
        near = [kinds for _, other, kinds in found[number:] if other - place < window]
        best = _best(near)
        if sum(best.values()) >= suspicious_from and _is_about_a_pair(best):
            return start
    return None


def _best(found: Sequence[Kinds]) -> dict[str, float]:
    best: dict[str, float] = {}
    for kinds in found:
        for name, weight in kinds.items():
            best[name] = max(best.get(name, 0.0), weight)
    return best


def _is_about_a_pair(kinds: Kinds) -> bool:
    """True with a verdict, an order to a reader, or a frame around talk of two, of a reader or of a task."""
    is_order = kinds.get("command", 0.0) + kinds.get("meta", 0.0) == _STRONG + _STRONG
    return "verdict" in kinds or is_order or ("frame" in kinds and bool({"pair", "reader", "meta"} & kinds.keys()))


def _telling(text: str) -> Iterator[tuple[int, int, Kinds]]:
    """Offset, number and kinds of each word that is of a kind."""
    for number, token in enumerate(_TOKEN.finditer(text)):
        kinds = _kinds(token.group())
        if kinds:
            yield token.start(), number, kinds
    for pattern, kind in ((_FRAME, "frame"), (_SIDES, "pair")):
        for mark in pattern.finditer(text):
            yield mark.start(), len(_TOKEN.findall(text[: mark.start()])), {kind: _STRONG}
    if _UNSPACED.search(text):
        plain = fold(text)
        for part, name in _lexicon().substrings.items():
            place = plain.find(part)
            if place >= 0:
                yield min(place, len(text) - 1), 0, {name: _STRONG}


def _joined_score(letters: str) -> float:
    kinds = [
        kind
        for table in (_lexicon().words, _lexicon().stems)
        for word, kind in table.items()
        if len(word) >= _JOINED_CHARS and word in letters
    ]
    best = _best(kinds)
    return sum(best.values()) if _is_about_a_pair(best) else 0.0


def is_plain_talk(title: str) -> bool:
    """True for a title that is suspicious as it stands, without anything hidden in it."""
    return find_talk(title, NAME_FROM) is not None or _is_sentence(title)


def has_telling_word(text: str) -> bool:
    """True if a word of a text is of one of the kinds."""
    return any(_kinds(token) or token.casefold() in _SENTENCE for token in _TOKEN.findall(text))


def fold(text: str) -> str:
    """Lower case, compatibility forms resolved, accents and invisible characters gone."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return plain if plain.isascii() else "".join(char for char in plain if unicodedata.category(char) not in {"Mn", "Cf", "Me"})


@lru_cache(maxsize=65536)
def _kinds(token: str) -> Kinds:
    word, lexicon = fold(token), _lexicon()
    found = dict(lexicon.words.get(word, {}))
    for n in range(2, len(word) + 1):
        for name, weight in lexicon.stems.get(word[:n], {}).items():
            found[name] = max(found.get(name, 0.0), weight)
    if not found and len(word) > _SKELETON_CHARS:
        meant = lexicon.skeletons.get(_skeleton(word), {})
        found = {kind: _STRONG for right, kind in meant.items() if abs(len(right) - len(word)) <= _SLIPS}
    return found


def _skeleton(word: str) -> str:
    """What a slip of the pen leaves of a word: its first letter and its other consonants, sorted, each once."""
    return word[:1] + "".join(sorted(set(word[1:].translate(_VOWELS))))


@cache
def _lexicon() -> _Lexicon:
    stored = tomllib.loads(files("epm.prompts").joinpath("comparison_words.toml").read_text(encoding="utf-8"))
    found = _Lexicon({}, {}, {}, {})
    for name, group in stored.items():
        for weight, words in ((_WEAK, group["weak"]), (_STRONG, group["strong"])):
            for word in words.split():
                plain = fold(word.rstrip("*"))
                into = found.stems if word.endswith("*") else found.words
                into.setdefault(plain, {})[name] = weight
        for word in group["misspelt"].split():
            found.skeletons.setdefault(_skeleton(word), {})[word] = name
        found.substrings.update(dict.fromkeys(map(fold, group["substrings"].split()), name))
    return found
