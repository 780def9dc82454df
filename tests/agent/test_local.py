"""A tiny local chat model, taught two lines on the spot, drives the same graph with tool schemas, offline."""

from pathlib import Path
from typing import Any

import pytest
import torch
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from agent.conversation import Agent, Answer, Failure, Spent, Step, Words
from agent.models import local
from agent.models.local import Local
from agent.toolbox import FEW, Offer
from evidence.errors import ModelError
from tests.agent.test_loop import of

CALL = '<tool_call>{"name": "ask", "arguments": {"prompt": "hello."}}</tool_call>'
ANSWER = "It answered [E1]."
TEMPLATE = """{%- if tools %}<tools>{{ tools | length }}{% endif -%}
{%- for m in messages if m.role != 'system' %}<{{ m.role }}>
{%- if m.role == 'tool' %}result{% elif m.tool_calls %}call{% else %}{{ m.content[:12] }}{% endif %}{% endfor -%}
{%- if add_generation_prompt %}<assistant>{% endif %}"""
"""A chat template that says which role spoke and how many tools there are: enough for a model of two lines."""


@pytest.fixture(scope="module")
def chatter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer model that calls `ask` when somebody speaks and answers when a result is there."""
    folder = tmp_path_factory.mktemp("chatter")
    tokenizer = _tokenizer()
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = AutoConfig.for_model(
        "qwen2", **sizes, num_key_value_heads=4, vocab_size=len(tokenizer), max_position_embeddings=512
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    said = [HumanMessage("ask it hello")]
    called = [
        *said,
        AIMessage("", tool_calls=[{"name": "ask", "args": {}, "id": "c"}]),
        ToolMessage("x", tool_call_id="c"),
    ]
    lines = [(_prompt(tokenizer, said), CALL), (_prompt(tokenizer, called), ANSWER)]
    _teach(model, tokenizer, lines)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<eos>", pad_token="<pad>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _prompt(tokenizer: Any, messages: list[Any]) -> str:
    tools = [{"type": "function"}] * FEW
    found = tokenizer.apply_chat_template(
        [local._as_dict(m) for m in messages], tools=tools, add_generation_prompt=True, tokenize=False
    )
    return str(found)


def _teach(model: Any, tokenizer: Any, lines: list[tuple[str, str]]) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(500):
        losses = []
        for prompt, reply in lines:
            ids = tokenizer(prompt + reply + "<eos>", return_tensors="pt")["input_ids"]
            labels = ids.clone()
            labels[:, : len(tokenizer(prompt)["input_ids"])] = -100
            loss = model(input_ids=ids, labels=labels).loss
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            losses.append(loss.item())
        if max(losses) < 0.01:
            return
    raise AssertionError(f"the model did not learn its two lines: loss {max(losses):.3f}")


async def test_a_local_model_calls_a_tool_and_answers_in_the_same_graph(chatter: Path, data_folder: Path) -> None:
    agent = await Agent(f"hf:{chatter}", folder=data_folder, embedding="lexical").start()
    try:
        events = [event async for event in agent.send("t", "ask it hello", person="ann")]
    finally:
        await agent.close()
    assert not of(events, Failure), of(events, Failure)
    assert of(events, Step)[-1].evidence == "E1" and of(events, Answer)[0].text == ANSWER
    assert "".join(word.text for word in of(events, Words)) == ANSWER, "a tool call is not shown as words"
    assert "tokens read" in of(events, Spent)[0].text and "about" not in of(events, Spent)[0].text


def test_a_small_model_is_offered_few_tools_with_strict_schemas() -> None:
    messages = [SystemMessage("x"), HumanMessage('which features fire on "a fox"?')]
    offered = Offer(small=True, embedding="lexical").tools(messages)
    names = [one["function"]["name"] for one in offered]
    assert len(names) == FEW and names[0] == "sae_features"
    schema = offered[0]["function"]["parameters"]
    assert schema["additionalProperties"] is False and schema["required"] == ["prompts"]
    assert "seed" not in schema["properties"] and "anyOf" not in str(schema)
    assert len(Offer().tools(messages)) > 20


@pytest.mark.parametrize(
    ("reply", "good", "bad"),
    [
        (CALL, 1, 0),
        (f"Let me see. {CALL}", 1, 0),
        ('{"name": "ask", "parameters": {"prompt": "x"}}', 1, 0),
        ('[TOOL_CALLS] [{"name": "ask", "arguments": {}}, {"name": "ask", "arguments": {}}]', 2, 0),
        ('<tool_call>{"name": "ask", "argu', 0, 1),
        ("Hello {there}.", 0, 0),
    ],
)
def test_tool_calls_are_read_in_the_forms_of_known_families(reply: str, good: int, bad: int) -> None:
    found, wrong = local.calls(reply)
    assert (len(found), len(wrong)) == (good, bad)


def test_words_stream_only_while_they_are_surely_words() -> None:
    assert local._words("Hello") == "Hello" and local._words("Hello <tool") == "Hello "
    assert local._words("Hello <tool_call>{") == "Hello" and local._words('{"na') == ""


def test_what_is_no_chat_model_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="could not be loaded"):
        Local(path=str(tmp_path)).bind_tools([])
