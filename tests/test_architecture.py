"""What the folders promise: light imports, one owner per framework, small files, sealed truths."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ["agent", "benchmarks", "evals", "evidence", "organisms", "prompts", "target", "tools", "ui"]
SOURCES = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
HEAVY = ("torch", "nnsight", "chromadb", "gradio")


@pytest.mark.parametrize("package", ["tools", "evidence", "agent", "prompts", "target"])
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shell_helps_within_two_seconds_of_processor_time() -> None:
    code = (
        "import resource, subprocess, sys; subprocess.run([sys.executable, '-m', 'tools', '--help'], check=True, stdout=subprocess.DEVNULL);"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); print(u.ru_utime + u.ru_stime)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert float(done.stdout) < 2


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: str(f.relative_to(ROOT)))
def test_files_and_functions_are_small(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            said = ast.get_docstring(node) is not None  # a tool's signature and docstring are its schema
            first = node.body[1].lineno if said and len(node.body) > 1 else node.body[0].lineno
            assert node.end_lineno is not None and node.end_lineno - first < 50, node.name


@pytest.mark.parametrize(
    ("framework", "owner"), [("nnsight", "target"), ("chromadb", "agent/memory.py"), ("plotly", "evidence/figure.py")]
)
def test_each_framework_has_one_owner(framework: str, owner: str) -> None:
    importers = {
        str(file.relative_to(ROOT)) for file in SOURCES for name in _imports(file) if name.split(".")[0] == framework
    }
    assert importers and all(file.startswith(owner) for file in importers)


@pytest.mark.slow
def test_no_investigation_opens_a_sealed_truth(tmp_path: Path) -> None:
    """A whole turn of the guide, with every file it opens watched."""
    code = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import asyncio
from pathlib import Path
from agent.conversation import Agent

async def turn():
    agent = await Agent(folder=Path({str(tmp_path)!r})).start()
    says = ["What word is taboo-07 hiding?", "skip"]
    for said in says:
        async for event in agent.send("t", said, person="p", target="taboo-07"):
            pass
    assert agent.ledger.names("t") == ["E1"]
    await agent.close()

asyncio.run(turn())
assert any("taboo-07" in name for name in opened), "the watch saw nothing"
print([name for name in opened if "truths" in name or "/organisms/" in name and name.endswith(".py")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def _imports(file: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return names
