"""The encoding of a text file: by its byte order mark, else strict UTF-8, else what its bytes make plausible."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDEFINED_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_STRAY = re.compile("[\udc80-\udcff]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_WESTERN_RUN_BYTES = 2.0
"""Western text has its accented letters alone or in twos between plain ones; other scripts have whole words of high bytes."""
_LETTERS = frozenset("äöüßáàâãåæçéèêëíìîïñóòôõøœúùûÄÖÜÁÀÂÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÕØŒÚÙÛªºµƒ")
"""Letters of western languages; bytes of other encodings show as the rest of what cp1252 has (``š``, ``Ÿ``, ``ý``, ``þ``) or as marks inside words."""
_MARK_IN_WORD = re.compile(r"[^\W\d_][¹²³¿¡§£¥¤¦¬¯¨´¸¢¶”“„‚‘‹›ˆ˜†‡‰][^\W\d_]")
_MAX_ODDNESS = 0.1
"""Below it, foreign letters are those of a few names in western text."""
_SINGLE_LETTER_SCRIPTS = ["cp1252", "cp1250", "cp1254", "cp1257", "mac_roman", "cp850"]
_OTHER_SCRIPTS = ["cp949", "cp932", "gb18030", "big5", "cp1251", "cp1250", "cp1253", "cp1254"]


@dataclass(frozen=True, slots=True)
class EncodingGuess:
    """A Python encoding name and why it was chosen; ``is_sure`` is false where the bytes allow several."""

    name: str
    reason: str
    is_sure: bool


def guess_encoding(sample: bytes, *, is_whole: bool) -> EncodingGuess:
    """The likely encoding of the bytes at the head of a file.

    Args:
        sample: the first bytes.
        is_whole: false if the file goes on, so that a character cut in two at the end says nothing.
    """
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return EncodingGuess(name, "byte order mark", is_sure=True)
    if (wide := _wide(sample)) is not None:
        return wide
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=is_whole)
    except UnicodeDecodeError as error:
        return _guess_legacy(sample, error)
    reason = "plain ASCII" if sample.isascii() else "valid UTF-8"
    return EncodingGuess("utf-8", reason, is_sure=is_whole or not sample.isascii())


def _wide(sample: bytes) -> EncodingGuess | None:
    """UTF-16 without a mark: every other byte of mostly Latin text is zero."""
    half = len(sample) // 2
    for name, start in (("utf-16-le", 1), ("utf-16-be", 0)):
        if half and sample[start::2].count(0) > half * 0.6 and sample[1 - start :: 2].count(0) < half * 0.1:
            return EncodingGuess(name, "every other byte is zero", is_sure=True)
    return None


def _guess_legacy(sample: bytes, error: UnicodeDecodeError) -> EncodingGuess:
    no_utf8 = f"byte 0x{sample[error.start]:02x} at {error.start} is no UTF-8"
    n_utf8, n_strays = _utf8_counts(sample)
    if n_utf8 > n_strays:
        return EncodingGuess("utf-8", f"{no_utf8}, but {n_utf8} characters are, and {n_strays} bytes are not", is_sure=False)
    runs = _HIGH_RUN.findall(sample)
    mean_run = sum(map(len, runs)) / len(runs)
    is_single = mean_run < _WESTERN_RUN_BYTES
    if is_single and not _UNDEFINED_CP1252.search(sample) and (oddness := _oddness(sample.decode("cp1252"))) < _MAX_ODDNESS:
        is_sure = not oddness and n_utf8 < n_strays * _MAX_ODDNESS
        return EncodingGuess("cp1252", f"{no_utf8}, single accented letters as in western Windows text", is_sure=is_sure)
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_SINGLE_LETTER_SCRIPTS if is_single else [*_OTHER_SCRIPTS, "cp1252"]).best()
    if best is not None:
        return EncodingGuess(best.encoding, f"{no_utf8}, the letters are most plausible so", is_sure=False)
    return EncodingGuess("cp1252", f"{no_utf8}, nothing better was found", is_sure=False)


def _utf8_counts(sample: bytes) -> tuple[int, int]:
    """The characters beyond ASCII that are sound UTF-8, and the bytes that are not: other encodings hold few of the first by chance."""
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(sample)
    n_strays = len(_STRAY.findall(text))
    return sum(not char.isascii() for char in text) - n_strays, n_strays


def _oddness(text: str) -> float:
    """The share of letters foreign to western languages, and of marks inside words, among the characters beyond ASCII."""
    counts = Counter(char for char in text if not char.isascii())
    n_foreign = sum(n for char, n in counts.items() if char.isalpha() and char not in _LETTERS)
    return (n_foreign + len(_MARK_IN_WORD.findall(text))) / counts.total()
