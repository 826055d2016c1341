"""The queue as tasks of Label Studio, and what it exports read back."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from epm.errors import DataError
from epm.relation import Relation
from epm.review.answer import Answer
from epm.review.cells import written_out
from epm.review.importing import import_reviews
from epm.review.label_studio import write_tasks
from epm.review.task import review_tasks
from epm.store.review_queue import stored_reviews


def exported(queue, path: Path, *, show_teacher: bool = False) -> list[dict]:
    write_tasks(path, list(review_tasks(queue.store, "ann", None, show_teacher=show_teacher)))
    return json.loads(path.read_text(encoding="utf-8"))


def chosen(name: str, value: str) -> dict[str, object]:
    return {"id": "x", "from_name": name, "to_name": "left", "type": "choices", "origin": "manual", "value": {"choices": [value]}}


def annotated(task: dict, *results: dict[str, object], **more: object) -> dict:
    """The task as Label Studio exports it, with fields of its own."""
    annotation = {"id": 7, "completed_by": 1, "result": list(results), "was_cancelled": False, "lead_time": 2.5, **more}
    return {"id": 3, "project": 1, "file_upload": "x.json", "total_annotations": 1, **task, "annotations": [annotation]}


def test_tasks_are_blind_and_every_variable_of_the_configuration_stands_in_them(queue, tmp_path: Path) -> None:
    queue.answer("p1", "bob", Answer.NO_MATCH)
    tasks = exported(queue, tmp_path / "tasks.json")
    assert [set(task) for task in tasks] == [{"data"}] * 3
    text = json.dumps(tasks)
    assert not any(word in text for word in ("GOLDMARK", "no_match", "low_confidence", "teacher", "bob"))
    configuration = ET.parse(tmp_path / "tasks.json.config.xml").getroot()  # noqa: S314  # we wrote it
    named = {element.get("value", "")[1:] for element in configuration.iter("Text")}
    assert named <= set(tasks[0]["data"])
    assert {element.get("toName") for element in configuration.iter("Choices")} == {"left"}


def test_the_teacher_stands_in_the_tasks_on_request(queue, tmp_path: Path) -> None:
    tasks = exported(queue, tmp_path / "tasks.json", show_teacher=True)
    assert all('"low_confidence"' in task["data"]["teacher"] for task in tasks)
    assert 'value="$teacher"' in (tmp_path / "tasks.json.config.xml").read_text(encoding="utf-8")


def test_an_export_of_label_studio_comes_back_as_answers(queue, tmp_path: Path) -> None:
    first, second, third = exported(queue, tmp_path / "tasks.json")
    note = {"from_name": "note", "to_name": "left", "type": "textarea", "value": {"text": ["two", "lines"]}}
    done = [
        annotated(first, chosen("label", "no_match"), chosen("relation", "variant"), note),
        annotated(second, chosen("label", "unsure"), was_cancelled=True),
        third,
    ]
    path = tmp_path / "done.json"
    path.write_text(json.dumps(done), encoding="utf-8")
    imported = import_reviews(queue.store, path, queue.rules)
    assert (imported.n_new, imported.n_known, imported.n_unanswered) == (1, 0, 2)
    [review] = queue.store.read(stored_reviews)
    assert (written_out(review.item_id), review.rater, review.answer) == (first["data"]["item"], "ann", Answer.NO_MATCH)
    assert (review.relation, review.note) == (Relation.VARIANT, "two\nlines")
    again = exported(queue, tmp_path / "again.json")
    assert import_reviews(queue.store, tmp_path / "again.json", queue.rules).n_known == 1
    assert sum("annotations" in task for task in again) == 1


def test_bad_tasks_are_named_with_number_and_reason_and_nothing_is_kept(queue, tmp_path: Path) -> None:
    first, second, third = exported(queue, tmp_path / "tasks.json")
    twice = annotated(third, chosen("label", "match"))
    twice["annotations"] *= 2
    done = [
        annotated(first, chosen("label", "match")),
        {"data": {"run": second["data"]["run"]}},
        twice,
        annotated(second, chosen("label", "same")),
    ]
    path = tmp_path / "done.json"
    path.write_text(json.dumps(done), encoding="utf-8")
    with pytest.raises(DataError) as refused:
        import_reviews(queue.store, path, queue.rules)
    for told in ("task 2 is no task of ours", "task 3 has 2 annotations, but is 'ann''s alone", "task 4 label 'same' is unknown"):
        assert told in str(refused.value)
    assert queue.store.read(stored_reviews) == []


@pytest.mark.parametrize("text", ["{}", "[1]", "not json", "\ufeff"])
def test_what_is_no_list_of_tasks_is_refused_with_what_to_do(queue, tmp_path: Path, text: str) -> None:
    path = tmp_path / "done.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"is no list of tasks .* export the project as JSON, not as JSON-MIN"):
        import_reviews(queue.store, path, queue.rules)
