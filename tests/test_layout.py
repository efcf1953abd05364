"""The house: what is shipped and under which name, and which room knows of which."""

from __future__ import annotations

import ast
import doctest
import importlib
import pickle
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import toolgrove
from toolgrove.core.registry import KINDS, names
from toolgrove.planners import DFSDT

ROOT = Path(__file__).resolve().parent.parent
CONFIG: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LEFT: dict[str, set[str]] = {
    "core": set(),
    "models": {"core"},
    "envs": {"core"},
    "planners": {"core"},
    "benchmarks": {"core", "models", "envs", "planners"},
    "training": {"core", "models", "envs", "planners", "benchmarks"},
    "cli": {"core", "models", "envs", "planners", "benchmarks", "training"},
    "testing": {"core", "models", "envs", "planners"},
    "__init__": {"core"},
    "__main__": {"cli"},
}
ROOMS = tuple(name for name in LEFT if not name.startswith("_"))
ROOT_FILES = ("__init__.py", "__main__.py", "py.typed")
SOURCES = [ROOT / "__init__.py", ROOT / "__main__.py"] + [
    path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))
]


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


every_source = pytest.mark.parametrize("path", SOURCES, ids=shown)


# What is there


def test_every_package_is_listed() -> None:
    listed = CONFIG["tool"]["setuptools"]["packages"]
    found = {
        ".".join(("toolgrove", *init.parent.relative_to(ROOT).parts))
        for room in ROOMS
        for init in (ROOT / room).rglob("__init__.py")
    }
    assert sorted(listed) == sorted({"toolgrove"} | found)


def test_there_are_no_other_rooms_and_no_other_files_in_the_root() -> None:
    assert {init.parent.name for init in ROOT.glob("*/__init__.py")} == set(ROOMS)
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}
    assert not (ROOT / "tests" / "__init__.py").exists()


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for path in SOURCES}
    assert [shown(f) for f in folders if not (f / "__init__.py").exists()] == []


def test_every_data_file_is_shipped() -> None:
    data: dict[str, list[str]] = CONFIG["tool"]["setuptools"]["package-data"]
    missing = []
    for path in (p for room in ROOMS for p in (ROOT / room).rglob("*")):
        if path.is_dir() or path.suffix in (".py", ".pyc"):
            continue
        package = path.parent
        while not (package / "__init__.py").exists():
            package = package.parent
        name = ".".join(("toolgrove", *package.relative_to(ROOT).parts))
        inside = path.relative_to(package).as_posix()
        if not any(matches(inside, p) for p in (*data.get("*", ()), *data.get(name, ()))):
            missing.append(shown(path))
    assert missing == []


def matches(path: str, pattern: str) -> bool:
    """As setuptools does: a star stays in its folder, two stars do not."""
    return fnmatch(path, pattern) and ("**" in pattern or path.count("/") == pattern.count("/"))


def test_the_links_for_type_checkers_are_complete_and_relative() -> None:
    links = sorted((ROOT / ".src" / "toolgrove").iterdir())
    assert [link.name for link in links] == sorted((*ROOMS, *ROOT_FILES))
    for link in links:
        assert link.is_symlink() and link.readlink().as_posix() == f"../../{link.name}"
    assert [path.name for path in (ROOT / ".src").iterdir()] == ["toolgrove"]


def test_modules_are_named_for_their_idea() -> None:
    vague = {"util", "utils", "helper", "helpers", "misc", "common", "manager", "managers"}
    named = [path for path in SOURCES if vague & {*path.stem.split("_"), path.parent.name}]
    assert [shown(path) for path in named] == []


# Under which name


FOUND = """
import importlib.util, sys
root, *names = sys.argv[1:]
for name in names:
    spec = importlib.util.find_spec(name)
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else []
    if any(place.startswith(root) and not place.startswith(sys.prefix) for place in places):
        print(name)
"""


def test_no_generic_name_is_importable(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FOUND, f"{ROOT}/", *ROOMS, "tests", "docs", "scripts"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []  # of ours; what others install under such names is theirs


def test_one_identity() -> None:
    assert DFSDT.__module__ == "toolgrove.planners.dfsdt"
    assert pickle.loads(pickle.dumps(DFSDT(width=3))) == DFSDT(width=3)


def modules() -> list[str]:
    found = pkgutil.walk_packages(toolgrove.__path__, "toolgrove.")
    return ["toolgrove", *(i.name for i in found if i.name.split(".")[1] in LEFT)]


@pytest.mark.parametrize("name", modules())
def test_docstrings_tell_the_truth(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("toolgrove"):
            raise
        pytest.skip(f"{name} needs {error.name}, which is in an extra that is not installed")
    assert doctest.testmod(module).failed == 0


def test_every_module_is_found() -> None:
    dotted = {shown(p).removesuffix(".py").replace("/", ".") for p in SOURCES}
    dotted = {d.removesuffix(".__init__") for d in dotted if d != "__init__"}
    assert set(modules()) == {"toolgrove"} | {f"toolgrove.{d}" for d in dotted}


IMPORTED = """
import sys
before = set(sys.modules)
import toolgrove
new = set(sys.modules) - before
files = {name: getattr(sys.modules[name], "__file__", None) or "" for name in new}
print(sorted({name.split(".")[1] for name in new if name.startswith("toolgrove.")}))
print(sorted(name for name, file in files.items() if "site-packages" in file))
print(len(new))
"""


def test_import_loads_the_core_and_nothing_heavy(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    ours, installed, count = run.stdout.splitlines()
    assert (ours, installed) == ("['core']", "[]")
    assert int(count) < 250


# Which room knows of which


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of every import in a file; of our own as ``toolgrove.room``."""
    inside = ("toolgrove", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) - node.level + 1]
            assert base, f"{shown(path)}:{node.lineno} leaves the package"
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield node.lineno, ".".join((*base, name))


@every_source
def test_a_room_imports_only_what_stands_left_of_it(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    wrong = []
    for lineno, name in imports(path):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if top == "toolgrove" and other not in {room, "__version__"} | LEFT[room]:
            wrong.append(f"{shown(path)}:{lineno} imports {other}")
    assert wrong == []


@every_source
def test_inside_the_package_imports_are_relative(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        assert not any(name.split(".")[0] in ("toolgrove", *ROOMS) for name in names)


@pytest.mark.parametrize("room", ["core", "planners"])
def test_core_and_planners_need_nothing_outside_the_standard_library(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        for lineno, name in imports(path):
            top = name.split(".")[0]
            assert top == "toolgrove" or top in sys.stdlib_module_names, f"{shown(path)}:{lineno}"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parent.name == "planners"], ids=shown)
def test_planners_draw_no_chance_read_no_clock_and_copy_nothing(path: Path) -> None:
    banned = {"random", "secrets", "uuid", "time", "datetime", "copy", "os"}
    assert [name for _, name in imports(path) if name.split(".")[0] in banned] == []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        word = getattr(node, "attr", None) or getattr(node, "id", None)
        assert word not in ("deepcopy", "random", "__import__", "import_module"), node.lineno  # type: ignore[attr-defined]


@every_source
def test_what_is_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    silent = [] if ast.get_docstring(tree) else ["the module"]
    defined = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies: list[tuple[str, list[ast.stmt]]] = [("", tree.body)]
    for prefix, body in bodies:
        for node in body:
            if not isinstance(node, defined) or node.name.startswith("_"):
                continue
            declared = path.parent == ROOT / "envs" / "hub" / "tools" and node.decorator_list
            if not ast.get_docstring(node) and not declared:  # a tool is described where declared
                silent.append(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                bodies.append((f"{prefix}{node.name}.", node.body))
    assert silent == []


# What is registered, pinned and shipped


def entry_points() -> dict[str, dict[str, str]]:
    groups: dict[str, dict[str, str]] = CONFIG["project"]["entry-points"]
    return groups


def test_every_entry_point_loads() -> None:
    targets = {**CONFIG["project"]["scripts"]}
    for group, points in entry_points().items():
        targets |= {f"{group} {name}": target for name, target in points.items()}
    for name, target in targets.items():
        module, _, attribute = target.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute)), name


def test_what_is_registered_is_what_is_installed() -> None:
    assert set(entry_points()) == {f"toolgrove.{kind}" for kind in KINDS}
    for kind in KINDS:
        listed = entry_points()[f"toolgrove.{kind}"]
        assert set(names(kind)) == set(listed), "pyproject.toml changed: pip install -e . again"


def pins() -> dict[str, str]:
    found: dict[str, str] = {}
    for row in (ROOT / "constraints.txt").read_text().splitlines():
        if pin := row.partition("#")[0].strip():
            name, _, version = pin.partition(";")[0].strip().partition("==")
            assert version and re.fullmatch(r"[\w.+!-]+", version), f"{row!r} is no exact pin"
            found[canonicalize_name(name.strip())] = version.strip()
    return found


def test_what_is_pinned_fits_what_is_asked_for() -> None:
    pinned, project = pins(), CONFIG["project"]
    asked = [("", text) for text in project["dependencies"]]
    extras = project["optional-dependencies"].items()
    asked += [(extra, text) for extra, texts in extras for text in texts]
    for extra, text in asked:
        need = Requirement(text)
        if need.name == "toolgrove":  # one extra holds another
            assert need.extras <= {name for name, _ in extras}
            continue
        assert need.url is None, f"{text}: an index has it, or nobody can install us"
        assert any(s.operator in (">=", "~=") for s in need.specifier), f"{text}: from which on?"
        version = pinned.get(canonicalize_name(need.name))
        assert version or extra, f"{text} is not pinned in constraints.txt"
        if version is not None:
            assert need.specifier.contains(version), f"{need.name}=={version} is not {text}"


def test_the_default_install_is_light() -> None:
    needs = {canonicalize_name(Requirement(t).name) for t in CONFIG["project"]["dependencies"]}
    assert not needs & {"torch", "transformers", "numpy", "scipy", "pandas", "gymnasium", "ray"}


def clone(to: Path) -> list[str]:
    """A copy of what git knows or would add; the paths in it."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout to make a clean copy of")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = sorted(p for p in told.split("\0") if p and (ROOT / p).exists())
    for path in paths:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, to / path, follow_symlinks=False)
    return paths


def wheel(source: Path, out: Path) -> zipfile.ZipFile:
    """Build it; skip where there is neither setuptools 77 nor a network to get it from."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(out)]
    try:
        major = int(importlib.import_module("setuptools").__version__.split(".")[0])
    except ImportError:
        major = 0
    command += ["--no-build-isolation"] if major >= 77 else []
    run = subprocess.run(
        [*command, "--disable-pip-version-check", "--retries", "1", str(source)],
        cwd=out,
        capture_output=True,
        text=True,
    )
    said = run.stdout + run.stderr
    if run.returncode and major < 77 and re.search("No matching distribution.*setuptools", said):
        pytest.skip(f"setuptools {major} is older than 77, and no network has a newer one")
    assert run.returncode == 0, said
    [path] = out.glob("toolgrove-*.whl")
    return zipfile.ZipFile(path)


def test_a_wheel_holds_all_packages_and_data_and_nothing_else(tmp_path: Path) -> None:
    source, out, site = tmp_path / "src", tmp_path / "out", tmp_path / "site"
    out.mkdir()
    paths = clone(source)
    with wheel(source, out) as built:
        held = set(built.namelist())
        built.extractall(site)
    wanted = {p for p in paths if p.split("/")[0] in ROOMS or p in ROOT_FILES}
    info = f"toolgrove-{toolgrove.__version__}.dist-info"
    assert {h for h in held if not h.startswith(info)} == {f"toolgrove/{p}" for p in wanted}
    assert f"{info}/licenses/LICENSE" in held
    code = (
        "import toolgrove; from toolgrove.core import make; "
        "make('policies', 'functions:texts=toolbench'); print(toolgrove.__file__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip() == str(site / "toolgrove" / "__init__.py"), run.stderr


def test_the_version_is_one() -> None:
    assert CONFIG["project"]["version"] == toolgrove.__version__
    assert re.search(r"^## \[?Unreleased", (ROOT / "CHANGELOG.md").read_text(), re.M)
