"""Evidence as a Plotly figure: what the person sees. The only importer of plotly."""

from typing import assert_never

import plotly.graph_objects as go

from evidence._plots_arms import contrast
from evidence._plots_cells import heatmap, token_grid
from evidence._plots_frame import Plot, framed
from evidence._plots_lines import curve
from evidence._plots_ranking import ranking
from evidence._plots_style import NARROWEST
from evidence._plots_tables import quiz, table, transcript
from evidence.shapes import AnyEvidence, Contrast, Curve, Heatmap, Quiz, Ranking, Table, TokenGrid, Transcript


def as_figure(evidence: AnyEvidence, *, width: int = NARROWEST) -> go.Figure:
    """Draw any evidence; it reads well at this width in pixels and at any larger one.

    Words are shortened to the width, with the full text when hovering, and can carry no markup.
    """
    return go.Figure(framed(evidence, _middle(evidence, width), width))


def _middle(evidence: AnyEvidence, width: int) -> Plot:
    match evidence:
        case Ranking():
            return ranking(evidence, width)
        case TokenGrid():
            return token_grid(evidence, width)
        case Transcript():
            return transcript(evidence, width)
        case Heatmap():
            return heatmap(evidence, width)
        case Contrast():
            return contrast(evidence, width)
        case Curve():
            return curve(evidence, width)
        case Table():
            return table(evidence, width)
        case Quiz():
            return quiz(evidence, width)
        case _:
            assert_never(evidence)
