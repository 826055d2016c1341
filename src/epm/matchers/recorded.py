"""The ``recorded:FILE[@PROMPT][,FIELD=COLUMN…]`` matcher: answers that a model gave earlier, read again from their text.

Rows are ``{pair_id, prompt_name, answer_text, answer_position?, model?, …}``. The parsing rule, which gives the published
figures: the first word of the answer, ``yes`` or ``no`` in any case, is the label; anything else is unparsed. With an
``answer_position`` N the text answers a batch, and the word after ``question N`` counts. A ``parsed_label`` in the file
is never read for the label; where it differs, the decision says so under ``provenance["disagreements"]``.

After the prompt, or right after the ``@``, columns can be named that hold ``probability``, ``cost_usd`` and ``latency_s``:

    recorded:answers.jsonl@short,probability=score,cost_usd=usd

Without a mapping none of them is read. Where a probability is, the text still says the label if there is an ``answer_text``;
rows without one, and without a ``prompt_name``, are then allowed, and a probability of at least 0.5 is their match.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from epm.decision import Decision, Outcome
from epm.errors import ConfigError, DataError, ErrorClass
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.relation import Label

_FIRST_WORD = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_LABELS = {"yes": Label.MATCH, "no": Label.NO_MATCH}
_MAPPED = ("probability", "cost_usd", "latency_s")
"""What can be read from columns that the spec names."""
_EVEN = 0.5


class RecordedAnswer(BaseModel):
    """One recorded answer; other columns are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    pair_id: str
    prompt_name: str
    answer_text: str | None
    answer_position: int | None = None
    model: str | None = None
    parsed_label: int | None = None


class RecordedFigures(BaseModel):
    """What the mapped columns of a row hold; an empty cell is ``None``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    probability: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    cost_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    latency_s: float | None = Field(None, ge=0, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """An answer with its figures, and whether its text is there to be parsed."""

    answer: RecordedAnswer
    figures: RecordedFigures
    has_text: bool

    def label(self) -> Label | None:
        """The label that the text states, else the one of the probability where there is no text."""
        if self.has_text or self.figures.probability is None:
            return parse_answer(self.answer.answer_text, self.answer.answer_position)
        return Label.MATCH if self.figures.probability >= _EVEN else Label.NO_MATCH


def parse_answer(text: str | None, position: int | None = None) -> Label | None:
    """The label an answer text states, ``None`` when it states none; ``position`` counts a batch's questions from 1."""
    if text is None:
        return None
    if position is not None:
        place = re.search(rf"\bquestion {position}\b[\s,:.-]*", text, re.IGNORECASE)
        if place is None:
            return None
        text = text[place.end() :]
    found = _FIRST_WORD.match(text)
    return None if found is None else _LABELS[found.group(1).lower()]


@dataclass(frozen=True)
class RecordedMatcher:
    """Answers by pair id from one prompt of a recorded run."""

    name: str
    version: str
    answers: Mapping[str, RecordedRow]
    source: str
    columns: Mapping[str, str] = field(default_factory=dict)

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:  # noqa: ARG002  # part of the seam
        """The recorded label of each pair: ``abstained`` where it cannot be parsed, ``failed`` where none was recorded."""
        return [self._decision(pair.id) for pair in batch]

    def _decision(self, pair_id: str) -> Decision:
        row = self.answers.get(pair_id)
        if row is None:
            msg = f"no recorded answer for pair {pair_id!r} in {self.source!r}: bench the pairs that the run was made on"
            return Decision.failed(pair_id, ErrorClass.BAD_REQUEST, msg)
        label, said = row.label(), row.answer
        provenance: dict[str, object] = {"answer_text": said.answer_text, "prompt_name": said.prompt_name, "model": said.model}
        if row.has_text and _recorded_label(said) is not label:
            provenance["disagreements"] = [
                f"parsed_label {said.parsed_label!r} against {label.value if label else None!r} read from the text"
            ]
        return Decision(
            pair_id, Outcome.ABSTAINED if label is None else Outcome.DECIDED, label=label, probability=self._probability(row, label),
            cost_usd=row.figures.cost_usd or 0.0, latency_s=row.figures.latency_s or 0.0, provenance=provenance,
        )  # fmt: skip

    def _probability(self, row: RecordedRow, label: Label | None) -> float | None:
        """What the mapped column says; without a mapping 1 or 0, which repeat the label."""
        if "probability" in self.columns:
            return row.figures.probability
        return None if label is None else float(label is Label.MATCH)

    def disagreements(self) -> list[tuple[str, int | None, Label | None]]:
        """Every (pair id, parsed_label in the file, label read from the text) where the two differ, in file order."""
        found = []
        for answer in (row.answer for row in self.answers.values() if row.has_text):
            label = parse_answer(answer.answer_text, answer.answer_position)
            if answer.parsed_label != (None if label is None else int(label is Label.MATCH)):
                found.append((answer.pair_id, answer.parsed_label, label))
        return found


def _recorded_label(answer: RecordedAnswer) -> Label | None:
    return {1: Label.MATCH, 0: Label.NO_MATCH}.get(answer.parsed_label) if answer.parsed_label is not None else None


def make(arg: str | None) -> RecordedMatcher:
    """The matcher of ``FILE``, ``FILE@PROMPT`` or ``FILE@PROMPT,FIELD=COLUMN`` (JSON Lines, plain or gzip).

    Raises:
        ConfigError: no file, an unknown prompt, several prompts and none named, or a column that no row has.
        DataError: the file cannot be read or a row is wrong.
    """
    if not arg:
        raise ConfigError("matcher 'recorded' needs a file: write 'recorded:ANSWERS.jsonl.gz@PROMPT'")
    path, prompt, columns = _split(arg)
    rows = list(_read_rows(path, columns))
    prompts = sorted({row.answer.prompt_name for row in rows})
    if prompt is None and len(prompts) == 1:
        prompt = prompts[0]
    if prompt not in prompts:
        what = "holds several prompts" if prompt is None else f"has no prompt {prompt!r}"
        msg = f"{str(path)!r} {what}: append @ and one of {prompts}"
        raise ConfigError(msg)
    answers: dict[str, RecordedRow] = {}
    for row in rows:
        if row.answer.prompt_name == prompt and answers.setdefault(row.answer.pair_id, row) is not row:
            msg = f"{str(path)!r} answers pair {row.answer.pair_id!r} twice under prompt {prompt!r}: keep one row for each pair"
            raise DataError(msg)
    asked = arg.rpartition("@")[2] if columns else prompt
    return RecordedMatcher(f"recorded:{path.name}@{asked}", "1", answers, str(path), columns)


def _split(arg: str) -> tuple[Path, str | None, dict[str, str]]:
    """File, prompt and columns; a prompt may hold commas, so the columns are what stands last and names a field.

    Raises:
        ConfigError: a field is mapped twice, or to no column.
    """
    if Path(arg).is_file():
        return Path(arg), None, {}
    file, at, rest = arg.rpartition("@")
    if not at:
        return Path(arg), None, {}
    parts, columns = rest.split(","), {}
    while parts and parts[-1].partition("=")[0] in _MAPPED and "=" in parts[-1]:
        name, _, column = parts.pop().partition("=")
        if not column or name in columns:
            raise ConfigError(f"{arg!r} maps {name!r} {'to no column' if not column else 'twice'}: write {name}=COLUMN once")
        columns[name] = column
    return Path(file), ",".join(parts) or None, columns


def _read_rows(path: Path, columns: Mapping[str, str]) -> Iterator[RecordedRow]:
    """Every row with its figures; raises ``ConfigError`` when a mapped column stands in none."""
    number = 0
    seen: set[str] = set()
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    cells = json.loads(line)
                    seen.update(cells if isinstance(cells, dict) else ())
                    yield _row(cells, columns)
    except json.JSONDecodeError as error:
        raise DataError(f"{str(path)!r} line {number}: no JSON ({error.msg}); give one object on each line") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{str(path)!r} line {number}: {where}: {first['msg']}; rows need pair_id, prompt_name, answer_text") from error
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise DataError(f"cannot read recorded answers {str(path)!r}: {error}; give a .jsonl or .jsonl.gz file") from error
    absent = sorted(set(columns.values()) - seen)
    if number and absent:
        raise ConfigError(f"{str(path)!r} has no column {absent[0]!r}: it has {sorted(seen)}")


def _row(cells: object, columns: Mapping[str, str]) -> RecordedRow:
    if not isinstance(cells, dict) or "probability" not in columns:
        answer, has_text = RecordedAnswer.model_validate(cells), True
    else:
        answer, has_text = RecordedAnswer.model_validate({"prompt_name": "", "answer_text": None, **cells}), "answer_text" in cells
    figures = {name: cells.get(column) for name, column in columns.items()} if isinstance(cells, dict) else {}
    return RecordedRow(answer, RecordedFigures.model_validate(figures), has_text)
