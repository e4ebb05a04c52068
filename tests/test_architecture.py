"""The shape of the source: sizes, names and imports that no other tool holds us to.

Which package may import which is import-linter's business (`pyproject.toml`, `make check`).
"""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import Any

_ROOT = Path(__file__).parents[1]
_PRODUCT = ("api", "qstash_rq", "workers")
_LONGEST_MODULE = 300
_LONGEST_TEST = 500
_LONGEST_FUNCTION = 40
_LONGEST_SCRIPT = 60
_VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "tools"}

# Comment lines from the first one on: the name and what it does, KEYS or ARGV, Returns.
_CONTRACT = r"-- {}: .+\n(--.*\n)*-- (KEYS|ARGV) .+\n(--.*\n)*-- Returns .+\n"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _files(roots: tuple[str, ...], suffix: str) -> list[Path]:
    return sorted(path for root in roots for path in (_ROOT / root).rglob(f"*{suffix}"))


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


_EVERYTHING = _files((*_PRODUCT, "tests", "benchmarks"), ".py")
_MODULES = _files(_PRODUCT, ".py")
_SCRIPTS = _files(_PRODUCT, ".lua")


def _functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def _lines(function: Function) -> int:
    """Count the lines of the body, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def _is_code(line: str) -> bool:
    return line.strip() != "" and not line.strip().startswith("--")


def test_there_is_something_to_look_at() -> None:
    """The lists below are not empty because a folder was moved."""
    assert len(_MODULES) > 50
    assert len(_SCRIPTS) > 5


def test_modules_stay_small() -> None:
    """A module that reaches 300 lines has more than one duty; a file of tests may have 500."""
    sizes = {_name(path): len(path.read_text().splitlines()) for path in _EVERYTHING}
    limits = {
        _name(path): _LONGEST_TEST if path.name.startswith("test_") else _LONGEST_MODULE
        for path in _EVERYTHING
    }

    assert {name: size for name, size in sizes.items() if size >= limits[name]} == {}


def test_functions_stay_small() -> None:
    """No function has more than 40 lines."""
    sizes = {f"{_name(path)}: {one.name}": _lines(one) for path in _EVERYTHING for one in _functions(path)}

    assert {name: size for name, size in sizes.items() if size > _LONGEST_FUNCTION} == {}


def test_imports_stand_on_top() -> None:
    """No function hides an import: what a module needs is seen in its first lines."""
    hidden = [
        f"{_name(path)}: {one.name}"
        for path in _MODULES
        for one in _functions(path)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(one))
    ]

    assert hidden == []


def test_modules_say_their_duty() -> None:
    """Every module opens with a sentence."""
    assert [_name(path) for path in _MODULES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_names_say_a_duty() -> None:
    """No file or folder is a drawer for everything."""
    vague = [
        _name(path)
        for path in (*_EVERYTHING, *_SCRIPTS)
        if _VAGUE & {word.removesuffix(path.suffix) for word in path.relative_to(_ROOT).parts}
    ]

    assert vague == []


def test_scripts_stay_small() -> None:
    """No script has more than 60 lines of code."""
    sizes = {_name(path): sum(map(_is_code, path.read_text().splitlines())) for path in _SCRIPTS}

    assert {name: size for name, size in sizes.items() if size > _LONGEST_SCRIPT} == {}


def test_scripts_open_with_their_contract() -> None:
    """A script says in its first lines what it does, what it takes and what it returns."""
    silent = [
        _name(path)
        for path in _SCRIPTS
        if path.parent.name == "lua" and not re.match(_CONTRACT.format(path.stem), path.read_text())
    ]

    assert silent == []


def test_a_wheel_has_every_file() -> None:
    """What is no Python is named in the package data, or an installed server would lack it."""
    settings: dict[str, Any] = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    globs: dict[str, list[str]] = settings["tool"]["setuptools"]["package-data"]

    def is_packed(path: Path) -> bool:
        inside = PurePath(*path.relative_to(_ROOT).parts[1:])
        return any(_matches(inside, glob) for glob in globs[path.relative_to(_ROOT).parts[0]])

    others = [
        path
        for root in _PRODUCT
        for path in (_ROOT / root).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    ]

    assert [_name(path) for path in others if not is_packed(path)] == []


def _matches(path: PurePath, glob: str) -> bool:
    # setuptools' `**` stands for any number of folders, none included; fnmatch's `*` crosses slashes.
    return fnmatch(str(path), glob.replace("**/", "")) or fnmatch(str(path), glob)


def test_every_folder_of_python_is_a_package() -> None:
    """Setuptools packs only folders with an `__init__.py`."""
    folders = {path.parent for path in _MODULES}

    assert [_name(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_lock_files_name_no_registry() -> None:
    """Where packages come from is for the machine to say; what they are, for the lock."""
    locks = _files(("tests", "benchmarks"), "package-lock.json")

    assert locks
    for path in locks:
        packages = json.loads(path.read_text())["packages"]

        assert [name for name, package in packages.items() if "resolved" in package] == []
        assert all("integrity" in package for name, package in packages.items() if name)
