"""The shape of the house: floors, no circles, light where it is promised, nothing too large."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import zoo

ROOT = Path(zoo.__file__).parent
CHECKOUT = ROOT.parent

FLOORS = (
    {
        "benchmarks",
        "clustered",
        "errors",
        "fingerprints",
        "hookspecs",
        "models",
        "probing",
        "uncollected",
    },
    {"process_state", "progress", "redaction", "weights"},
    {
        "answers",
        "engine",
        "evidence",
        "lineages",
        "placing",
        "resampling",
        "results",
        "falls",
        "snapshots",
        "stats",
        "structuring",
        "tasks",
    },
    {
        "columns",
        "config",
        "effects",
        "facts",
        "groups",
        "plugins",
        "ratios",
        "store",
        "task_code",
    },
    {
        "adapters",
        "contrasts",
        "courses",
        "interruption",
        "liveness",
        "manifests",
        "pairing",
        "registry",
        "rewriting",
        "seeds",
        "suites",
        "trust",
    },
    {"claims", "composites", "equivalence", "loaders", "plan", "probes", "questions"},
    {"ranking"},
    {"catalogue", "findings", "discovery", "evaluation", "matching", "reporting", "stages"},
    {"advice", "ancestry", "host", "measures", "recall", "repetitions", "sheet", "telling"},
    {"adding", "diagnosis", "executors", "standings", "tradeoff"},
    {"maintenance", "preparation"},
    {"leaderboards", "measuring", "waves"},
    {"running"},
    {
        "asking",
        "checking",
        "comparing",
        "fetching",
        "publishing",
        "rescoring",
        "tradeoffs",
        "watching",
    },
    {"importing", "training"},
    {"api", "pricing"},
    {"authoring"},
    {"testing"},
    {"cli"},
    {"__main__"},
)
"""Modules and packages directly under zoo/, from the ground up: each imports only lower floors.
A new module takes its place here."""

FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}

HEAVY = {
    "torch", "lm_eval", "transformers", "datasets", "pandas", "altair", "scipy", "statsmodels"
}  # fmt: skip

PUBLIC = {*zoo.__all__, "run", "report", "leaderboard", "publish", "load", "import_results"}


@dataclass(frozen=True)
class Module:
    """One module: what it imports when it is loaded, and what only its functions import."""

    name: str
    path: Path
    eager: frozenset[str]
    late: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Everything it may ever import, the type checker's own imports aside."""
        return self.eager | self.late


def read(folder: Path, package: str) -> dict[str, Module]:
    """The modules of a package by dotted name."""
    paths = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        paths[".".join(parts).removesuffix(".__init__")] = path
    modules = {}
    for name, path in paths.items():
        found = list(imports(ast.parse(path.read_text("utf-8")), late=False))
        eager, late = (
            frozenset(
                f"{module}.{item}" if f"{module}.{item}" in paths else module
                for module, item, is_late in found
                if is_late == wanted
            )
            for wanted in (False, True)
        )
        modules[name] = Module(name, path, eager, late)
    return modules


def imports(node: ast.AST, late: bool) -> Iterator[tuple[str, str, bool]]:
    """(module, name in it or "", whether a function imports it), TYPE_CHECKING aside."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=aliases):
                yield from ((alias.name, "", late) for alias in aliases)
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                yield from ((module, alias.name, late) for alias in aliases)
            case ast.ImportFrom():
                raise AssertionError(f"a relative import in line {child.lineno}")
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                for each in otherwise:
                    yield from imports(each, late)
            case _:
                inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
                yield from imports(child, late or inside)


MODULES = read(ROOT, "zoo")
PLUGINS = {
    name: read(CHECKOUT / folder, name)
    for name, folder in {
        **{path.name: f"plugins/{path.name}" for path in (CHECKOUT / "plugins").glob("zoo_*")},
        "zoo_benchmarks": "benchmarks",
    }.items()
}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Some circle of a graph, or nothing."""
    done: set[str] = set()

    def walk(node: str, above: list[str]) -> list[str]:
        if node in above:
            return [*above[above.index(node) :], node]
        if node in done:
            return []
        for other in sorted(graph.get(node, ())):
            if found := walk(other, [*above, node]):
                return found
        done.add(node)
        return []

    return next((found for node in graph if (found := walk(node, []))), [])


def test_no_module_needs_itself_to_be_loaded() -> None:
    graph = {name: set(module.eager) & set(MODULES) for name, module in MODULES.items()}
    assert circle(graph) == []


def test_imports_inside_functions_hide_no_circle_between_modules_and_packages() -> None:
    graph: dict[str, set[str]] = {}
    for name, module in MODULES.items():
        unit = unit_of(name)
        others = {unit_of(other) for other in module.all if other.startswith("zoo.")}
        graph.setdefault(unit, set()).update(others - {unit})
    # zoo itself hands out the functions of zoo.api when they are asked for, and its version
    graph.pop("zoo")
    assert circle(graph) == []


def unit_of(name: str) -> str:
    """The module or package directly under zoo/ that a module belongs to."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "zoo"


def test_every_module_has_a_floor_and_every_floor_its_modules() -> None:
    assert set(FLOOR) == {unit_of(name) for name in MODULES} - {"zoo"}
    assert sum(len(names) for names in FLOORS) == len(FLOOR)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "zoo"])
def test_a_module_imports_only_lower_floors(name: str) -> None:
    own = unit_of(name)
    others = {unit_of(other) for other in MODULES[name].all if other.startswith("zoo.")}
    too_high = {other for other in others - {own} if FLOOR[other] >= FLOOR[own]}
    assert not too_high


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_imports_zoo_and_nothing_of_another_plugin(name: str) -> None:
    others = set(PLUGINS) - {name}
    for module in PLUGINS[name].values():
        assert not {each.partition(".")[0] for each in module.all} & others, module.name


def test_only_the_evaluation_the_engine_and_plugins_with_loaders_import_lm_eval() -> None:
    everything = [*MODULES.values(), *(m for plugin in PLUGINS.values() for m in plugin.values())]
    importers = {
        module.name
        for module in everything
        if any(each.partition(".")[0] == "lm_eval" for each in module.all)
    }
    loaders = tuple(
        f"zoo_{name}." for name in ("masked", "multimodal", "openai", "seq2seq", "vllm")
    )
    assert importers
    assert all(name.startswith(("zoo.evaluation.", "zoo.engine.", *loaders)) for name in importers)


def test_only_one_module_writes_to_the_hub_and_only_one_takes_a_token_for_it() -> None:
    everything = [*MODULES.values(), *(m for plugin in PLUGINS.values() for m in plugin.values())]

    def say(*words: str) -> set[str]:
        texts = {module.name: module.path.read_text("utf-8") for module in everything}
        return {name for name, text in texts.items() if any(word in text for word in words)}

    # `zoo doctor` asks whose token there is
    assert say("get_token(") == {"zoo.publishing.hub", "zoo.diagnosis"}
    assert say("create_commit(", "create_repo(", "upload_f") == {"zoo.publishing.client"}


def test_nothing_reads_pickles_or_unpacks_archives() -> None:
    """An archive is written with zipfile; what would read one, or a pickle, is not there."""
    everything = [*MODULES.values(), *(m for plugin in PLUGINS.values() for m in plugin.values())]
    modules = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "sqlitedict", "tarfile"}
    calls = {"torch.load", "extractall", "extract", "unpack_archive", "allow_pickle", "read_pickle"}
    for module in everything:
        assert not {each.partition(".")[0] for each in module.all} & modules, module.name
        text = module.path.read_text("utf-8")
        for call in calls:
            assert not re.search(rf"\b{re.escape(call)}\b\s*[(=]", text), (module.name, call)


@pytest.mark.parametrize("name", [n for n in MODULES if not n.startswith("zoo.engine.")])
def test_nothing_heavy_is_imported_when_a_module_is_loaded(name: str) -> None:
    assert not {each.partition(".")[0] for each in MODULES[name].eager} & HEAVY


LOADED = """
import json, runpy, sys
if sys.argv[1:]:
    try:
        runpy.run_module("zoo", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert not end.code, end.code
else:
    import zoo
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "argv", [[], ["--help"], ["--version"], ["plugins"], ["suites", "--json"], ["run", "--help"]]
)
def test_what_should_be_quick_loads_nothing_heavy(argv: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *argv], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert "zoo" in loaded
    assert not loaded & HEAVY


def test_no_module_is_above_a_tenth_of_the_whole() -> None:
    lines = {
        name: len(module.path.read_text("utf-8").splitlines()) for name, module in MODULES.items()
    }
    largest = max(lines, key=lambda name: lines[name])
    assert lines[largest] <= sum(lines.values()) / 10, largest


def test_no_module_hides_a_public_function() -> None:
    assert not {unit_of(name) for name in MODULES} & PUBLIC


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_says_what_it_is(name: str) -> None:
    tree = ast.parse(MODULES[name].path.read_text("utf-8"))
    silent = [] if ast.get_docstring(tree) else [name]
    waiting: list[ast.AST] = [tree]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if not node.name.startswith("_") and not ast.get_docstring(node):
                    silent.append(node.name)
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    waiting.append(node)
            elif isinstance(node, (ast.If, ast.Try)):
                waiting.append(node)
    assert silent == []
