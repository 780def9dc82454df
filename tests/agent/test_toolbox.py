"""Tools as LangChain sees them."""

from langchain_core.messages import ToolCall

from evidence import Transcript
from tools import TOOLS


def test_a_tool_gives_the_model_text_and_the_program_the_evidence() -> None:
    tool = TOOLS["ask"].as_langchain()
    call = ToolCall(name="ask", args={"target": "taboo-03", "prompt": "hello."}, id="c", type="tool_call")
    message = tool.invoke(call)
    assert isinstance(message.artifact, Transcript) and message.artifact.provenance is not None
    assert message.artifact.replies[0].text in message.content


def test_the_schema_a_model_sees_has_descriptions_and_bounds() -> None:
    schema = TOOLS["logit_lens"].as_langchain().tool_call_schema
    properties = schema["properties"] if isinstance(schema, dict) else schema.model_json_schema()["properties"]
    assert properties["k"]["maximum"] == 20 and "target" in properties
    assert all(field["description"] for field in properties.values())
