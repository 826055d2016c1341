"""Tool-calling loops of LangChain and LangGraph whose every request ends in the gateway."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from epm.errors import ErrorClass, ModelError
from epm.gateway.chat_model import bound_chat_model
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ModelSettings, Task, TaskKind
from epm.gateway.transports.litellm import LitellmTransport
from epm.gateway.transports.rules import RulesTransport

SCOPE = CallScope("run", "item", "research")


def find_rivals(query: str) -> str:
    """Find listings like the query."""
    return f'[{{"id": "r1", "text": "rival of {query}"}}]'


def gateway_to(server: Any, **changes: Any) -> MeteredGateway:
    settings = ModelSettings("openai/gpt-4o-mini", api_base=server.url)
    return MeteredGateway(LitellmTransport(settings), None, **{"backoff_s": 0.001, **changes})


def chat_model(gateway: Any) -> Any:
    return bound_chat_model(gateway, ModelSettings("openai/gpt-4o-mini", max_tokens=99), SCOPE, None)


async def loop(model: Any, question: str) -> list:
    from langchain_core.messages import HumanMessage
    from langgraph.graph import END, START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode

    async def think(state: Any) -> dict[str, list[Any]]:
        return {"messages": [await model.bind_tools([find_rivals]).ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode([find_rivals]))
    graph.add_edge(START, "think")
    graph.add_edge("tools", "think")
    graph.add_conditional_edges("think", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    return (await graph.compile().ainvoke({"messages": [HumanMessage(question)]}))["messages"]


def test_a_tool_loop_goes_round_and_each_request_is_in_the_ledger(fake_server: Any) -> None:
    fake_server.script(replies=[{"contains": "rival of", "content": "the rival is r1"}])
    gateway = gateway_to(fake_server)
    messages = asyncio.run(loop(chat_model(gateway), "who competes?"))
    assert [message.type for message in messages] == ["human", "ai", "tool", "ai"]
    assert messages[1].tool_calls[0]["args"] == {"query": "kolvra kx-120 kettle"}
    assert messages[-1].content == "the rival is r1"
    log = fake_server.log()
    assert log["n_requests"] == len(gateway.log.calls) == 2
    assert sum(call.usage.prompt_tokens for call in gateway.log.calls) == log["prompt_tokens"]
    assert all(request["has_tools"] for request in log["requests"])


def test_a_repeated_loop_is_answered_from_the_cache(fake_server: Any) -> None:
    gateway = gateway_to(fake_server)

    async def twice() -> list[list[Any]]:
        return [await loop(chat_model(gateway), "who competes?") for _ in range(2)]

    first, second = asyncio.run(twice())
    assert [message.content for message in first] == [message.content for message in second]
    assert fake_server.n_requests() == 2


@pytest.mark.parametrize(("fault", "error_class", "n_requests"), [("401", ErrorClass.AUTH, 1), ("503", ErrorClass.OVERLOADED, 3)])
def test_an_error_of_the_gateway_crosses_back_with_its_class_and_nobody_else_retries(
    fake_server: Any, fault: str, error_class: ErrorClass, n_requests: int
) -> None:
    fake_server.script(faults=[fault] * 9)
    with pytest.raises(ModelError) as caught:
        asyncio.run(loop(chat_model(gateway_to(fake_server, max_attempts=3)), "who?"))
    assert caught.value.error_class is error_class
    assert fake_server.n_requests() == n_requests


def test_the_synchronous_way_out_is_closed(fake_server: Any) -> None:
    with pytest.raises(ModelError, match="ainvoke"):
        chat_model(gateway_to(fake_server)).invoke("hello")
    assert fake_server.n_requests() == 0


def test_token_limit_and_temperature_reach_the_server_and_streaming_does_not(fake_server: Any) -> None:
    asyncio.run(chat_model(gateway_to(fake_server)).ainvoke("hello"))
    (request,) = fake_server.log()["requests"]
    assert {"max_tokens", "temperature"} <= set(request["keys"])
    assert not {"stream", "max_completion_tokens"} & set(request["keys"])


def test_rules_answer_a_research_task_through_the_same_loop() -> None:
    task = Task(TaskKind.RESEARCH, {"question": {"entity": "Kolvra KX-120", "attribute": "capacity", "question": "How large is it?"}})
    model = bound_chat_model(MeteredGateway(RulesTransport(), None), ModelSettings("rules"), SCOPE, task)
    messages = asyncio.run(loop(model, "how large?"))
    assert [message.type for message in messages] == ["human", "ai", "tool", "ai"]
    assert messages[1].tool_calls[0]["name"] == "find_rivals"
    assert "answer" in messages[-1].content
