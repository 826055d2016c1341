"""A text in the ways that a model can read it: as it stands, and with what hides words from a program undone.

Invisible and struck-through characters are taken away, look-alikes and full-width letters become plain, letters that were
set apart or joined by camel case become words, digits that stand for letters become those, and base64, hexadecimal, percent,
escape, entity, Morse and rot13 writing are decoded. Readings are for looking only: nobody is shown one.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import unquote

from epm.prompts.chat_marks import fold_look_alikes

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,400}={0,2}")
_HEX = re.compile(r"\b(?:[0-9a-fA-F]{2}){12,400}\b")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_MORSE = re.compile(r"(?:[.-]{1,5}(?: / | )){10,400}[.-]{0,5}")
_APART = re.compile(r"(?:(?<![^\W_])[^\W_][\W_]{1,3}){8,400}[^\W_](?![^\W_])")
"""Eight letters one by one: an abbreviation has fewer."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LEET = str.maketrans("01345@$7!", "oieasasti")
_LEET_WORD = re.compile(r"[a-zA-Z][01345@$7!][a-zA-Z]")
_MORSE_LETTERS = dict(
    zip(
        ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --..".split(),  # noqa: SIM905  # a table
        "abcdefghijklmnopqrstuvwxyz",
        strict=True,
    )
)
_TAGS = {0xE0000 + code: code for code in range(0x20, 0x7F)}
_FEW = 5
"""So many escapes or more are a hidden text; fewer are the trade-mark signs of a careless export."""


def readings(text: str) -> Iterator[str]:
    """The text as it stands first, then what else can be read in it; each once."""
    seen = set[str]()
    for reading in _readings(text):
        if reading.strip() and reading not in seen:
            seen.add(reading)
            yield reading


def _readings(text: str) -> Iterator[str]:
    yield text
    plain = unhidden(text)
    yield plain
    yield fold_look_alikes(plain)
    for decode in _decoders():
        yield from decode(plain)
    yield _CAMEL.sub(" ", plain)
    if _LEET_WORD.search(plain):
        yield plain.translate(_LEET)
    yield plain[::-1]
    yield codecs.encode(plain, "rot13")


def joined_letters(text: str) -> Iterator[str]:
    """Stretches whose letters stand one by one, joined: they have no words any more."""
    for found in _APART.finditer(unhidden(text)):
        yield "".join(char for char in found.group().casefold() if char.isalnum())


def unhidden(text: str) -> str:
    """The text in compatibility form, invisible tag letters made visible, other unseen and striking characters gone."""
    shown = text if text.isascii() else unicodedata.normalize("NFKC", text.translate(_TAGS))
    return shown if shown.isascii() else "".join(char for char in shown if unicodedata.category(char) not in {"Cf", "Mn", "Me"})


@cache
def _decoders() -> tuple[Callable[[str], Iterator[str]], ...]:
    return _from_base64, _from_hex, _from_percent, _from_escapes, _from_entities, _from_morse


def _from_base64(text: str) -> Iterator[str]:
    for found in _BASE64.findall(text):
        try:
            yield base64.b64decode(found + "=" * (-len(found) % 4), altchars=b"-_" if set("-_") & set(found) else None).decode("utf-8")
        except (binascii.Error, ValueError):
            continue


def _from_hex(text: str) -> Iterator[str]:
    for found in _HEX.findall(text):
        try:
            yield bytes.fromhex(found).decode("utf-8")
        except ValueError:
            continue


def _from_percent(text: str) -> Iterator[str]:
    if len(_PERCENT.findall(text)) >= _FEW:
        yield unquote(text)


def _from_escapes(text: str) -> Iterator[str]:
    if len(_ESCAPE.findall(text)) >= _FEW:
        yield _ESCAPE.sub(lambda found: chr(int(found.group(1) or found.group(2), 16)), text)


def _from_entities(text: str) -> Iterator[str]:
    if text.count("&#") >= _FEW:
        yield html.unescape(text)


def _from_morse(text: str) -> Iterator[str]:
    for found in _MORSE.findall(text):
        words = (word.split() for word in found.split(" / "))
        yield " ".join("".join(_MORSE_LETTERS.get(mark, "") for mark in word) for word in words)
