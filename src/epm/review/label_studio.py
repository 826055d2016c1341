"""The queue as tasks of Label Studio, and its JSON export read back.

Beside the tasks stands the labelling configuration that they need, to be pasted into the project's settings. A file is one
rater's: import each into a project of its own, so that no rater sees another's answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from epm.errors import DataError
from epm.files.atomic import write_text
from epm.first_problem import first_problem
from epm.relation import Relation
from epm.review.answer import Answer
from epm.review.cells import written_out
from epm.review.task import GivenAnswer, ReviewTask

CONFIGURATION_SUFFIX = ".config.xml"


class _Value(BaseModel):
    # Label Studio adds fields of its own with every version; those that are read are named
    model_config = ConfigDict(extra="ignore")

    choices: tuple[str, ...] = ()
    text: tuple[str, ...] | str = ()


class _Result(BaseModel):
    model_config = ConfigDict(extra="ignore")

    from_name: str
    value: _Value


class _Annotation(BaseModel):
    model_config = ConfigDict(extra="ignore")

    result: tuple[_Result, ...] = ()
    was_cancelled: bool = False


class _Keys(BaseModel):
    model_config = ConfigDict(extra="ignore")

    run: str
    item: str
    rater: str


class _Task(BaseModel):
    model_config = ConfigDict(extra="ignore")

    data: _Keys
    annotations: Annotated[tuple[_Annotation, ...], Field(default=())]


_OBJECTS: TypeAdapter[list[dict[str, object]]] = TypeAdapter(list[dict[str, object]])


def write_tasks(path: Path, tasks: Sequence[ReviewTask]) -> Path:
    """Write the tasks, with the answers that were given, and the configuration beside them, whose path is returned.

    Raises:
        DataError: a file cannot be written.
    """
    write_text(path, json.dumps([_task(task) for task in tasks], indent=1))  # ASCII, so that no step between spoils it
    configuration = path.with_name(path.name + CONFIGURATION_SUFFIX)
    write_text(configuration, _configuration(has_teacher=any("teacher" in task.view for task in tasks)))
    return configuration


def read_tasks(path: Path) -> Iterator[GivenAnswer]:
    """The answers of an export in the format that Label Studio calls JSON.

    Raises:
        DataError: it is no list of tasks.
    """
    try:
        found = _OBJECTS.validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror}; name the file that Label Studio exported") from error
    except ValidationError as error:
        raise DataError(
            f"{str(path)!r} is no list of tasks ({first_problem(error)}); export the project as JSON, not as JSON-MIN"
        ) from error
    for number, values in enumerate(found, start=1):
        place = f"task {number}"
        try:
            yield _given(place, _Task.model_validate(values))
        except ValidationError as error:
            yield GivenAnswer(place, "", "", "", "", "", "", f"is no task of ours ({first_problem(error)})")


def _task(task: ReviewTask) -> dict[str, object]:
    data = {"run": task.run_id, "item": task.item_id, "rater": task.rater}
    data |= {side: _lines(task.view[side]) for side in ("left", "right")}
    if "teacher" in task.view:
        data["teacher"] = json.dumps(task.view["teacher"], indent=1)
    data = {name: written_out(text) for name, text in data.items()}  # half characters are no JSON to others
    if task.given is None:
        return {"data": data}
    given = task.given
    result = [_choice("label", given.answer.value)]
    result += [] if given.relation is None else [_choice("relation", given.relation.value)]
    result += [] if given.note is None else [{"from_name": "note", "to_name": "left", "type": "textarea", "value": {"text": [given.note]}}]
    return {"data": data, "annotations": [{"result": result}]}


def _choice(name: str, value: str) -> dict[str, object]:
    return {"from_name": name, "to_name": "left", "type": "choices", "value": {"choices": [value]}}


def _lines(texts: object) -> str:
    assert isinstance(texts, Mapping)  # noqa: S101  # as shown() makes it
    return "\n".join(f"{name}: {text}" for name, text in texts.items())


def _given(place: str, task: _Task) -> GivenAnswer:
    keys = (task.data.run, task.data.item, task.data.rater)
    counted = [annotation for annotation in task.annotations if not annotation.was_cancelled]
    if len(counted) > 1:
        problem = f"has {len(counted)} annotations, but is {task.data.rater[:64]!r}'s alone; export a file for each rater"
        return GivenAnswer(place, *keys, "", "", "", problem)
    results = {result.from_name: result.value for annotation in counted for result in annotation.result}
    label, relation, note = (results.get(name, _Value()) for name in ("label", "relation", "note"))
    text = note.text if isinstance(note.text, str) else "\n".join(note.text)
    return GivenAnswer(place, *keys, " ".join(label.choices), " ".join(relation.choices), text)


def _configuration(*, has_teacher: bool) -> str:
    labels = "".join(f'<Choice value="{answer}"/>' for answer in Answer)
    relations = "".join(f'<Choice value="{relation}"/>' for relation in Relation)
    teacher = '  <Header value="Teacher"/>\n  <Text name="teacher" value="$teacher"/>\n' if has_teacher else ""
    return (
        "<View>\n"
        '  <Header value="Left listing"/>\n  <Text name="left" value="$left"/>\n'
        '  <Header value="Right listing"/>\n  <Text name="right" value="$right"/>\n'
        f"{teacher}"
        f'  <Choices name="label" toName="left" choice="single" required="true">{labels}</Choices>\n'
        f'  <Choices name="relation" toName="left" choice="single">{relations}</Choices>\n'
        '  <TextArea name="note" toName="left" maxSubmissions="1"/>\n'
        "</View>\n"
    )
