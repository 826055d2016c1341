"""The columns of the rationale dataset: the fields of its two row models, in this order.

Their descriptions are the documentation: the dataset card prints them. ``gold_label``, ``teacher_label``, ``oracle_label``
and ``human_label`` are never one column.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from epm.decision import Outcome
from epm.rationale import Verdict
from epm.relation import Label, Relation
from epm.store.codec import storable

SCHEMA_VERSION = 2
"""Of the columns below. A column that is added, renamed or means something else makes another version."""

Text = Annotated[str, BeforeValidator(lambda value: storable(value) if isinstance(value, str) else value)]
"""Text as files can hold it: half characters that JSON let through are written as escapes."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = Field(SCHEMA_VERSION, description="version of these columns")
    pair_id: Text = Field(description="id of the pair in the input")
    split: Text | None = Field(description="split that the input names for the pair; not the split that a loader calls the file by")
    left_id: Text = Field(description="id of the left listing")
    left_title: Text = Field(description="its title, word for word")
    right_id: Text = Field(description="id of the right listing")
    right_title: Text = Field(description="its title, word for word")
    gold_label: Label | None = Field(description="what the input says: match, no_match, or null where the input has no label")
    human_label: Label | None = Field(
        description="label that more people gave than the other one (epm review); null where nobody was asked, all were unsure or they are split"
    )
    human_votes: Text | None = Field(description="how many people gave each answer, as a JSON object; null where nobody answered")


class RationaleRow(_Row):
    """One rationale and where it comes from."""

    left_json: Text = Field(description="every text of the left listing, title included, as a JSON object by field name")
    right_json: Text = Field(description="the same of the right listing")
    gold_relation: Relation | None = Field(description="relation that the input names for the pair, where it does")
    teacher_label: Label | None = Field(description="label the rationale ends in; null where it is undecidable")
    oracle_label: Label | None = Field(
        description="label that the oracle's run decided for the same texts; null without --oracle, or where it has none"
    )
    teacher_probability: float | None = Field(description="teacher's probability of match, in [0, 1], where it gives one")
    teacher_relation: Relation = Field(description="relation the rationale ends in")
    teacher_factor: int | None = Field(description="how many times larger the larger pack is; other_pack only")
    confidence: Text | None = Field(description="low, medium or high, as the teacher says; null where it says nothing")
    core_verdict: Verdict = Field(description="verdict of the core axis: same, different or unknown")
    identifier_verdict: Verdict = Field(description="verdict of the identifier axis")
    variant_verdict: Verdict = Field(description="verdict of the variant axis")
    rationale: Text = Field(
        description="the rationale as JSON: for each axis its comparisons (attribute, left, right, verdict) and verdict, then relation, factor, label"
    )
    student_text: Text = Field(description="the same as student-text v1, what a student learns to write")
    score_core: float | None = Field(
        description="mean score of the core axis over the judges that scored it, in [0, 1]; null is unscored, never 0"
    )
    score_identifier: float | None = Field(description="the same of the identifier axis")
    score_variant: float | None = Field(description="the same of the variant axis")
    judgements: Text = Field(description="every judge's score as a JSON list: judge, axis, score, level, reason, unscored_reason")
    label_given_in_prompt: bool = Field(
        description="true: the writer was told the gold label and explains it; never count such rows as the teacher's own decisions"
    )
    label_words: tuple[Text, ...] = Field(
        description="words in attribute names and quotes that tell a label and that the listings do not say; empty for a clean rationale"
    )
    readings: Text = Field(
        description="what the teacher read before it asked, as a JSON object: side, then attribute, then quotes; {} where nothing was kept"
    )
    questions: Text = Field(description="what it asked about open attributes, as a JSON list: attribute, entity, side, question")
    answers: Text = Field(
        description="what it was answered, as a JSON list: attribute, question, answer, source (recalled or researched), citations, "
        "provenance of each citation, age_months"
    )
    citations: tuple[Text, ...] = Field(description="ids of the knowledge entries that the answers rest on, each once")
    rivals: Text = Field(description="the nearest other offers that the writer was shown, as a JSON list: id, title")
    problems: Text = Field(
        description="faults of earlier drafts of this rationale, as a JSON list: by (checks or model), problems; [] where none was sent back"
    )
    review_reasons: tuple[Text, ...] = Field(description="why the run wanted a person to look; empty where it did not")
    run_id: Text = Field(description="run that wrote the rationale")
    matcher: Text = Field(description="matcher that wrote it")
    matcher_version: Text | None = Field(description="its version, where the run kept it")
    model_asked: Text = Field(description="model that was asked for")
    models_answered: tuple[Text, ...] = Field(description="models that the replies name; empty where no call was kept")
    prompt_ids: tuple[Text, ...] = Field(description="prompts that were used, judges' apart; empty where no call was kept")
    prompt_shas: tuple[Text, ...] = Field(description="SHA-256 of each of them, in the same order; empty where their texts were not kept")
    prompts_sha: Text = Field(description="SHA-256 over all prompts of the matcher")
    evidence_version: Text | None = Field(description="version of the evidence engine behind the rationale, where the matcher says")
    identity_rule: Text = Field(description="identity rule by which labels follow from relations")
    oracle_run_id: Text | None = Field(description="run that oracle_label is of")
    attempt: int = Field(description="attempt that stands, counted from 1")
    cost_usd: float = Field(description="what the item's calls cost, in USD; unknown prices count as 0")
    latency_s: float = Field(description="seconds the item took")
    created_at: Text = Field(description="when the item stood, UTC, ISO 8601")
    license_note: Text | None = Field(description="what the exporter says about licences and terms (--license); null without it")


class FailedRow(_Row):
    """One item without a rationale that anybody may learn from, and why."""

    outcome: Outcome = Field(description="failed, abstained, or decided (without a rationale)")
    failure_class: Text = Field(description="error class of a failed item; else vetoed, purged or no_rationale")
    message: Text | None = Field(description="what happened, in words; null where nothing was kept")
    problems: Text = Field(
        description="faults of the drafts that were sent back or refused, as a JSON list: by (checks or model), problems"
    )
    vetoed_rationale: Text | None = Field(description="the draft that was refused, as JSON; null where there was none. Never learn from it")
    attempt: int = Field(description="attempt that stands, counted from 1")
    label_given_in_prompt: bool = Field(description="true: the writer was told the gold label")
    run_id: Text = Field(description="run of the item")
    matcher: Text = Field(description="matcher that was asked")
    model_asked: Text = Field(description="model that was asked for")
    cost_usd: float = Field(description="what the item's calls cost all the same, in USD; unknown prices count as 0")
    created_at: Text = Field(description="when the item stood, UTC, ISO 8601")
