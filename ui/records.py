"""What stands beside the figure: replaying an evidence, the hypotheses, the permissions, and files to take along."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from agent import hypotheses
from agent.export import FORMS, cassette, write
from evidence import as_python
from evidence.errors import ToolError
from ui.render import harmless, link_citations
from ui.session import House

Session = dict[str, Any]
NOTHING_TO_REPLAY = "Choose an evidence first."
REPLAYING = "Measuring again …"
COPIED = "Copied: paste it into a Python session of this environment."
NOTHING_SAID = "There is nothing to take along yet: ask something first."
NO_HYPOTHESES = "None yet: nothing that was measured so far claims anything."
ASKED_FIRST = "Reading, computing and changing activations are allowed. Training and export are asked about first."
MOST_CHANGES = 6


class Records:
    """The handlers of the panels that show and repeat what was measured."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def replay(self, name: str | None, session: Session) -> str:
        """Run a measurement again and say what is not as it was."""
        if not name or not self.house.started.is_set():
            return NOTHING_TO_REPLAY
        before = self.house.agent.ledger.get(session["thread"], name)
        granted = [*cassette.DEFAULT_GRANT, *await self.house.agent.granted(session["thread"])]
        try:
            after = await asyncio.to_thread(cassette.again, before, {}, granted)
        except ToolError as error:
            return f"**{name}** cannot be replayed: {harmless(str(error))}"
        changed = cassette.changes(before, after)
        if not changed:
            return f"**{name}** replayed: every number is as it was."
        listed = "\n".join(f"- {harmless(line[:300])}" for line in changed[:MOST_CHANGES])
        more = f"\n- and {len(changed) - MOST_CHANGES} more" if len(changed) > MOST_CHANGES else ""
        return f"**{name}** replayed: {len(changed)} values are not as they were.\n\n{listed}{more}"

    def code(self, name: str | None, session: Session) -> str:
        """The Python that repeats a measurement."""
        if not name or not self.house.started.is_set():
            return ""
        return as_python(self.house.agent.ledger.get(session["thread"], name))

    async def take_along(self, form: str, session: Session) -> tuple[Any, str]:
        """Write the conversation as a file to download, or say why there is none."""
        if not self.house.started.is_set() or self.house.failed:
            return gr.skip(), NOTHING_SAID
        conversation = await self.house.agent.conversation(session["thread"])
        if not conversation.parts:
            return gr.skip(), NOTHING_SAID
        name = f"{session['thread']}{FORMS[form.lower()][0]}"
        place = Path(tempfile.mkdtemp()) / name  # the page's own temporary folder; Gradio serves a copy of it
        file = await asyncio.to_thread(write, conversation, form.lower(), place, self.house.agent.folder)
        return gr.update(value=str(file), visible=True), ""

    async def standing(self, session: Session) -> tuple[str, str, Any]:
        """The hypotheses, what is allowed, and the button that takes it back."""
        if not self.house.started.is_set() or self.house.failed or "thread" not in session:
            return NO_HYPOTHESES, ASKED_FIRST, gr.update(visible=False)
        granted = await self.house.agent.granted(session["thread"])
        board = hypotheses.written(hypotheses.board(self.house.agent.ledger.all(session["thread"])))
        allowed = f"{ASKED_FIRST}\n\nYou allowed: **{', '.join(granted)}**." if granted else ASKED_FIRST
        return link_citations(harmless(board)) or NO_HYPOTHESES, allowed, gr.update(visible=bool(granted))
