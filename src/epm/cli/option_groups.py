"""Groups of options that several commands share: the fields of a dataclass, whose annotations are the command line's.

app.command("teach")(with_options(asking=Asking, money=Money)(teach))
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Command = Callable[..., None]


def with_options(**groups: type[DataclassInstance]) -> Callable[[Command], Command]:
    """Gives a command the options of each group; it gets the group's instance as the parameter of that name."""

    def grouped(command: Command) -> Command:
        @functools.wraps(command)
        def called(**given: object) -> None:
            made = {name: group(**{field: given.pop(field) for field in group.__dataclass_fields__}) for name, group in groups.items()}
            command(**given, **made)

        own = inspect.signature(command, eval_str=True)
        kept = [parameter for name, parameter in own.parameters.items() if name not in groups]
        *others, as_json = kept  # '--json' stands last on every help page
        parameters = [*others, *(option for group in groups.values() for option in _options(group)), as_json]
        called.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
        called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return called

    return grouped


def _options(group: type[DataclassInstance]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[name])
        for name, field in group.__dataclass_fields__.items()
    ]
