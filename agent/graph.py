"""The whole loop on one screen.

    recall -> think -> (approve, predict ->) act -> think ... -> answer -> check -> remember

`think` asks the chat model for the next step; tool calls go to `act`, words to `answer`. `check` holds
every number against the ledger and may send the model back once. `predict` and `approve` interrupt.
"""

from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph

from agent.nodes import Nodes
from agent.state import State

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

MOST_STEPS = 8
"""Rounds of thinking and acting in one turn; then the answer is what there is."""
MOST_REPAIRS = 1


def build(nodes: Nodes, checkpointer: "BaseCheckpointSaver[str] | None") -> "CompiledStateGraph[Any]":
    """Compile the loop over its nodes."""
    graph = StateGraph(State)
    for name in ("recall", "think", "approve", "predict", "act", "answer", "check", "remember"):
        graph.add_node(name, getattr(nodes, name))
    graph.add_edge(START, "recall")
    graph.add_edge("recall", "think")
    graph.add_conditional_edges("think", after_thinking)
    graph.add_edge("approve", "predict")
    graph.add_edge("predict", "act")
    graph.add_edge("act", "think")
    graph.add_edge("answer", "check")
    graph.add_conditional_edges("check", after_checking)
    graph.add_edge("remember", END)
    return graph.compile(checkpointer=checkpointer)


def after_thinking(state: State) -> Literal["approve", "answer"]:
    last = state["messages"][-1]
    wants_tools = isinstance(last, AIMessage) and bool(last.tool_calls)
    return "approve" if wants_tools and state["steps"] <= MOST_STEPS else "answer"


def after_checking(state: State) -> Literal["think", "remember"]:
    return "think" if state["problems"] and state["repairs"] <= MOST_REPAIRS else "remember"
