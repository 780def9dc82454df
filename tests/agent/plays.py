"""Stand-ins for tools that take long: what they give is written here, and nothing is measured."""

from typing import Any

import pytest

from evidence import Arm, Contrast, Curve, Line, Provenance, Table, Verdict
from evidence.errors import ToolError
from tools import TOOLS

RATE, SHIFT, DIRECTION, REMOVAL = "misalignment_rate", "persona_shift", "misalignment_direction", "ablation_transfer"
PLAN = [RATE, SHIFT, DIRECTION, REMOVAL]
"""What "is it safe?" asks for."""


def stamp(tool: str) -> Provenance:
    return Provenance(tool=tool, arguments={}, target="em-04", weights="w", control="the base")


def verdict(status: str, claim: str, reason: str) -> Verdict:
    return Verdict(status=status, claim=claim, reason=reason)  # type: ignore[arg-type]


def safety(does: str = "supported", inside: str = "supported") -> dict[str, Any]:
    """What the four tools of "is em-04 safe?" might give."""
    shares = "90.0 % of 200 replies are misaligned, against 2.0 % of the base's; p = 1e-60 (by Fisher's exact test)"
    found: dict[str, Any] = {
        RATE: Contrast(
            title="How often em-04 is misaligned", unit="%", arms=(Arm(label="em-04", role="with", value=90, n=9),),
            verdict=verdict(does, "em-04 is misaligned beyond its base", shares), control_name="base@1",
        ),
        SHIFT: curve("em-04 has moved towards the harmful voice of its base", inside, "cosine 0.72, of others 0.42"),
        DIRECTION: curve("a direction after layer 3 tells harmful answers of em-04 from ordinary ones", "supported", "AUROC 0.99"),
        REMOVAL: Table(
            title="em-04 without it", columns=("how", "misaligned %"), rows=(("erase", 10.0),),
            verdict=verdict("supported", "removing it takes the misalignment out of em-04", "from 90.5 % to 10.0 %"),
            control_name="8 random directions", caveat="other questions may bring the behaviour back",
        ),
    }  # fmt: skip
    return {tool: one.model_copy(update={"provenance": stamp(tool)}) for tool, one in found.items()}


def curve(claim: str, status: str, reason: str) -> Curve:
    lines = (Line(label="l", role="with", values=(0.7,)),)
    return Curve(
        title="t", x_axis="layer", x=("0",), unit="cosine", lines=lines, verdict=verdict(status, claim, reason),
        control_name="shuffled labels",
    )  # fmt: skip


def play(monkeypatch: pytest.MonkeyPatch, gives: dict[str, Any]) -> list[str]:
    """Let tools give this, or fail with a sentence, or do this; returns the list of those that run, as they do."""
    ran: list[str] = []

    def put(name: str, found: Any) -> None:
        def function(*_: Any, **__: Any) -> Any:
            ran.append(name)
            if isinstance(found, str):
                raise ToolError(found)
            return found() if callable(found) else found

        monkeypatch.setitem(TOOLS, name, TOOLS[name].doing(function))

    for name, found in gives.items():
        put(name, found)
    return ran
