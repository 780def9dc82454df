"""Whatever a package keeps beside its code is in the wheel."""

import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_SHIPPED = {"organisms/card.md"}
"""Read in the repository alone."""


def test_every_file_beside_the_code_is_named_among_the_package_data() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    named = [f"{package}/{pattern}" for package, patterns in project["package-data"].items() for pattern in patterns]
    tops = {package.partition(".")[0] for package in project["packages"]}
    listed = subprocess.run(["git", "ls-files", *sorted(tops)], cwd=ROOT, capture_output=True, text=True, check=True)
    data = [name for name in listed.stdout.splitlines() if not name.endswith(".py")]
    assert len(data) > 200
    assert [name for name in data if not any(fnmatch(name, one) for one in named) and name not in NOT_SHIPPED] == []


def test_every_folder_of_code_is_among_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    tops = {package.partition(".")[0] for package in project["packages"]}
    folders = {".".join(file.parent.relative_to(ROOT).parts) for top in tops for file in (ROOT / top).rglob("*.py")}
    assert folders - {one for one in folders if "__pycache__" in one} == set(project["packages"])
