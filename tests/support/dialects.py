"""What a well-behaved vendor answers, per surface: the fake vendor's replies when a test scripts none."""

import base64
import struct

from support.script import reply, sse, stream

INPUT_TOKENS = 21


def chat_usage(words):
    return {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": words,
        "total_tokens": INPUT_TOKENS + words,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def chat_chunk(delta, finish=None, usage=None, model="gpt-mock"):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1763000000,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        "usage": usage,
    }


def chat_usage_chunk(words):
    return {**chat_chunk({}), "choices": [], "usage": chat_usage(words)}


def chat_events(words=8, with_usage=True):
    """The SSE events of one chat stream, as bytes each."""
    events = [sse(chat_chunk({"role": "assistant", "content": ""}))]
    events += [sse(chat_chunk({"content": f" word{i}"})) for i in range(words)]
    events.append(sse(chat_chunk({}, finish="stop")))
    if with_usage:
        events.append(sse(chat_usage_chunk(words)))
    return events + [sse("[DONE]")]


def chat_body(words=8, model="gpt-mock"):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1763000000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": " word" * words, "refusal": None},
                "finish_reason": "stop",
            }
        ],
        "usage": chat_usage(words),
    }


def completion_body(words=8):
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1763000000,
        "model": "gpt-mock",
        "choices": [{"index": 0, "text": " word" * words, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": INPUT_TOKENS, "completion_tokens": words, "total_tokens": INPUT_TOKENS + words},
    }


def completion_events(words=8, with_usage=True):
    body = completion_body(words)
    events = [
        sse({**body, "choices": [{"index": 0, "text": f" word{i}", "finish_reason": None}], "usage": None})
        for i in range(words)
    ]
    if with_usage:
        events.append(sse({**body, "choices": []}))
    return events + [sse("[DONE]")]


def responses_body(words=8, status="completed"):
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1763000000,
        "status": status,
        "model": "gpt-mock",
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": " word" * words, "annotations": []}],
            }
        ],
        "usage": {
            "input_tokens": INPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": words,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": INPUT_TOKENS + words,
        },
    }


def responses_events(words=8):
    started = {**responses_body(words, "in_progress"), "output": [], "usage": None}
    item = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events = [sse({"type": "response.created", "sequence_number": 0, "response": started}, "response.created")]
    for i in range(words):
        delta = {"type": "response.output_text.delta", "sequence_number": i + 1, **item, "delta": f" word{i}"}
        events.append(sse(delta, "response.output_text.delta"))
    done = {"type": "response.completed", "sequence_number": words + 1, "response": responses_body(words)}
    return events + [sse(done, "response.completed")]


def embeddings_body(base64_form=False):
    vector = [0.25, -0.5, 1.0]
    packed = base64.b64encode(struct.pack("<3f", *vector)).decode()
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": packed if base64_form else vector}],
        "model": "gpt-mock",
        "usage": {"prompt_tokens": INPUT_TOKENS, "total_tokens": INPUT_TOKENS},
    }


def messages_body(words=8):
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-mock",
        "content": [{"type": "text", "text": " word" * words}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": INPUT_TOKENS,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": words,
        },
    }


def messages_events(words=8):
    start = {**messages_body(0), "content": [], "stop_reason": None}
    start["usage"] = {**start["usage"], "output_tokens": 1}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    events = [sse({"type": "message_start", "message": start}, "message_start"), sse(block, "content_block_start")]
    for i in range(words):
        delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f" word{i}"}}
        events.append(sse(delta, "content_block_delta"))
    events.append(sse({"type": "content_block_stop", "index": 0}, "content_block_stop"))
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    end = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": words}}
    return events + [sse(end, "message_delta"), sse({"type": "message_stop"}, "message_stop")]


def default_reply(request):
    """Steps for a request that no test scripted."""
    body = request.json() or {}
    streaming = bool(body.get("stream"))
    wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    path = request.target.split("?")[0]
    if path.endswith("/chat/completions"):
        return stream(chat_events(with_usage=wants_usage)) if streaming else reply(chat_body())
    if path.endswith("/messages/count_tokens"):
        return reply({"input_tokens": INPUT_TOKENS})
    if path.endswith("/messages"):
        return stream(messages_events()) if streaming else reply(messages_body())
    if path.endswith("/responses"):
        return stream(responses_events()) if streaming else reply(responses_body())
    if path.endswith("/embeddings"):
        return reply(embeddings_body(body.get("encoding_format") == "base64"))
    if path.endswith("/completions"):
        return stream(completion_events(with_usage=wants_usage)) if streaming else reply(completion_body())
    return reply({"error": {"message": "no such path", "type": "invalid_request_error", "code": None}}, status=404)
