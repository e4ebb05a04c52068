"""Print rows as a table that is valid Markdown, so that it can be pasted into docs/performance.md."""

from collections.abc import Sequence

from benchmarks.row import Row

_HEADINGS = ("what", "figure", "unit", "ratio", "goal", "verdict")


def table(rows: Sequence[Row]) -> str:
    """Return the table, its columns aligned."""
    lines = [_HEADINGS, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(_line(cells, widths) for cells in (lines[0], rule, *lines[1:]))


def _cells(row: Row) -> tuple[str, ...]:
    return (row.name, row.figure, row.unit, row.ratio_to, row.goal, row.verdict.value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"
