"""Files of every kind with seeded damage, read as a command would: what becomes of them, counted.

    python benchmarks/damaged_files.py [n of each kind, usually 1000] [kind ...]

``same``: what was read is what the sound file holds. ``refused``: an error of one line. ``other``: read, with other
values; for kinds whose container has checksums that is WRONG. ``traceback``: any other exception.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))

from damaged import CHECKED, KINDS, outcome_of


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    kinds = sys.argv[2:] or sorted(KINDS)
    print(f"{'kind':18} {'same':>6} {'refused':>8} {'other':>6} {'WRONG':>6} {'traceback':>10}")
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(BrokenPipeError):
        for kind in kinds:
            counts: Counter[str] = Counter()
            for seed in range(n):
                outcome, why = outcome_of(kind, Path(folder), random.Random(f"{kind} {seed}"))
                counts[outcome] += 1
                if outcome == "traceback":
                    print(f"  {kind} seed {seed}: {why}", file=sys.stderr)
            wrong = counts["other"] if kind in CHECKED else 0
            other = counts["other"] - wrong
            print(f"{kind:18} {counts['same']:6} {counts['refused']:8} {other:6} {wrong:6} {counts['traceback']:10}", flush=True)


if __name__ == "__main__":
    main()
