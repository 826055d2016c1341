"""Chat-template marks: what a tokenizer, a chat template or our own prompts read as structure, whoever's it is.

A mark is known by its shape, not by a list of vendors: a bracketed name that no shop writes. In angle brackets that is a
name with a bar, a slash, an underscore, a number or attributes, or one word of the trade; in square brackets a name with
a bar, a slash or underscores, or one word of the trade in capitals; at the start of a line it is a role and a colon, or a
heading of hashes. Shapes are looked for in a folded text, in which escaped, full-width and look-alike characters stand
for what they mean and invisible ones are absent, so that no spelling of a mark passes. Marks are taken out whole. One
word that is no word of the trade (``<new>``, ``[Refurbished]``) stays, and so does whatever begins with a number
(``<10 kg>``, ``[1TB]``).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORDS = frozenset(
    """
    s bos eos unk pad cls sep mask sop eop eot eod eom eoa bot user system assistant human ai gpt model developer tool
    tools function functions ipython python role turn message messages think thinking thought reasoning scratchpad answer
    response instruction instructions instruct inst sys prompt context document documents observation action plugin
    image img audio video vision box ref quad speech media file filename reponame repo name code json output input im start begin end text sequence
    call calls result results available channel final analysis commentary conversation chat data fim prefix middle suffix
    reserved special token unused extra control gmask smask header headers override
    """.split()  # noqa: SIM905  # a list of so many strings reads worse
)
"""Words of the trade, read from the special tokens of the open tokenizers (Llama, Mistral, Qwen, Gemma, Phi, DeepSeek, GLM,
Cohere, T5, BERT) and taken apart at underscores; their next tokens are made of the same words."""
_MARKUP = frozenset(
    """
    a abbr b big blockquote body br button center code dd del div dl dt em embed font footer form h1 h2 h3 h4 h5 h6 head
    header hr html i iframe input ins li link main meta nav object ol option p pre script section small span strike strong
    style sub sup svg table tbody td th thead title tr u ul
    """.split()  # noqa: SIM905  # a list of so many strings reads worse
)
"""Elements of HTML: markup is nothing that a product is called."""
_ROLES = (
    "system|user|assistant|human|developer|chatbot|bot|ai|llm|instructions?|ai assistant|"
    "(?:system|user|assistant|developer|new|hidden|real) (?:prompt|message|instructions?|override|turn|note)"
)

_LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("\u2039\u27e8\u3008\u2329\u276e\u02c2\u1438\u2770\u29fc\ufe64", "<"),
        **dict.fromkeys("\u203a\u27e9\u3009\u232a\u276f\u02c3\u1433\u2771\u29fd\ufe65", ">"),
        **dict.fromkeys("\u2502\u2503\u2223\u01c0\u00a6\u23d0\u2758\u2759\u275a\ufe33\ufe31\u05c0\uffe8", "|"),
        **dict.fromkeys("\u27e6\u3014\u2772", "["),
        **dict.fromkeys("\u27e7\u3015\u2773", "]"),
        **dict.fromkeys("\u2044\u2215\u29f8\u2571", "/"),
        **dict.fromkeys("\u02d0\ua789\u2236\u0589\u05c3\ufe55", ":"),
        **dict.fromkeys("\u02cb\u1fef\u2035", "`"),
        **dict.fromkeys("\u2581\u203f\u2017", "_"),
        **dict(
            zip(
                "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0455\u0501\u0410\u0412\u0415\u041a\u041c\u041d\u041e"
                "\u0420\u0421\u0422\u0425\u0406\u0405\u03b1\u03bf\u03bd\u03b9\u0391\u0392\u0395\u0397\u0399\u039a\u039c"
                "\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0443\u0442\u043c\u043d\u043a\u0131\u217c",
                "aeopcxyisdABEKMHOPCTXISaovvABEHIKMNOPTYXytmhkil",
                strict=True,
            )
        ),
    }
)
"""Look-alikes that compatibility normalisation leaves alone (Unicode confusables of the characters that marks are made of)."""
_UNSEEN = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
_UNSEEN += "\u0300-\u036f\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\U000e0000-\U000e01ef"
_ESCAPES = {
    "<": ("lt", 60), ">": ("gt", 62), "[": ("lsqb|lbrack", 91), "]": ("rsqb|rbrack", 93), "|": ("vert|verbar", 124), "/": ("sol", 47),
    "_": ("lowbar", 95), "#": ("num", 35), ":": ("colon", 58), "`": ("grave", 96),
}  # fmt: skip
_UNIT = re.compile(
    "|".join(
        rf"(?P<e{code}>&(?:amp;){{0,4}}(?:(?:{name});|#0{{0,6}}{code}(?!\d);?|#[xX]0{{0,6}}{code:x}(?![0-9a-fA-F]);?)"
        rf"|&(?:amp;){{0,4}}{f'{name}(?![a-z])' if code in {60, 62} else '(?!)'}"
        rf"|\\u00{code:02x}|\\x{code:02x}|%{code:02x})"
        for name, code in _ESCAPES.values()
    )
    + f"|(?P<unseen>[{_UNSEEN}])",
    re.IGNORECASE,
)
_LINE_END = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_TAG = re.compile(r"<<?[^<>]{0,240}>>?")
_SQUARE = re.compile(r"\[\[?[^\[\]]{1,60}\]\]?")
_OPEN_DATA = re.compile(r"<[\s/]*data\b[^<>\n]{0,200}", re.IGNORECASE)
_FENCE = re.compile(r"`{3,}|~{3,}")
_LINE = re.compile(f"[^{_LINE_END}]+")
_HEADER = re.compile(
    rf"[\s>*_\-\"'.]{{0,12}}(?:#{{1,8}}[ \t]{{0,4}}(?:{_ROLES}|response|input|output|context)\b[ \t*_]{{0,4}}:?"
    rf"|#{{2,8}}(?=[ \t]{{0,4}}[^\W\d])|(?:{_ROLES})[ \t*_\"']{{0,4}}:)",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\W\d][\w.:@~|-]*", re.ASCII)
_ATTRIBUTES = re.compile(r"[^\W\d][\w.:-]*(?:\s{1,9}[^\W\d][\w:-]*\s{0,9})?=.*", re.ASCII | re.DOTALL)
_SIGILS = " \t\n\r\xa0/!?_#@%$:~^*.+-\u2581"
_SPACED_CHARS = 3
"""A shorter name between spaced brackets is arithmetic: ``a < b > c``."""
_CAMEL = re.compile(r"[a-z]{1,2}[A-Z]{3,}")
_STRUCTURE = re.compile(r"[<>\[\]`~#:&%\\]")
_TRIGGER = re.compile(r"[<>\[\]`~#:&%\\]|[^\x00-\x7f]")
_MAX_PASSES = 8
"""Marks nested deeper than this are nobody's title: then every character that could begin a mark goes."""


def without_marks(text: str) -> str:
    """The text without chat-template marks, in whatever spelling and nesting; never longer. Linear in its length."""
    if not _TRIGGER.search(text):
        return text
    for _ in range(_MAX_PASSES):
        shorter = _without_once(text)
        if shorter == text:
            return text
        text = shorter
    return "".join(char for char in text if not _STRUCTURE.match(_fold_char(char)))


def _without_once(text: str) -> str:
    folded, starts, ends = _folded(text)
    spans = _spans(folded)
    if not spans:
        return text
    kept, place = list[str](), 0
    for first, last in sorted(spans):
        start, end = starts[first], ends[last - 1]
        if start > place:
            kept.append(text[place:start])
        place = max(place, end)
    return "".join([*kept, text[place:]])


def _spans(folded: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    if "<" in folded:
        closed = frozenset(_bare(tag) for tag in _TAG.findall(folded) if tag.lstrip("< ").startswith("/"))
        spans += [m.span() for m in _TAG.finditer(folded) if _is_tag_mark(m.group(), closed)]
        spans += [m.span() for m in _OPEN_DATA.finditer(folded)]
    if "[" in folded:
        spans += [m.span() for m in _SQUARE.finditer(folded) if _is_square_mark(m.group().strip("[]"))]
    spans += [m.span() for m in _FENCE.finditer(folded)]
    for line in _LINE.finditer(folded):
        header = _HEADER.match(line.group())
        if header is not None:
            spans.append((line.start() + header.start(), line.start() + header.end()))
    return spans


def _bare(tag: str) -> str:
    return tag.strip("<>").strip(_SIGILS).casefold()


def _is_tag_mark(tag: str, closed: frozenset[str]) -> bool:
    inside = tag.strip("<>")
    stripped = inside.strip()
    if stripped.startswith("|") or stripped.endswith("|"):
        return True
    name = inside.strip(_SIGILS)
    if not name or not name[0].isalpha():
        return bool(re.fullmatch(r"0x[0-9a-fA-F]{2}", name)) or stripped.startswith(("!", "?"))
    if stripped.startswith(("/", "!", "?", "@", "$", "%", "_", "\u2581")) or stripped.endswith("/"):
        return True
    if inside[0].isspace() and len(name) < _SPACED_CHARS and name.casefold() not in closed:
        return False
    is_markup = name.casefold() in closed or name.casefold() in _MARKUP
    return is_markup or (_is_template_name(name) if _NAME.fullmatch(name) else _is_told(name))


def _is_told(name: str) -> bool:
    """A name with attributes (``data name=…``, ``function=x``), or several words that are all words of the trade."""
    if "=" in name and _ATTRIBUTES.fullmatch(name):
        return True
    words = name.casefold().replace("|", " ").split()
    return bool(words) and all(word in _WORDS or word == "of" for word in words)


def _is_template_name(name: str) -> bool:
    """A name with underscores or bars, one that is numbered, or words of the trade."""
    if any(mark in name for mark in "_|@~"):
        return True
    words = [word.casefold() for word in re.findall(r"[A-Za-z]+", name)]
    is_trade = all(word in _WORDS or word == "of" for word in words)
    return is_trade or bool(_CAMEL.fullmatch(name))


def _is_square_mark(inside: str) -> bool:
    name = inside.strip()
    if name.startswith(("|", "/")) or name.endswith("|"):
        return len(name) > 1
    if not _NAME.fullmatch(name):
        return False
    words = re.findall(r"[A-Za-z]+", name)
    if "_" in name:
        return name.isupper() or name.islower() or any(word.casefold() in _WORDS for word in words)
    if _CAMEL.fullmatch(name):
        return name[:1] != "e"  # eBOOK and eSIM are goods
    is_trade = all(word.casefold() in _WORDS for word in words)
    if re.fullmatch(r"(?:unused|reserved|control|extra)\d+", name):
        return True
    return is_trade and (name.isupper() or name.casefold() in {"inst", "system", "assistant", "user", "gmask", "smask"})


def _folded(text: str) -> tuple[str, list[int], list[int]]:
    """The text as its marks are read, and where each of its characters begins and ends in the text."""
    chars, starts, ends = list[str](), list[int](), list[int]()
    place = 0
    for m in _UNIT.finditer(text):
        _take(text, place, m.start(), (chars, starts, ends))
        if m.lastgroup != "unseen":
            chars.append(chr(int((m.lastgroup or "e32")[1:])))
            starts.append(m.start())
            ends.append(m.end())
        place = m.end()
    _take(text, place, len(text), (chars, starts, ends))
    return "".join(chars), starts, ends


def _take(text: str, start: int, end: int, into: tuple[list[str], list[int], list[int]]) -> None:
    part = text[start:end]
    into[0].extend(part if part.isascii() else map(_fold_char, part))
    into[1].extend(range(start, end))
    into[2].extend(range(start + 1, end + 1))


def fold_look_alikes(text: str) -> str:
    """The text with each look-alike as the character that it looks like."""
    return text if text.isascii() else text.translate(_LOOK_ALIKES)


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    alike = char.translate(_LOOK_ALIKES)
    if alike != char:
        return alike
    plain = unicodedata.normalize("NFKC", char).translate(_LOOK_ALIKES)
    return plain if len(plain) == 1 else char
