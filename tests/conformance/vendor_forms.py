"""What vendors of each dialect answer, written from one neutral list of parts, whole and as a stream.

A part is ("text", text), ("think", text, signature) or ("call", id, name, arguments).
"""

import json

from support.script import aws_frame, reply, sse, stream

PIECE = 5  # characters per delta
AWS_STREAM = "application/vnd.amazon.eventstream"
INPUT, CACHED, OUTPUT = 21, 5, 12  # of the input, CACHED were read from the vendor's cache


def pieces(text):
    return [text[i : i + PIECE] for i in range(0, len(text), PIECE)]


def dumped(value):
    return json.dumps(value, ensure_ascii=False)


def has_calls(parts):
    return any(part[0] == "call" for part in parts)


# --- openai.chat -------------------------------------------------------------------------------------------------------
CHAT_USAGE = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT,
              "prompt_tokens_details": {"cached_tokens": CACHED}, "completion_tokens_details": {"reasoning_tokens": 0}}


def chat_call(index, part, arguments):
    return {"index": index, "id": part[1], "type": "function", "function": {"name": part[2], "arguments": arguments}}


def chat_thought(part):
    return {"type": "reasoning.text", "text": part[1], "signature": part[2], "format": "anthropic-claude-v1", "index": 0}


def chat_whole(parts):
    message = {"role": "assistant", "content": "".join(part[1] for part in parts if part[0] == "text") or None, "refusal": None}
    for part in parts:
        if part[0] == "think":
            message["reasoning"] = part[1]
            message["reasoning_details"] = [chat_thought(part)]
    calls = [part for part in parts if part[0] == "call"]
    if calls:
        message["tool_calls"] = [{k: v for k, v in chat_call(0, part, dumped(part[3])).items() if k != "index"} for part in calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if calls else "stop"}
    return {"id": "chatcmpl-f", "object": "chat.completion", "created": 1763000000, "model": "gpt-5", "choices": [choice], "usage": CHAT_USAGE}


def chat_stream(parts):
    def event(delta, finish=None):
        return sse({"id": "chatcmpl-f", "object": "chat.completion.chunk", "created": 1763000000, "model": "gpt-5",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None})

    events, calls = [event({"role": "assistant", "content": ""})], 0
    for part in parts:
        if part[0] == "text":
            events += [event({"content": piece}) for piece in pieces(part[1])]
        elif part[0] == "think":
            events += [event({"reasoning": piece, "reasoning_details": [{**chat_thought(part), "text": piece, "signature": None}]})
                       for piece in pieces(part[1])]
            signed = {key: value for key, value in chat_thought(part).items() if key != "text"}
            events.append(event({"reasoning_details": [signed]}))
        else:
            events.append(event({"tool_calls": [chat_call(calls, part, "")]}))
            events += [event({"tool_calls": [{"index": calls, "function": {"arguments": piece}}]}) for piece in pieces(dumped(part[3]))]
            calls += 1
    events.append(event({}, "tool_calls" if calls else "stop"))
    last = {"id": "chatcmpl-f", "object": "chat.completion.chunk", "created": 1763000000, "model": "gpt-5", "choices": [], "usage": CHAT_USAGE}
    return events + [sse(last), sse("[DONE]")]


# --- openai.responses --------------------------------------------------------------------------------------------------
RESPONSES_USAGE = {"input_tokens": INPUT, "input_tokens_details": {"cached_tokens": CACHED}, "output_tokens": OUTPUT,
                   "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": INPUT + OUTPUT}


def responses_item(index, part):
    if part[0] == "text":
        content = [{"type": "output_text", "text": part[1], "annotations": [], "logprobs": []}]
        return {"id": f"msg_{index}", "type": "message", "status": "completed", "role": "assistant", "content": content}
    if part[0] == "think":
        return {"id": f"rs_{index}", "type": "reasoning", "summary": [{"type": "summary_text", "text": part[1]}], "encrypted_content": part[2]}
    return {"id": f"fc_{index}", "type": "function_call", "status": "completed", "call_id": part[1], "name": part[2], "arguments": dumped(part[3])}


def responses_whole(parts, status="completed"):
    items = [responses_item(index, part) for index, part in enumerate(parts)]
    return {"id": "resp_f", "object": "response", "created_at": 1763000000, "status": status, "error": None, "incomplete_details": None,
            "model": "gpt-5", "output": items, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": RESPONSES_USAGE}


def responses_stream(parts):
    events = []

    def event(kind, **members):
        events.append(sse({"type": kind, "sequence_number": len(events), **members}, kind))

    started = {**responses_whole([], "in_progress"), "usage": None}
    event("response.created", response=started)
    event("response.in_progress", response=started)
    for index, part in enumerate(parts):
        item, at = responses_item(index, part), {"output_index": index}
        place = {**at, "item_id": item["id"]}
        if part[0] == "text":
            event("response.output_item.added", **at, item={**item, "status": "in_progress", "content": []})
            inner = {**place, "content_index": 0}
            event("response.content_part.added", **inner, part={"type": "output_text", "text": "", "annotations": [], "logprobs": []})
            for piece in pieces(part[1]):
                event("response.output_text.delta", **inner, delta=piece, logprobs=[])
            event("response.output_text.done", **inner, text=part[1], logprobs=[])
            event("response.content_part.done", **inner, part=item["content"][0])
        elif part[0] == "think":
            event("response.output_item.added", **at, item={**item, "summary": [], "encrypted_content": ""})
            inner = {**place, "summary_index": 0}
            event("response.reasoning_summary_part.added", **inner, part={"type": "summary_text", "text": ""})
            for piece in pieces(part[1]):
                event("response.reasoning_summary_text.delta", **inner, delta=piece)
            event("response.reasoning_summary_text.done", **inner, text=part[1])
            event("response.reasoning_summary_part.done", **inner, part=item["summary"][0])
        else:
            event("response.output_item.added", **at, item={**item, "status": "in_progress", "arguments": ""})
            for piece in pieces(item["arguments"]):
                event("response.function_call_arguments.delta", **place, delta=piece)
            event("response.function_call_arguments.done", **place, arguments=item["arguments"])
        event("response.output_item.done", **at, item=item)
    event("response.completed", response=responses_whole(parts))
    return events


# --- anthropic.messages ------------------------------------------------------------------------------------------------
MESSAGES_USAGE = {"input_tokens": INPUT - CACHED, "cache_creation_input_tokens": 0, "cache_read_input_tokens": CACHED, "output_tokens": OUTPUT}


def messages_block(part):
    if part[0] == "text":
        return {"type": "text", "text": part[1]}
    if part[0] == "think":
        return {"type": "thinking", "thinking": part[1], "signature": part[2]}
    return {"type": "tool_use", "id": part[1], "name": part[2], "input": part[3]}


def messages_whole(parts):
    return {"id": "msg_f", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [messages_block(part) for part in parts],
            "stop_reason": "tool_use" if has_calls(parts) else "end_turn", "stop_sequence": None, "usage": MESSAGES_USAGE}


def messages_stream(parts):
    def event(kind, **members):
        return sse({"type": kind, **members}, kind)

    start = {**messages_whole([]), "stop_reason": None, "usage": {**MESSAGES_USAGE, "output_tokens": 1}}
    events = [event("message_start", message=start), event("ping")]
    for index, part in enumerate(parts):
        empty = {"text": "", "thinking": "", "signature": "", "input": {}}
        block = {key: empty.get(key, value) for key, value in messages_block(part).items()}
        if part[0] == "call":
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces(dumped(part[3]))]]
        elif part[0] == "think":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(part[1])]
            deltas.append({"type": "signature_delta", "signature": part[2]})
        else:
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(part[1])]
        events.append(event("content_block_start", index=index, content_block=block))
        events += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        events.append(event("content_block_stop", index=index))
    whole = messages_whole(parts)
    events.append(event("message_delta", delta={"stop_reason": whole["stop_reason"], "stop_sequence": None}, usage={"output_tokens": OUTPUT}))
    return events + [event("message_stop")]


# --- gemini.generate ---------------------------------------------------------------------------------------------------
GEMINI_USAGE = {"promptTokenCount": INPUT, "cachedContentTokenCount": CACHED, "candidatesTokenCount": OUTPUT, "totalTokenCount": INPUT + OUTPUT}


def gemini_body(content, finish=None):
    candidate = {"content": {"role": "model", "parts": content}, "index": 0, **({"finishReason": finish} if finish else {})}
    return {"candidates": [candidate], "usageMetadata": GEMINI_USAGE, "modelVersion": "gemini-3-pro", "responseId": "resp-f"}


def gemini_parts(parts):
    """A thought's signature stands on what follows it."""
    result, signature = [], None
    for part in parts:
        if part[0] == "think":
            signature = part[2]
            result.append({"text": part[1], "thought": True})
            continue
        one = {"text": part[1]} if part[0] == "text" else {"functionCall": {"id": part[1], "name": part[2], "args": part[3]}}
        if signature:
            one["thoughtSignature"], signature = signature, None
        result.append(one)
    return result


def gemini_whole(parts):
    return gemini_body(gemini_parts(parts), "STOP")


def gemini_stream(parts):
    bodies = []
    for part in gemini_parts(parts):
        cut = [{**part, "text": piece} for piece in pieces(part["text"])] if "text" in part else [part]
        bodies += [gemini_body([one]) for one in cut]
    bodies[-1]["candidates"][0]["finishReason"] = "STOP"
    return [sse(body) for body in bodies]


# --- bedrock.converse --------------------------------------------------------------------------------------------------
BEDROCK_USAGE = {"inputTokens": INPUT - CACHED, "cacheReadInputTokens": CACHED, "cacheWriteInputTokens": 0, "outputTokens": OUTPUT,
                 "totalTokens": INPUT + OUTPUT}


def bedrock_block(part):
    if part[0] == "text":
        return {"text": part[1]}
    if part[0] == "think":
        return {"reasoningContent": {"reasoningText": {"text": part[1], "signature": part[2]}}}
    return {"toolUse": {"toolUseId": part[1], "name": part[2], "input": part[3]}}


def bedrock_whole(parts):
    return {"output": {"message": {"role": "assistant", "content": [bedrock_block(part) for part in parts]}},
            "stopReason": "tool_use" if has_calls(parts) else "end_turn", "usage": BEDROCK_USAGE, "metrics": {"latencyMs": 7}}


def bedrock_stream(parts):
    events = [aws_frame({"role": "assistant"}, "messageStart")]
    for index, part in enumerate(parts):
        if part[0] == "call":
            start = {"toolUse": {"toolUseId": part[1], "name": part[2]}}
            events.append(aws_frame({"contentBlockIndex": index, "start": start}, "contentBlockStart"))
            deltas = [{"toolUse": {"input": piece}} for piece in pieces(dumped(part[3]))]
        elif part[0] == "think":
            deltas = [{"reasoningContent": {"text": piece}} for piece in pieces(part[1])] + [{"reasoningContent": {"signature": part[2]}}]
        else:
            deltas = [{"text": piece} for piece in pieces(part[1])]
        events += [aws_frame({"contentBlockIndex": index, "delta": delta}, "contentBlockDelta") for delta in deltas]
        events.append(aws_frame({"contentBlockIndex": index}, "contentBlockStop"))
    events.append(aws_frame({"stopReason": bedrock_whole(parts)["stopReason"]}, "messageStop"))
    return events + [aws_frame({"usage": BEDROCK_USAGE, "metrics": {"latencyMs": 7}}, "metadata")]


# --- any ---------------------------------------------------------------------------------------------------------------
FORMS = {"oai": (chat_whole, chat_stream), "rsp": (responses_whole, responses_stream), "ant": (messages_whole, messages_stream),
         "gem": (gemini_whole, gemini_stream), "bed": (bedrock_whole, bedrock_stream)}


def content_type(vendor):
    return AWS_STREAM if vendor == "bed" else "text/event-stream"


def wants_stream(request):
    return bool((request.json() or {}).get("stream")) or "tream" in request.target.rsplit("/", 1)[-1]


def answer(vendor, request, parts):
    """Steps that answer this request with these parts."""
    whole, streamed = FORMS[vendor]
    if wants_stream(request):
        return stream(streamed(parts), content_type=content_type(vendor))
    return reply(whole(parts))


AWS_ERRORS = {400: "ValidationException", 401: "UnrecognizedClientException", 403: "AccessDeniedException", 404: "ResourceNotFoundException",
              429: "ThrottlingException", 503: "ServiceUnavailableException", 529: "ModelNotReadyException"}
GOOGLE_ERRORS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


def refusal(vendor, status, message="from vendor"):
    if vendor == "ant":
        return reply({"type": "error", "error": {"type": "api_error", "message": message}, "request_id": "req_f"}, status)
    if vendor == "gem":
        return reply({"error": {"code": status, "message": message, "status": GOOGLE_ERRORS.get(status, "INTERNAL")}}, status)
    if vendor == "bed":
        return reply({"message": message}, status, {"x-amzn-ErrorType": AWS_ERRORS.get(status, "InternalServerException")})
    return reply({"error": {"message": message, "type": "x", "param": None, "code": None}}, status)


def stream_error(vendor, message="too much"):
    """The event with which a vendor says in the middle of a stream that it failed."""
    if vendor == "ant":
        return sse({"type": "error", "error": {"type": "overloaded_error", "message": message}}, "error")
    if vendor == "gem":
        return sse({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})
    if vendor == "bed":
        return aws_frame({"message": message}, "throttlingException", "exception")
    if vendor == "rsp":
        failed = {**responses_whole([], "failed"), "error": {"code": "server_error", "message": message}, "usage": None}
        return sse({"type": "response.failed", "sequence_number": 9, "response": failed}, "response.failed")
    return sse({"error": {"message": message, "type": "server_error", "param": None, "code": "server_error"}})
