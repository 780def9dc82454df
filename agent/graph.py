"""The whole loop on one screen.

    recall -> think -> (propose, approve, predict ->) act -> think ... -> answer -> check -> teach -> remember

`think` asks the chat model for the next step; tool calls go to `act`, words to `answer`. `check` holds
every number against the ledger and may send the model back once. `teach` adds a question or a next step; an answer to such a
question is graded in `recall`, and the turn is over. `propose`, `approve` and `predict` interrupt,
and are visited only where there is something to ask.
"""

from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, StateGraph

from agent.nodes import Nodes
from agent.state import MOST_STEPS, State

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

MOST_REPAIRS = 1
ASKS = ("propose", "approve", "predict")


def build(nodes: Nodes, checkpointer: "BaseCheckpointSaver[str] | None") -> "CompiledStateGraph[Any]":
    """Compile the loop over its nodes."""
    graph = StateGraph(State)
    for name in ("recall", "think", *ASKS, "act", "answer", "check", "teach", "remember"):
        graph.add_node(name, getattr(nodes, name))
    graph.add_edge(START, "recall")
    graph.add_conditional_edges("recall", lambda state: "teach" if state["answer"] else "think", ["think", "teach"])
    graph.add_conditional_edges("think", lambda state: after_thinking(nodes, state), [*ASKS, "act", "answer"])
    for place, name in enumerate(ASKS):
        graph.add_conditional_edges(
            name, lambda state: next_question(nodes, state), [*ASKS[place + 1 :], "act", "recall"]
        )
    graph.add_edge("act", "think")
    graph.add_edge("answer", "check")
    graph.add_conditional_edges("check", after_checking)
    graph.add_edge("teach", "remember")
    graph.add_edge("remember", END)
    return graph.compile(checkpointer=checkpointer)


def after_thinking(nodes: Nodes, state: State) -> str:
    last = state["messages"][-1]
    wants_tools = isinstance(last, AIMessage) and bool(last.tool_calls)
    return next_question(nodes, state) if wants_tools and state["steps"] <= MOST_STEPS else "answer"


def next_question(nodes: Nodes, state: State) -> str:
    """What has to be asked before the calls may run, else `act`; a person who asks for something else begins a turn."""
    return "recall" if isinstance(state["messages"][-1], HumanMessage) else next(nodes.due(state), "act")


def after_checking(state: State) -> Literal["think", "teach"]:
    return "think" if state["problems"] and state["repairs"] <= MOST_REPAIRS else "teach"
