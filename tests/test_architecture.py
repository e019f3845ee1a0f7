"""Holds the architecture: who may import whom, what a file may be called, how long it may be, what a check must have.

Each rule is a function that yields what breaks it, with the mend and with trees that must break it.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

import pytest

FLOORS = {
    "benchmarks": {"serving", "training", "inference", "qc_models", "configs"},
    "serving": {"inference", "qc_models", "configs"},
    "inference": {"qc_models", "configs"},
    "training": {"qc_models", "configs"},
    "qc_models": {"configs"},
    "configs": set(),
}
LONGEST = 420  # lines
DRAWERS = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
HEAVY = {"qc_models/checks": {"torch"}, "serving": {"torch", "ray"}}  # folder -> what importing its files must not load
IMAGE_CHECK = ("applies", "look", "finish")
TESTS_OF_THE_WHOLE = {
    "tests/test_architecture.py",  # reads every file
    "tests/test_command_line.py",  # calls `touchstone` as a person would
    "tests/configs/test_catalogue.py",  # holds the exam items as one
    *(f"tests/serving/transfer/test_{peer}.py" for peer in ("orthanc", "dcmtk")),  # real studies by real peers
    *(f"tests/serving/api/test_{what}.py" for what in ("routes_by_role", "schemathesis")),  # every route
    "tests/inference/test_every_exam_item.py",  # the whole way, once for each exam item
    "tests/serving/test_scoring_by_engines.py",  # worker, database and engines, on a cluster that loses its machines
    *(f"tests/qc_models/simulation/pixel_defects/test_{kind}_defects.py" for kind in ("ct", "mr", "xr")),  # by modality
}
REGISTRY_HOST = re.compile(r"(?i)(?:pypi|pythonhosted|npmjs|debian)[.]org|download[.]pytorch|huggingface[.]co")
MACHINE_PATH = re.compile(r"(?<![\w.*~}/])/(?:root|home|work|Users|mnt|tmp|opt)/\w")


@dataclass(frozen=True)
class Import:
    """One imported name; `at_start` where it runs when the file is imported: in no function and not for type checkers alone."""

    name: str
    line: int
    at_start: bool
    relative: bool


@dataclass(frozen=True)
class File:
    """One text file of the project, by its path from the root."""

    path: str
    text: str

    @property
    def folder(self) -> str:
        return self.path.partition("/")[0]

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def imports(self) -> list[Import]:
        return list(_imports(self.tree, at_start=True))

    @cached_property
    def names(self) -> set[str]:
        """What it defines at module level."""
        assigned = (target for node in self.tree.body if isinstance(node, ast.Assign) for target in node.targets)
        annotated = (node.target for node in self.tree.body if isinstance(node, ast.AnnAssign))
        functions = {node.name for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        return functions | {target.id for target in (*assigned, *annotated) if isinstance(target, ast.Name)}


def _imports(node: ast.AST, at_start: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, at_start, False) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            prefix = f"{child.module}." if child.module else ""
            yield from (Import(prefix + alias.name, child.lineno, at_start, child.level > 0) for alias in child.names)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _imports(ast.Module(child.body, []), at_start=False)
            yield from _imports(ast.Module(child.orelse, []), at_start)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, at_start and not inside)


@dataclass(frozen=True)
class Project:
    """The text files of a folder."""

    files: tuple[File, ...] = field(repr=False)

    @classmethod
    def of(cls, root: Path, paths: Iterable[str]) -> "Project":
        """Reads those of `paths` that hold text."""
        files = []
        for path in sorted(paths):
            if (root / path).is_file():  # a file that was deleted is still listed until the next commit
                try:
                    files.append(File(path, (root / path).read_text(encoding="utf-8")))
                except UnicodeDecodeError:
                    continue
        return cls(tuple(files))

    @cached_property
    def python(self) -> tuple[File, ...]:
        return tuple(file for file in self.files if file.path.endswith(".py"))

    @cached_property
    def modules(self) -> dict[str, File]:
        return {file.module: file for file in self.python}

    @cached_property
    def checks(self) -> tuple[File, ...]:
        return tuple(
            file for file in self.python if re.fullmatch(r"qc_models/checks/.+/(?!__init__)\w+\.py", file.path)
        )

    def resolve(self, name: str) -> File | None:
        """The file of ours that an imported name lies in; None for a library."""
        while name and name not in self.modules:
            name = name.rpartition(".")[0]
        return self.modules.get(name)

    def way_to(self, library: str, file: File, seen: set[str]) -> tuple[str, ...]:
        """The files by which importing `file` loads a library; empty where it does not."""
        seen.add(file.path)
        for imported in file.imports:
            target = self.resolve(imported.name)
            if not imported.at_start or (target and target.path in seen):
                continue
            if imported.name.partition(".")[0] == library:
                return (file.path,)
            if target and (way := self.way_to(library, target, seen)):
                return (file.path, *way)
        return ()


@dataclass(frozen=True)
class Rule:
    """What must hold, how to mend what breaks it, and trees (path -> text) that break it in one place each."""

    broken_by: Callable[[Project], Iterator[str]]
    mend: str
    broken: tuple[dict[str, str], ...] = field(repr=False)

    @property
    def name(self) -> str:
        return self.broken_by.__name__


RULES: list[Rule] = []
DOC = '"""A sentence."""\n'


def rule(mend: str, *broken: dict[str, str]) -> Callable[[Callable[[Project], Iterator[str]]], None]:
    """Enters a function into the rules."""
    return lambda broken_by: RULES.append(Rule(broken_by, mend, broken))


@rule(
    "move the file into one of the six folders, or into tests/",
    {"scripts/convert.py": DOC},
    {"setup.py": DOC},
)
def every_file_stands_on_a_floor(project: Project) -> Iterator[str]:
    for file in project.python:
        if "/" not in file.path or file.folder not in FLOORS.keys() | {"tests"}:
            yield f"{file.path}: stands in none of {', '.join(FLOORS)}"


@rule(
    "hand the value down as an argument, or move what both need to the lower floor (see shared floors in CONTRIBUTING.md)",
    {"inference/a.py": DOC + "from training import b\n", "training/b.py": DOC},
    {"training/a.py": DOC + "def f():\n    import inference.b\n", "inference/b.py": DOC},
    {"qc_models/a.py": DOC + "import inference.b\n", "inference/b.py": DOC},
    {"configs/a.py": DOC + "from qc_models.errors import QcError\n"},
    {"serving/a.py": DOC + "import benchmarks.b\n"},
    {"benchmarks/a.py": DOC + "import tests.written_dicom\n"},
)
def imports_go_down(project: Project) -> Iterator[str]:
    for file in project.python:
        allowed = FLOORS.get(file.folder, {*FLOORS, "tests"}) | {file.folder}
        for imported in file.imports:
            floor = imported.name.partition(".")[0]
            if floor in FLOORS.keys() | {"tests"} and floor not in allowed:
                yield f"{file.path}:{imported.line}: {file.folder} may not import {imported.name}"


@rule(
    "one of the files holds two nouns: move what both need into a third",
    {"qc_models/a.py": DOC + "import qc_models.b\n", "qc_models/b.py": DOC + "def f():\n    from qc_models import a\n"},
)
def no_circle_between_files(project: Project) -> Iterator[str]:
    graph = {
        file.path: {
            target.path for imported in file.imports if (target := project.resolve(imported.name)) and target != file
        }
        for file in project.python
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield " imports ".join(reversed(error.args[1]))


@rule(
    "add the library to pyproject.toml: it is here only because another one needs it, or not everywhere",
    {"inference/a.py": DOC + "import requests\n", "pyproject.toml": "[project]\ndependencies = ['click>=8']\n"},
)
def every_library_is_declared(project: Project) -> Iterator[str]:
    declared = set()
    for file in project.files:
        if file.path == "pyproject.toml":
            table = tomllib.loads(file.text)["project"]
            extras = table.get("optional-dependencies", {})
            lines = [line for group in (table["dependencies"], *extras.values()) for line in group]
            declared |= {_distribution(re.split(r"[\[<>=!~ ;]", line)[0]) for line in lines}
    known = packages_distributions()
    for file in project.python:
        for imported in file.imports:
            top = imported.name.partition(".")[0]
            if top in sys.stdlib_module_names or top in FLOORS.keys() | {"tests"}:
                continue
            # of an option that is not installed nobody knows the distribution: one of its name, or that begins with it
            absent = top not in known and any(name.startswith(f"{_distribution(top)}-") for name in declared)
            if not absent and not declared & {_distribution(name) for name in known.get(top, [top])}:
                yield f"{file.path}:{imported.line}: {top} is not declared"


def _distribution(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@rule("write the import from the top folder", {"qc_models/a.py": DOC + "from . import b\n"})
def imports_are_absolute(project: Project) -> Iterator[str]:
    for file in project.python:
        yield from (f"{file.path}:{imported.line}: relative import" for imported in file.imports if imported.relative)


@rule(
    "move the code into a file with a name, and import it from there",
    {"qc_models/__init__.py": DOC + "VERSION = 1\n"},
    {"qc_models/__init__.py": "\n"},
)
def a_package_file_holds_a_docstring_alone(project: Project) -> Iterator[str]:
    for file in project.python:
        if file.path.endswith("__init__.py") and (len(file.tree.body) != 1 or not ast.get_docstring(file.tree)):
            yield f"{file.path}: holds other than one docstring"


@rule(
    "name the file after what it knows; what fits no name belongs to its callers",
    {"inference/utils.py": DOC},
    {"serving/job_manager.py": DOC},
    {"qc_models/common/a.py": DOC},
)
def no_drawers(project: Project) -> Iterator[str]:
    for file in project.python:
        if DRAWERS & set(re.split(r"[/_]", file.path.removesuffix(".py"))):
            yield f"{file.path}: is a name for anything"


@rule("it holds two nouns: split it", {"qc_models/a.py": DOC + "\n" * LONGEST})
def no_long_files(project: Project) -> Iterator[str]:
    for file in project.python:
        if (lines := file.text.count("\n")) > LONGEST:
            yield f"{file.path}: {lines} lines, more than {LONGEST}"


@rule(
    "open it with a sentence for someone who has never been here",
    {"qc_models/a.py": "import os\n"},
    {"qc_models/a.py": ""},
)
def every_file_opens_with_a_sentence(project: Project) -> Iterator[str]:
    for file in project.python:
        if not ast.get_docstring(file.tree):
            yield f"{file.path}: no docstring"


@rule(
    "a check of headers works on the shared statistics of its evidence; one that needs pixels has `look` and `finish`",
    {"qc_models/checks/artifacts/a.py": DOC + "QUANTITIES = {}\ndef measure(evidence):\n    import torch\n"},
)
def only_image_checks_import_torch(project: Project) -> Iterator[str]:
    for file in project.checks:
        if "look" not in file.names:
            yield from (
                f"{file.path}:{i.line}: imports torch" for i in file.imports if i.name.partition(".")[0] == "torch"
            )


@rule(
    "import it inside the function that needs it, or under TYPE_CHECKING for annotations",
    {"qc_models/checks/artifacts/a.py": DOC + "import torch\ndef look(frames): ...\n"},
    {
        "qc_models/checks/artifacts/a.py": DOC + "from qc_models import b\n",
        "qc_models/b.py": DOC + "from torch import nn\n",
    },
    {"serving/a.py": DOC + "import ray.serve\n"},
)
def checks_and_serving_start_without_heavy_libraries(project: Project) -> Iterator[str]:
    for folder, libraries in HEAVY.items():
        for file in project.python:
            if file.path.startswith(f"{folder}/"):
                for library in sorted(libraries):
                    if way := project.way_to(library, file, set()):
                        yield f"importing {' -> '.join(way)} loads {library}"


@rule(
    "give it QUANTITIES and `measure`, `relate`, or all of applies, look, finish (see qc_models/check_registry.py)",
    {"qc_models/checks/metadata/a.py": DOC + "def measure(evidence): ...\n"},
    {"qc_models/checks/metadata/a.py": DOC + "QUANTITIES = {}\n"},
    {"qc_models/checks/artifacts/a.py": DOC + "QUANTITIES = {}\ndef look(frames): ...\n"},
)
def a_check_has_its_shape(project: Project) -> Iterator[str]:
    for file in project.checks:
        if "QUANTITIES" not in file.names:
            yield f"{file.path}: no QUANTITIES"
        if missing := [name for name in IMAGE_CHECK if name not in file.names]:
            if len(missing) < len(IMAGE_CHECK):
                yield f"{file.path}: an image check without {', '.join(missing)}"
            elif not file.names & {"measure", "relate"}:
                yield f"{file.path}: neither measure nor relate nor {', '.join(IMAGE_CHECK)}"


@rule(
    "say what is meant without the address: a package by its name, a folder by its path from the project",
    {"README.md": "see py" + "pi.org\n"},
    {"qc_models/a.py": DOC + "ROOT = '" + "/ho" + "me/someone/studies'\n"},
)
def no_registry_hosts_and_no_paths_of_one_machine(project: Project) -> Iterator[str]:
    for file in project.files:
        for number, line in enumerate(file.text.splitlines(), 1):
            if found := REGISTRY_HOST.search(line) or MACHINE_PATH.search(line):
                yield f"{file.path}:{number}: {found[0]}"


@rule(
    "name it tests/<path of the file>/test_<file>.py, or name it in TESTS_OF_THE_WHOLE with what it is for",
    {"tests/qc_models/test_gone.py": DOC},
    {"tests/test_stack.py": DOC, "qc_models/stack.py": DOC},
)
def tests_mirror_the_tree(project: Project) -> Iterator[str]:
    for path in map(PurePosixPath, (file.path for file in project.python if file.path.startswith("tests/"))):
        if path.name.startswith("test_") and str(path) not in TESTS_OF_THE_WHOLE:
            tested = path.relative_to("tests").with_name(path.name.removeprefix("test_"))
            if not any(file.path == str(tested) for file in project.python):
                yield f"{path}: there is no {tested}"


@pytest.fixture(scope="module")
def project() -> Project:
    """The project as the next commit would hold it: ignored files are none of it."""
    root = Path(__file__).resolve().parents[1]
    listing = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    paths = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
    return Project.of(root, paths.rstrip("\0").split("\0"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_project_keeps_the_rule(rule: Rule, project: Project) -> None:
    broken = list(rule.broken_by(project))
    assert not broken, "\n".join(["", *broken, f"Mend: {rule.mend}."])


@pytest.mark.parametrize(
    ("rule", "tree"),
    [pytest.param(rule, tree, id=f"{rule.name}-{number}") for rule in RULES for number, tree in enumerate(rule.broken)],
)
def test_rule_finds_what_breaks_it(rule: Rule, tree: dict[str, str], tmp_path: Path) -> None:
    (broken,) = rule.broken_by(_written(tree, tmp_path))
    assert next(iter(tree)) in broken


def test_no_rule_minds_a_sound_tree(tmp_path: Path) -> None:
    image_check = "QUANTITIES = {}\n" + "".join(f"def {name}(*_):\n    import torch\n" for name in IMAGE_CHECK)
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import Tensor\n"
    sound = {
        "configs/__init__.py": DOC,
        "qc_models/checks/artifacts/__init__.py": DOC,
        "qc_models/checks/artifacts/noise.py": DOC + typed + image_check,
        "qc_models/checks/metadata/dates.py": DOC
        + "QUANTITIES: dict = {}\nasync_ = 1\ndef relate(facts, item, as_of): ...\n",
        "qc_models/pixels.py": DOC + typed,
        "inference/engine.py": DOC + "import torch\nfrom qc_models import pixels\n",
        "serving/score_command.py": DOC + "import qc_models.pixels\ndef score():\n    from inference import engine\n",
        "tests/inference/test_engine.py": DOC + "from inference import engine\nimport benchmarks\n",
        "tests/conftest.py": DOC,
        "pyproject.toml": "[project]\ndependencies = ['torch>=2']\n",
        "README.md": "Commonly found under study/home/ or at https://example.org/work/it\n",
    }
    project = _written(sound, tmp_path)
    assert [broken for rule in RULES for broken in rule.broken_by(project)] == []


def _written(tree: dict[str, str], root: Path) -> Project:
    for path, text in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return Project.of(root, tree)
