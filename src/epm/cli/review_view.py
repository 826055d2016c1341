"""An item on a rater's terminal: the two listings side by side.

Texts of listings, names of their attributes included, pass through ``visible``: they are shown, and never obeyed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from epm.cli.streams import rich_console
from epm.cli.visible import visible_lines


def show_item(item: Mapping[str, object]) -> None:
    """Print an item as wide as the terminal is."""
    left, right = _texts(item["left"]), _texts(item["right"])
    table = Table(box=box.SIMPLE, show_edge=False)
    table.add_column("")
    table.add_column("left", ratio=1, overflow="fold")
    table.add_column("right", ratio=1, overflow="fold")
    for name in dict.fromkeys((*left, *right)):
        table.add_row(_shown(name), _shown(left.get(name, "")), _shown(right.get(name, "")))
    console = rich_console()
    console.print()
    console.print(_shown(f"item {item['item']} of run {item['run']}, {item['n_open']} open"))
    console.print(table)
    if "teacher" in item:
        console.print(_shown("teacher:\n" + json.dumps(item["teacher"], indent=2, ensure_ascii=False)))


def _texts(side: object) -> dict[str, str]:
    assert isinstance(side, Mapping)  # noqa: S101  # as shown() makes it
    return {str(name): str(text) for name, text in side.items()}


def _shown(text: str) -> Text:
    return Text("\n".join(visible_lines(text)))
