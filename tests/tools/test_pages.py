"""What the pages of the tools show works as written."""

from pathlib import Path

import pytest

from evidence import as_python
from tests.tools.examples import prepared
from tools import TOOLS
from tools.__main__ import main
from tools._docs import example

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", TOOLS)
def test_the_example_of_every_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIEUTIC_HOME", str(tmp_path / "home"))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)  # some examples write where they stand
    made: dict[str, object] = {}
    exec(example(TOOLS[name]), made)
    assert made["evidence"].provenance.tool == name  # type: ignore[attr-defined]


def test_the_code_of_an_evidence_names_its_artefacts_by_digest(tmp_path: Path) -> None:
    with prepared(tmp_path):
        found = TOOLS["compare_directions"].call("base@1", {"directions": ["living", "voices"]})
        made: dict[str, object] = {}
        exec(as_python(found), made)
    digests = {one.digest for one in found.provenance.used}  # type: ignore[union-attr]
    again = made["evidence"].provenance  # type: ignore[attr-defined]
    assert len(digests) == 2 and set(again.arguments["directions"]) == digests


def test_the_shell_takes_a_list_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["tools", "sae_features", "--target", "base@1", "--json", "--prompts", '["a fox, small.", "hello."]']
    monkeypatch.setattr("sys.argv", told)
    main()
    assert '"a fox, small."' in capsys.readouterr().out


def test_a_broken_json_list_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["tools", "sae_features", "--prompts", '["a fox, small.'])
    with pytest.raises(SystemExit, match="is no JSON list"):
        main()
