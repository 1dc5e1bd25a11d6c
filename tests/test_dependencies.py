"""pyproject.toml, constraints.txt, environment.yml and the imports agree on the dependencies."""

import ast
import importlib.metadata
import importlib.util
import re
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import start

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
EXTRAS = {
    name: [Requirement(text) for text in texts]
    for name, texts in PROJECT["optional-dependencies"].items()
}
CORE = [Requirement(text) for text in PROJECT["dependencies"]]
DECLARED = CORE + [requirement for extra in EXTRAS.values() for requirement in extra]
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
# The name to import, where it is not the name to install.
MODULES = {"beautifulsoup4": "bs4", "pillow": "PIL", "pyyaml": "yaml", "ipython": "IPython"}


def pinned_version(pin: Requirement) -> Version:
    """Return the one version that a pin allows."""
    (specifier,) = pin.specifier
    return Version(specifier.version)


def imported_modules(*folders: str) -> set[str]:
    """Return the top names of everything that the Python files in these folders import."""
    names = set()
    for path in [path for folder in folders for path in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.partition(".")[0])
    return names


def undeclared(modules: set[str], requirements: list[Requirement]) -> set[str]:
    """Return the modules that belong neither to Python, nor to the course, nor to requirements."""
    ours = {"course_lib", "autograde", "tests", "start", "nbgrader_config"}
    ours |= {path.stem for path in (ROOT / "tests").glob("*.py")}
    declared = {MODULES.get(each.name, each.name.replace("-", "_")) for each in requirements}
    return modules - declared - ours - set(sys.stdlib_module_names)


def test_every_pin_is_one_exact_version_without_a_path_or_a_local_build():
    for pin in PINS:
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), pin
        assert pin.url is None
        assert pinned_version(pin).local is None


def test_every_dependency_has_a_pin_that_its_range_allows():
    versions = {canonicalize_name(pin.name): pinned_version(pin) for pin in PINS}
    for requirement in DECLARED:
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_every_dependency_has_a_lower_bound_and_the_core_an_upper_one():
    for requirement in DECLARED:
        assert any(each.operator == ">=" for each in requirement.specifier), requirement
    for requirement in CORE:
        assert any(each.operator == "<" for each in requirement.specifier), requirement


def test_pins_of_one_package_never_apply_together():
    environment = default_environment()
    for version in ("3.11.2", "3.11.9", "3.12.1", "3.14.0"):
        environment |= {"python_full_version": version, "python_version": version[:4]}
        names = [
            canonicalize_name(pin.name)
            for pin in PINS
            if pin.marker is None or pin.marker.evaluate(environment)
        ]
        assert len(names) == len(set(names)), version


def test_what_is_installed_here_is_what_is_pinned():
    # Asked for by folder: setuptools puts vendored packages of its own in the path.
    installed = {
        canonicalize_name(each.name): Version(each.version).public
        for each in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")])
    }
    assert "torch" in installed
    for pin in PINS:
        name = canonicalize_name(pin.name)
        if name in installed and (pin.marker is None or pin.marker.evaluate()):
            # pip and setuptools come with Python's venv, before any constraint.
            assert name == "setuptools" or installed[name] == str(pinned_version(pin)), name


def test_everything_the_course_imports_is_declared():
    assert undeclared(imported_modules("solutions"), CORE) == set()
    cluster = CORE + EXTRAS["cluster"]
    assert undeclared(imported_modules("course_lib", "autograde"), cluster) == set()
    assert undeclared(imported_modules("tests"), DECLARED) == set()


def test_an_import_that_is_not_declared_is_found():
    assert undeclared({"torch", "json", "course_lib", "pandas"}, CORE) == {"pandas"}


@pytest.mark.parametrize("requirement", CORE, ids=lambda requirement: requirement.name)
def test_a_dependency_can_be_imported(requirement):
    module = MODULES.get(requirement.name, requirement.name.replace("-", "_"))
    assert importlib.util.find_spec(module) is not None


def test_the_pythons_of_pyproject_are_those_of_start_and_of_environment_yml():
    supported = SpecifierSet(PROJECT["requires-python"])
    for minor in range(8, 20):
        assert (f"3.{minor}.5" in supported) == ((3, minor) in start.PYTHONS)
    conda = dict(map(conda_spec, conda_specs()))
    assert SpecifierSet(conda["python"]) == supported


def conda_specs() -> list[str]:
    """Return what environment.yml asks of conda itself."""
    return [spec for spec in ENVIRONMENT["dependencies"] if isinstance(spec, str)]


def conda_spec(spec: str) -> tuple[str, str]:
    """Split a spec of conda into name and versions, and refuse what conda would not take."""
    found = re.fullmatch(r"([a-z0-9_.-]+)((?:[<>=!]=?[\d.*]+)(?:,[<>=!]=?[\d.*]+)*)?", spec)
    assert found is not None, spec
    return found[1], found[2] or ""


def test_environment_yml_installs_the_package_as_pinned_and_names_nothing_itself():
    assert set(ENVIRONMENT) == {"name", "channels", "dependencies"}
    assert [conda_spec(spec)[0] for spec in conda_specs()] == ["python", "pip"]
    (pip_part,) = [each for each in ENVIRONMENT["dependencies"] if isinstance(each, dict)]
    assert pip_part == {
        "pip": [f"--extra-index-url {start.CPU_INDEX}", "-c constraints.txt", "-e .[tests]"]
    }


def test_the_constraints_pin_the_version_of_torch_that_start_installs():
    (torch,) = [pin for pin in PINS if pin.name == "torch"]
    assert str(torch.specifier) == f"=={start.torch_version(start.Environment(ROOT))}"
    assert torch.marker is None
