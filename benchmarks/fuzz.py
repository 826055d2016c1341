"""Random and mutated listings through the whole engine: counts what raises, breaks a span, or depends on the order of the sides.

    python benchmarks/fuzz.py --n 1000000

Half of the strings are random, half are titles of the generated sample with insertions, deletions, swaps, Unicode and
long repeats. Prints one JSON line; leaves with 1 if anything was found. The same seed gives the same strings.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter

from epm.evidence.engine import PairEvidence, compare_listings
from epm.evidence.parsed import ParsedListing, parse_texts
from epm.sample import World, generate

SEED = 20
PIECES = (
    "6er Pack", " x ", "24 x 330 ml", "½", "1/2 in", "12 oz (340 g)", "for ", "für ", "호환", "용", "3개입", "+ ", "with ", "kit", "&amp;", "&#0;", "&nbsp;", "Ã¤", "â€“",
    "ðŸ”¥", "[", "]", "(", ")", "<b>", "\x00", "\u200b", "\u202e", "\ufeff", "İ", "ß", "ﷺ", "🙂", "ｘ", "４", "٣", "²", "€", "$19.99", "EAN 4006381333931", "KX-120", "-", "--", ".",
    "1.234,56", "1 000 g", "12'000 mAh", "5'6\"", "1lb 8oz", "gen 2", "2nd gen", "v2", "2024", "QWERTZ", "US", "PAL", "refurbished", "neu", "XL", "Größe 42", "schwarz",
)  # fmt: skip
MAX_REPEATS = 300
EACH_SWAPPED = 4
"""One pair in so many is compared swapped too."""
N_BASES = 400


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=1_000_000, help="strings to read")
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    start = time.process_time()
    found = fuzz(asked.n, asked.seed)
    line = {
        "n_strings": asked.n,
        "seed": asked.seed,
        "n_found": sum(found.values()),
        "found": dict(found),
        "cpu_s": round(time.process_time() - start, 1),
    }
    print(json.dumps(line), flush=True)
    return 1 if found else 0


def fuzz(n_strings: int, seed: int = SEED) -> Counter[str]:
    """What was found in that many strings, by kind: an exception's name, ``span``, ``relation`` or ``probability``."""
    rng = random.Random(seed)
    titles = [
        listing.title for sample in generate(World.TRAIN, N_BASES // 2, seed=seed) for listing in (sample.pair.left, sample.pair.right)
    ]
    found: Counter[str] = Counter()
    other, last, n_read = read(titles[0], found), titles[0], 0
    while n_read < n_strings:
        text = random_text(rng) if n_read % 2 else mutated(rng.choice(titles), rng)
        parsed, n_read = read(text, found), n_read + 1
        if parsed is None or other is None:
            other = parsed
            continue
        try:
            evidence = compare_listings(parsed, other)
            if n_read % EACH_SWAPPED == 0:
                kinds = asymmetries(evidence, compare_listings(other, parsed))
                found.update(kinds)
                if kinds:
                    print(repr(text), repr(last), *kinds, file=sys.stderr)
        except Exception as error:  # noqa: BLE001  # any exception is what is looked for
            found[type(error).__name__] += 1
            print(repr(text), repr(last), file=sys.stderr)
        other, last = parsed, text
    return found


def read(text: str, found: Counter[str]) -> ParsedListing | None:
    """The parsed listing, or ``None`` where reading raised; spans that do not slice back are counted."""
    try:
        parsed = parse_texts({"title": text})
    except Exception as error:  # noqa: BLE001  # any exception is what is looked for
        found[type(error).__name__] += 1
        print(repr(text), file=sys.stderr)
        return None
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)  # half a surrogate pair cannot be quoted
    for values in parsed.values.values():
        if any(not v.span.quote or text[v.span.start : v.span.end] != v.span.quote for v in values):
            found["span"] += 1
            print(repr(text), file=sys.stderr)
    return parsed


def asymmetries(one: PairEvidence, other: PairEvidence) -> list[str]:
    """What differs between a pair and the swapped pair."""
    differs = (
        ("relation", one.relation is not other.relation),
        ("factor", one.factor != other.factor),
        ("probability", one.probability != other.probability),
    )
    return [name for name, is_different in differs if is_different]


def random_text(rng: random.Random) -> str:
    """A string of pieces of listings and of characters from all of Unicode."""
    parts = []
    for _ in range(rng.randrange(12)):
        kind = rng.random()
        if kind < 0.5:
            parts.append(rng.choice(PIECES))
        elif kind < 0.8:
            parts.append("".join(chr(rng.randrange(32, 127)) for _ in range(rng.randrange(1, 9))))
        else:
            parts.append(chr(rng.randrange(0x110000)))
        parts.append(rng.choice(("", " ")))
    return "".join(parts)


def mutated(title: str, rng: random.Random) -> str:
    """A title with one to four edits."""
    text = title
    for _ in range(rng.randrange(1, 5)):
        at, to = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:at] + rng.choice(PIECES) + text[at:]
        elif kind == 1:
            text = text[:at] + text[to:]
        elif kind == 2:
            text = text[at:to] + text[:at] + text[to:]
        elif kind == 3:
            text = text[:at] + chr(rng.randrange(0x110000)) + text[at:]
        elif kind == 4:
            text = text[:at].swapcase() + text[at:]
        elif rng.random() < 0.02:
            text = text[:at] + text[at:to][:20] * rng.randrange(1, MAX_REPEATS) + text[to:]
    return text


if __name__ == "__main__":
    sys.exit(main())
