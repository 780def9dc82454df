"""Evidence as a Plotly figure: what the person sees. The only importer of plotly."""

from collections.abc import Sequence
from typing import assert_never

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evidence.shapes import Cell, Entry, Ranking, TokenGrid, Transcript

INK, PALE, ACCENT, MUTED = "#1f2933", "#eef2f6", "#f0a53a", "#8a97a6"
_FONT = {"family": "Inter, system-ui, sans-serif", "size": 12, "color": INK}
_SCALE = [[0, "#f7fafc"], [0.5, "#9ecbe8"], [1, "#1f6fa8"]]
GUESSES, CONTROL_GUESSES, MOST_POSITIONS = 4, 2, 16


def as_figure(evidence: TokenGrid | Ranking | Transcript) -> go.Figure:
    """Draw any evidence; titles and labels come from the evidence itself."""
    match evidence:
        case Ranking():
            figure = _ranking(evidence)
        case TokenGrid():
            figure = _token_grid(evidence)
        case Transcript():
            figure = _transcript(evidence)
        case _:
            assert_never(evidence)
    figure.update_layout(
        title={"text": evidence.title, "font": {"size": 15}, "x": 0.01, "xref": "container"},
        font=_FONT,
        paper_bgcolor="white",
        plot_bgcolor="white",
        margin={"l": 10, "r": 10, "t": 60, "b": 30},
    )
    return figure


def _ranking(ranking: Ranking) -> go.Figure:
    """Each row a strategy, each cell a guess, best first; the claimed word in colour; the control on the right."""
    subject = ranking.verdict.subject if ranking.verdict else None
    target = ranking.provenance.target if ranking.provenance else "target"
    rows = [f"{'◉' if one.box == 'white box' else '○'} {_short(one.strategy)}" for one in ranking.lists]
    figure = make_subplots(
        cols=2,
        shared_yaxes=True,
        column_widths=[GUESSES, CONTROL_GUESSES],
        horizontal_spacing=0.02,
        subplot_titles=[target, ranking.control_name or "no control"],
    )
    own = [one.entries for one in ranking.lists]
    control = [one.control or () for one in ranking.lists]
    figure.add_trace(_guesses(own, rows, GUESSES, subject), row=1, col=1)
    figure.add_trace(_guesses(control, rows, CONTROL_GUESSES, subject), row=1, col=2)
    figure.update_annotations(font={"size": 12})
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont={"size": 11})
    figure.update_xaxes(showgrid=False, dtick=1, side="bottom", tickfont={"size": 10, "color": MUTED})
    figure.update_layout(height=110 + 34 * len(rows))
    figure.add_annotation(
        text="◉ inside the model   ○ by talking to it",
        xref="paper",
        yref="paper",
        x=0,
        y=-0.09,
        showarrow=False,
        font={"size": 10, "color": MUTED},
        xanchor="left",
    )
    return figure


def _guesses(lists: Sequence[tuple[Entry, ...]], rows: list[str], width: int, subject: str | None) -> go.Heatmap:
    labels = [[entry.label for entry in one[:width]] + [""] * (width - len(one[:width])) for one in lists]
    scores = [[f"{entry.score:.3g}" for entry in one[:width]] + [""] * (width - len(one[:width])) for one in lists]
    z = [[2 if label == subject and label else (1 if label else 0) for label in row] for row in labels]
    return go.Heatmap(
        z=z,
        x=list(range(1, width + 1)),
        y=rows,
        text=labels,
        texttemplate="%{text}",
        textfont={"size": 11},
        customdata=scores,
        showscale=False,
        zmin=0,
        zmax=2,
        colorscale=[[0, "white"], [0.5, PALE], [1, ACCENT]],
        xgap=2,
        ygap=2,
        hovertemplate="%{y}<br>guess %{x}: <b>%{text}</b> (%{customdata})<extra></extra>",
    )


def _token_grid(grid: TokenGrid) -> go.Figure:
    """Layer by position: the likeliest token in each cell, coloured by its probability; the last positions only."""
    skip = max(0, len(grid.positions) - MOST_POSITIONS)
    names = [f"{'target' if grid.provenance is None else grid.provenance.target}"] + (
        [f"control: {grid.control_name}"] if grid.control else []
    )
    figure = make_subplots(rows=len(names), shared_xaxes=True, vertical_spacing=0.14, subplot_titles=names)
    positions = [f"{i}: {token}" for i, token in enumerate(grid.positions)][skip:]
    for row, cells in enumerate([grid.cells] + ([grid.control] if grid.control else []), start=1):
        figure.add_trace(_cells(cells, grid.layers, positions, skip), row=row, col=1)
    figure.update_yaxes(title_text="after layer", dtick=1)
    figure.update_layout(height=120 + len(names) * (70 + 30 * len(grid.layers)))
    return figure


def _cells(cells: tuple[tuple[Cell, ...], ...], layers: tuple[int, ...], positions: list[str], skip: int) -> go.Heatmap:
    return go.Heatmap(
        z=[[cell.probabilities[0] for cell in row[skip:]] for row in cells],
        x=positions,
        y=list(layers),
        text=[[cell.tokens[0] for cell in row[skip:]] for row in cells],
        texttemplate="%{text}",
        textfont={"size": 10},
        customdata=[
            [
                ", ".join(f"{t} {p:.3f}" for t, p in zip(cell.tokens, cell.probabilities, strict=True))
                for cell in row[skip:]
            ]
            for row in cells
        ],
        hovertemplate="after layer %{y} at %{x}<br>%{customdata}<extra></extra>",
        colorscale=_SCALE,
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=1,
        ygap=1,
    )


def _transcript(transcript: Transcript) -> go.Figure:
    columns = [
        [r.model for r in transcript.replies],
        [r.prompt for r in transcript.replies],
        [r.text for r in transcript.replies],
    ]
    figure = go.Figure(
        go.Table(
            header={"values": ["model", "asked", "said"], "align": "left", "fill_color": PALE},
            cells={
                "values": [[_plain(text) for text in column] for column in columns],
                "align": "left",
                "fill_color": "white",
                "height": 30,
            },
            columnwidth=[1, 2, 3],
        )
    )
    figure.update_layout(height=140 + 40 * len(transcript.replies))
    return figure


def _plain(text: str) -> str:
    """Plotly reads a little HTML: a model's text must not."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:400]


def _short(strategy: str) -> str:
    return strategy.replace("a second model guesses from the hints", "second model guesses").replace(
        "difference lens against the base", "difference lens"
    )
