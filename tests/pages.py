"""Read the pages: tables, code blocks, links and what stands in backticks."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

Row = dict[str, str]


def read(name: str) -> str:
    """Give the text of a file."""
    return (ROOT / name).read_text(encoding="utf-8")


def cells(line: str) -> list[str]:
    """Give the cells of a table's line."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def tables(text: str) -> Iterator[list[Row]]:
    """Give the tables of a page, each row by its columns."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *body = block.splitlines()
        yield [dict(zip(cells(head), cells(line), strict=True)) for line in body]


def rows(name: str, *columns: str) -> list[Row]:
    """Give all rows of the tables of a page that have these columns."""
    found = [row for table in tables(read(name)) for row in table if set(columns) <= row.keys()]
    assert found, f"{name} has no table with the columns {columns}"
    return found


def ticked(text: str) -> list[str]:
    """Give what stands in backticks outside of code blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def blocks(name: str, language: str) -> list[str]:
    """Give the code blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", read(name), re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def shell_lines(*pages: str) -> Iterator[list[str]]:
    """Give the commands of the pages' shell blocks, in words; here-documents left out."""
    for page in pages:
        for block in blocks(page, "sh"):
            text = re.sub(r"<<'END'.*?^END$", "", block, flags=re.MULTILINE | re.DOTALL)
            yield from filter(None, _commands(text))


def _commands(text: str) -> Iterator[list[str]]:
    """Cut a shell text into commands: a line goes on behind a backslash and inside quotes."""
    command = ""
    for line in text.replace("\\\n", " ").splitlines(keepends=True):
        command += line
        try:
            words = shlex.split(command, comments=True)
        except ValueError:
            continue
        yield words
        command = ""
    assert not command, f"quotes are left open: {command}"
