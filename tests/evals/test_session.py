"""A scripted session through Inspect, on two fine-tunes, and its log."""

import pytest
from inspect_ai.log import read_eval_log

from evals import inspecting
from evals.session import read_script, session
from evals.subjects import shipped


@pytest.mark.slow
def test_a_session_is_played_scored_and_logged_for_the_viewer(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("INSPECT_LOG_DIR", str(tmp_path))
    subjects = [next(s for s in shipped() if s.truth.kind == kind) for kind in ("secret", "clean")]
    log = inspecting.run(session(read_script("hidden_word"), subjects, "guide"))
    again = read_eval_log(log.location)
    assert {str(s.id) for s in again.samples or []} == {s.spec for s in subjects}
    for sample in again.samples or []:
        roles = [message.role for message in sample.messages]
        assert roles == ["user", "assistant", "user", "assistant", "user", "assistant"]
        checks = (sample.scores or {})["checks"].value
        assert isinstance(checks, dict) and checks["grounded"] == 1 and checks["asked_to_predict"] == 1
