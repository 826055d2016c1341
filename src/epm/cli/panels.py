"""The help page of a command that asks models: its options in groups, in one order, what must be given first.

app.command("teach", cls=PanelCommand)(teach)

Plain text, because rich would more than double the time that a help page takes; a group is an option's ``rich_help_panel``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.core import TyperArgument, TyperCommand, TyperOption

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter  # for types alone: typer has them nowhere else

OPTIONS, MODEL, LIMITS, MONEY, OUTPUT = "Options", "Model", "Limits", "Money", "Output"
"""What the command is to do, which model is asked and how, bounds on traffic and time, on money, and where results go."""
PANELS = (OPTIONS, MODEL, LIMITS, MONEY, OUTPUT)
_ARGUMENTS = "Arguments"


class PanelCommand(TyperCommand):
    """A command whose help page has a section for each panel."""

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Writes the arguments, then the options panel by panel."""
        sections: dict[str, list[tuple[str, str]]] = {_ARGUMENTS: [], **{panel: [] for panel in PANELS}}
        for parameter in sorted(self.get_params(ctx), key=lambda parameter: not parameter.required):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if isinstance(parameter, TyperArgument):
                sections[_ARGUMENTS].append(record)
            else:  # '--help' is no option of typer's
                panel = parameter.rich_help_panel if isinstance(parameter, TyperOption) else None
                sections[panel or OPTIONS].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
