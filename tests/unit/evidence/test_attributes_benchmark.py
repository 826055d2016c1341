"""The metric of benchmarks/pave.py on cells counted by hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from epm.evidence.attributes import read_attributes


@pytest.fixture(scope="module")
def pave() -> ModuleType:
    path = Path(__file__).parents[3] / "benchmarks" / "pave.py"
    spec = importlib.util.spec_from_file_location("benchmark_pave", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("predicted", "wanted", "cell", "every"),
    [
        ([], set(), (0, 0, 0), (0, 0, 0)),
        ([["a"]], set(), (0, 1, 0), (0, 1, 0)),
        ([], {"a", "b"}, (0, 0, 1), (0, 0, 2)),
        ([["a"]], {"a", "b"}, (1, 0, 0), (1, 0, 1)),
        ([["c"], ["a"]], {"a", "b"}, (0, 1, 1), (1, 1, 1)),
        ([["28", "168"]], {"28"}, (1, 0, 0), (1, 1, 0)),
    ],
)
def test_a_wrong_value_counts_twice_and_a_value_where_there_is_none_once(
    pave: ModuleType, predicted: list[list[str]], wanted: set[str], cell: tuple[int, ...], every: tuple[int, ...]
) -> None:
    assert pave.count(predicted, wanted) == {"cell": cell, "set": every}


def test_micro_figures_sum_over_cells(pave: ModuleType) -> None:
    assert pave.figures([(3, 1, 0), (1, 0, 3)]) == {"p": 80.0, "r": 57.1, "f1": 66.7, "gold": 7, "predicted": 5}


@pytest.mark.parametrize(
    ("title", "attribute", "category", "form"),
    [
        ("Kolvra KX-120/4 Kettle for all", "Model Number", "Jewelry", "KX1204"),
        ("Cups UPC: 078731985712", "Retail UPC", "Office Products", "78731"),
        ("Tags, 1,000/Box", "Pack Quantity", "Office Products", "1000"),
        ("Tags, 4 3/4 x 2 3/8", "Width", "Office Products", "12.1"),
        ("Tray, Light Gray, big", "Color(s)", "Office Products", "Gray and Metallic"),
        ("Zorin 300-GB 10K Drive", "Capacity", "Computers And Accessories", "300 Gigabytes"),
        ("Kolvra 35-gal Can", "Capacity", "Home And Garden", "35-gal"),
        ("HP 10K Drive", "Manufacturer", "Computers And Accessories", "hewlett-packard"),
        ("HP 10K Drive", "Brand", "Office Products", "hp"),
    ],
)
def test_normal_forms_follow_the_data_set(pave: ModuleType, title: str, attribute: str, category: str, form: str) -> None:
    value = read_attributes({"title": title})[pave.ASKED[attribute]][0]

    assert pave.normal_forms(value, attribute, category) == [form]
