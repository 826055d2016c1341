"""The card of a rationale dataset: what the rows are, where they come from, what they must not be taken for.

It is the folder's ``README.md``, which dataset hubs and ``load_dataset(FOLDER)`` read. The tables of columns are printed
from the row models: a column without a description cannot be written. Everything that a user or a model worded is written
so that it cannot become structure of the card.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel

from epm.config import __version__
from epm.distill.label_words import LabelWords
from epm.distill.rationale_columns import SCHEMA_VERSION, FailedRow, RationaleRow
from epm.distill.rationale_files import FAILED, MARK, RATIONALES
from epm.distill.rationale_rows import RationaleView
from epm.rationale import Axis
from epm.store.records import RunRecord

_TOLD = (
    "**Label-conditioned.** {n} of {of} rationales were written by a model that had been told the gold label and explains it "
    "(`label_given_in_prompt`). They show how a label is argued. Their agreement with gold measures nothing, and they must not be mixed with blind "
    "rationales without saying so."
)
_BLIND = "**Blind.** No writer of these rationales had been told a label."
_LICENCE = (
    "Titles and texts belong to the sellers or to the data set they were read from: its licence holds for every row. Rationales that a hosted model "
    "wrote also fall under its vendor's terms, some of which restrict training other models. This card grants nothing."
)
_LIMITS = (
    "`teacher_label` is what the teacher said and no truth; compare it with `gold_label` where there is one. A null score is unscored: mask it, never "
    "count it as 0. `split` is the input's; a loader calls all of a file `train`, the input's test pairs included: filter by `split`. Listings repeat "
    "across pairs: cut new splits on products. The search for label words knows words of English, German, French, Spanish, Italian and Korean, and no "
    "paraphrase; a judge's reasons are not searched."
)  # fmt: skip


def rationale_card(runs: Sequence[RunRecord], view: RationaleView, words: LabelWords, license_note: str | None) -> str:
    """The dataset card of the rationales of some runs."""
    rows, failed = view.rows, view.failed
    reasons = ", ".join(f"{name} {count}" for name, count in _count(row.failure_class for row in failed).items())
    without = (
        f"{len(failed)} items without one in `{FAILED}` (by class: {reasons})" if failed else f"none without one: there is no `{FAILED}`"
    )
    note = [] if license_note is None else [f"Who exported it says: {_code(license_note)}.", ""]
    return "\n".join(
        [
            *_front_matter(has_failed=bool(failed)), MARK, "", "# Rationales about pairs of listings", "", _told(rows), "",
            f"{len(rows) + len(failed)} items: {len(rows)} rationales in `{RATIONALES}`, {without}.",
            f"Columns have version {SCHEMA_VERSION} (`schema_version`).", "",
            *_labels(rows), *_scores(rows), "## How it was made", "", *(line for run in runs for line in _made(run, rows)),
            f"{words.summary()}.", "", "## Columns", "", *_columns(RationaleRow), "", f"### `{FAILED}`", "", *_columns(FailedRow), "",
            "## Licence", "", *note, _LICENCE, "", "## Limits", "", _LIMITS, "",
        ]
    )  # fmt: skip


def _front_matter(*, has_failed: bool) -> list[str]:
    # the two files have different columns: without named configurations a loader of the folder would try to join them
    configs: list[dict[str, object]] = [{"config_name": "rationales", "data_files": RATIONALES, "default": True}]
    if has_failed:
        configs.append({"config_name": "failed", "data_files": FAILED})
    return [
        "---", f"configs: {json.dumps(configs)}", "license: other", "tags: [product-matching, entity-resolution, rationales]", "---", "",
    ]  # fmt: skip


def _told(rows: Sequence[RationaleRow]) -> str:
    n_told = sum(row.label_given_in_prompt for row in rows)
    return _TOLD.format(n=n_told, of=len(rows)) if n_told else _BLIND


def _labels(rows: Sequence[RationaleRow]) -> list[str]:
    columns = ("gold_label", "teacher_label", "oracle_label", "human_label")
    lines = ["## Labels", "", "| split | column | match | no_match | null |", "| --- | --- | --- | --- | --- |"]
    for split in _count(row.split for row in rows):
        for column in columns:
            found = _count(getattr(row, column) for row in rows if _name(row.split) == split)
            lines.append(f"| {_code(split)} | `{column}` | {found.get('match', 0)} | {found.get('no_match', 0)} | {found.get('null', 0)} |")
    return [*lines, "", *_agreements(rows)]


def _agreements(rows: Sequence[RationaleRow]) -> list[str]:
    lines = []
    for kind, is_told in (("blind", False), ("label-conditioned", True)):
        both = [r for r in rows if r.label_given_in_prompt is is_told and r.gold_label is not None and r.teacher_label is not None]
        n_same = sum(row.gold_label is row.teacher_label for row in both)
        lines += [f"Gold and teacher agree on {n_same} of {len(both)} {kind} rationales where both have a label.", ""] if both else []
    return lines


def _scores(rows: Sequence[RationaleRow]) -> list[str]:
    judges = sorted({_code(str(score["judge"])) for row in rows for score in json.loads(row.judgements)})
    if not judges:
        return ["No judge has scored these rationales.", ""]
    scored = {axis.value: [s for row in rows if (s := getattr(row, f"score_{axis.value}")) is not None] for axis in Axis}
    means = "; ".join(
        f"{axis} {len(found)} scored" + (f", mean {sum(found) / len(found):.3f}" if found else "") for axis, found in scored.items()
    )
    return [f"Judges {', '.join(judges)}: {means}. The others are unscored.", ""]


def _made(run: RunRecord, rows: Sequence[RationaleRow]) -> list[str]:
    spec, of_run = run.spec, [row for row in rows if row.run_id == run.run_id]
    shas = {id_: sha for row in of_run for id_, sha in zip(row.prompt_ids, row.prompt_shas, strict=False)}
    facts = {
        "command": spec.command, "matcher": spec.matcher, "matcher version": spec.settings.get("matcher_version", ""),
        "model asked": spec.model, "models that answered": _several(model for row in of_run for model in row.models_answered),
        "prompts": _several(f"{id_} {shas.get(id_, '')[:12]}".strip() for row in of_run for id_ in row.prompt_ids),
        "prompts SHA-256": spec.prompts_sha, "evidence version": _several(row.evidence_version for row in of_run),
        "label given in prompt": str(sum(row.label_given_in_prompt for row in of_run)),
        "identity rule": spec.settings.get("identity", ""), "identity rule in words": spec.settings.get("identity_statement", ""),
        "relations that match": spec.settings.get("identity_matching", ""), "seed": str(spec.seed), "input SHA-256": spec.input_sha,
        "cost of these rationales": f"${sum(row.cost_usd for row in of_run):.4f}",
        "oracle run": _several(row.oracle_run_id for row in of_run), "made by": f"epm {run.provenance.get('epm', 'unknown')}",
        "exported by": f"epm {__version__}",
    }  # fmt: skip
    return [f"Run {_code(run.run_id)}:", "", *(f"- {name}: {_code(value)}" for name, value in facts.items() if value), ""]


def _columns(model: type[BaseModel]) -> list[str]:
    lines = ["| column | what it holds |", "| --- | --- |"]
    return [*lines, *(f"| `{name}` | {_described(name, field.description)} |" for name, field in model.model_fields.items())]


def _described(name: str, description: str | None) -> str:
    if not description:
        msg = f"column {name!r} has no description"
        raise ValueError(msg)
    return description


def _several(values: Iterable[str | None]) -> str:
    return ", ".join(sorted({value for value in values if value is not None}))


def _count(values: Iterable[object]) -> Mapping[str, int]:
    """How often each value stands, the commonest first, equal ones by name: the same rows give the same card."""
    return dict(sorted(Counter(_name(value) for value in values).items(), key=lambda entry: (-entry[1], entry[0])))


def _name(value: object) -> str:
    return "null" if value is None else str(value)


def _code(text: str) -> str:
    """The text as code that ends where it should: no back-tick, bar or line break of its own."""
    return f"`{' '.join(text.split()).replace('`', ' ').replace('|', '/')}`"
