"""What SFT taught, beyond format and class prior: the student beside the seed and a control trained on shuffled labels.

    epm demo --out demo-out && python benchmarks/student_control.py demo-out

The control is trained like the student, on the same rows with labels and relations handed to other pairs at random. Prints one row of figures for
each matcher on the held-out products of the demonstration, and the paired F1 differences with 95 % intervals.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from epm.config import stay_offline

stay_offline()

from epm.artifact import read_card  # noqa: E402  # the hub must be off before the libraries load
from epm.distill.dataset_files import read_sft_rows  # noqa: E402
from epm.distill.sft import SftRecipe, run_sft  # noqa: E402
from epm.eval.bench import bench  # noqa: E402
from epm.eval.intervals import f1_difference  # noqa: E402
from epm.files.pairs import read_pairs  # noqa: E402
from epm.matcher import MatchContext  # noqa: E402


def main(out: Path) -> None:
    control = out / "student-control"
    config = read_card(out / "student-sft", kind="student").config
    recipe = SftRecipe(**{name: value for name, value in config.items() if name != "command"})
    run_sft(read_sft_rows(out / "sft.jsonl"), control, replace(recipe, shuffle_labels=True))
    specs = ["seed", f"student:{out / 'student-sft'}", f"student:{control}"]
    test, valid = (read_pairs(out / "sample" / f"{split}.jsonl.gz").pairs for split in ("test", "valid"))
    for name, tuning in (("as decided", None), ("threshold from valid", valid)):
        seed, sft, shuffled = bench(test, specs, ctx=MatchContext(), valid=tuning).results
        for result in (seed, sft, shuffled):
            print(json.dumps({"operating_point": name, **result.row.to_json()}))
        for other, against in ((seed, "seed"), (shuffled, "control")):
            gain = f1_difference(sft.outcomes, other.outcomes)
            print(json.dumps({"operating_point": name, "sft_minus": against, **asdict(gain)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
