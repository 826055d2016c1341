"""The ``recorded:FILE[@PROMPT]`` matcher: answers that a model gave earlier, read again from their text alone.

Rows are ``{pair_id, prompt_name, answer_text, answer_position?, model?, …}``. The parsing rule, which gives the published
figures: the first word of the answer, ``yes`` or ``no`` in any case, is the label; anything else is unparsed. With an
``answer_position`` N the text answers a batch, and the word after ``question N`` counts. A ``parsed_label`` in the file
is never read for the label; where it differs, the decision says so under ``provenance["disagreements"]``.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from epm.decision import Decision, Outcome
from epm.errors import ConfigError, DataError, ErrorClass
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.relation import Label

_FIRST_WORD = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_LABELS = {"yes": Label.MATCH, "no": Label.NO_MATCH}


class RecordedAnswer(BaseModel):
    """One recorded answer; other columns are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    pair_id: str
    prompt_name: str
    answer_text: str | None
    answer_position: int | None = None
    model: str | None = None
    parsed_label: int | None = None


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
    answers: Mapping[str, RecordedAnswer]
    source: str

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:  # noqa: ARG002  # part of the seam
        """The recorded label of each pair: ``abstained`` where it cannot be parsed, ``failed`` where none was recorded."""
        return [self._decision(pair.id) for pair in batch]

    def _decision(self, pair_id: str) -> Decision:
        row = self.answers.get(pair_id)
        if row is None:
            msg = f"no recorded answer for pair {pair_id!r} in {self.source!r}: bench the pairs that the run was made on"
            return Decision.failed(pair_id, ErrorClass.BAD_REQUEST, msg)
        label = parse_answer(row.answer_text, row.answer_position)
        provenance: dict[str, object] = {"answer_text": row.answer_text, "prompt_name": row.prompt_name, "model": row.model}
        recorded = {1: Label.MATCH, 0: Label.NO_MATCH}.get(row.parsed_label) if row.parsed_label is not None else None
        if recorded is not label:
            provenance["disagreements"] = [
                f"parsed_label {row.parsed_label!r} against {label.value if label else None!r} read from the text"
            ]
        outcome = Outcome.ABSTAINED if label is None else Outcome.DECIDED
        probability = None if label is None else float(label is Label.MATCH)
        return Decision(pair_id, outcome, label=label, probability=probability, provenance=provenance)

    def disagreements(self) -> list[tuple[str, int | None, Label | None]]:
        """Every (pair id, parsed_label in the file, label read from the text) where the two differ, in file order."""
        found = []
        for row in self.answers.values():
            label = parse_answer(row.answer_text, row.answer_position)
            if row.parsed_label != (None if label is None else int(label is Label.MATCH)):
                found.append((row.pair_id, row.parsed_label, label))
        return found


def make(arg: str | None) -> RecordedMatcher:
    """The matcher of ``FILE`` or ``FILE@PROMPT`` (JSON Lines, plain or gzip).

    Raises:
        ConfigError: no file, an unknown prompt, or several prompts and none named.
        DataError: the file cannot be read or a row is wrong.
    """
    if not arg:
        raise ConfigError("matcher 'recorded' needs a file: write 'recorded:ANSWERS.jsonl.gz@PROMPT'")
    path, prompt = _split(arg)
    rows = list(_read_rows(path))
    prompts = sorted({row.prompt_name for row in rows})
    if prompt is None and len(prompts) == 1:
        prompt = prompts[0]
    if prompt not in prompts:
        what = "holds several prompts" if prompt is None else f"has no prompt {prompt!r}"
        msg = f"{str(path)!r} {what}: append @ and one of {prompts}"
        raise ConfigError(msg)
    answers: dict[str, RecordedAnswer] = {}
    for row in rows:
        if row.prompt_name == prompt and answers.setdefault(row.pair_id, row) is not row:
            msg = f"{str(path)!r} answers pair {row.pair_id!r} twice under prompt {prompt!r}: keep one row for each pair"
            raise DataError(msg)
    return RecordedMatcher(f"recorded:{path.name}@{prompt}", "1", answers, str(path))


def _split(arg: str) -> tuple[Path, str | None]:
    if Path(arg).is_file():
        return Path(arg), None
    file, at, prompt = arg.rpartition("@")
    return (Path(file), prompt) if at else (Path(arg), None)


def _read_rows(path: Path) -> Iterator[RecordedAnswer]:
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    yield RecordedAnswer.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise DataError(f"{str(path)!r} line {number}: no JSON ({error.msg}); give one object on each line") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{str(path)!r} line {number}: {where}: {first['msg']}; rows need pair_id, prompt_name, answer_text") from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read recorded answers {str(path)!r}: {error}; give a .jsonl or .jsonl.gz file") from error
