"""What a vendor was asked, and what a recorded stream says, read by simple code of our own into one neutral form."""

import json

from support.script import aws_frames


def empty():
    return {"tools": [], "calls": [], "results": [], "images": [], "thoughts": [], "schema": None}


def call(identity, name, arguments):
    return {"id": identity, "name": name, "args": json.loads(arguments or "{}") if isinstance(arguments, str) else arguments}


def text_of(content):
    """The text of a tool's result in any form."""
    if isinstance(content, list):
        return "".join(text_of(one) for one in content)
    if isinstance(content, dict):
        return text_of(content["text"]) if "text" in content else json.dumps(content.get("json", content))
    return content


def chat(body):
    out = empty()
    out["tools"] = [tool["function"]["name"] for tool in body.get("tools", [])]
    out["schema"] = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    for message in body["messages"]:
        out["calls"] += [call(one["id"], one["function"]["name"], one["function"]["arguments"]) for one in message.get("tool_calls") or []]
        out["thoughts"] += [{"text": one.get("text", ""), "signature": one.get("signature")} for one in message.get("reasoning_details") or []]
        if message["role"] == "tool":
            out["results"].append({"id": message["tool_call_id"], "text": text_of(message["content"])})
        for part in message["content"] if isinstance(message.get("content"), list) else []:
            if part["type"] == "image_url":
                kind, data = part["image_url"]["url"].removeprefix("data:").split(";base64,")
                out["images"].append([kind, data])
    return out


def responses(body):
    out = empty()
    out["tools"] = [tool["name"] for tool in body.get("tools", [])]
    out["schema"] = ((body.get("text") or {}).get("format") or {}).get("schema")
    for item in body["input"] if isinstance(body["input"], list) else []:
        kind = item.get("type")
        if kind == "function_call":
            out["calls"].append(call(item["call_id"], item["name"], item["arguments"]))
        elif kind == "function_call_output":
            out["results"].append({"id": item["call_id"], "text": text_of(item["output"])})
        elif kind == "reasoning":
            out["thoughts"].append({"text": "".join(one["text"] for one in item["summary"]), "signature": item.get("encrypted_content")})
        elif isinstance(item.get("content"), list):
            urls = [part["image_url"] for part in item["content"] if part["type"] == "input_image"]
            out["images"] += [url.removeprefix("data:").split(";base64,") for url in urls]
    return out


def messages(body):
    out = empty()
    out["tools"] = [tool["name"] for tool in body.get("tools", [])]
    out["schema"] = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    for message in body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block["type"] == "tool_use":
                out["calls"].append(call(block["id"], block["name"], block["input"]))
            elif block["type"] == "tool_result":
                out["results"].append({"id": block["tool_use_id"], "text": text_of(block["content"])})
            elif block["type"] == "thinking":
                out["thoughts"].append({"text": block["thinking"], "signature": block["signature"]})
            elif block["type"] == "image":
                out["images"].append([block["source"]["media_type"], block["source"]["data"]])
    return out


def lowered(schema):
    """Gemini's own schema spells its types in capitals."""
    if isinstance(schema, dict):
        return {key: value.lower() if key == "type" and isinstance(value, str) else lowered(value) for key, value in schema.items()}
    return schema


def gemini(body):
    out = empty()
    out["tools"] = [one["name"] for tool in body.get("tools", []) for one in tool.get("functionDeclarations", [])]
    config = body.get("generationConfig") or {}
    out["schema"] = lowered(config.get("responseJsonSchema") or config.get("responseSchema"))
    thought = ""
    for part in (part for content in body["contents"] for part in content["parts"]):
        if "functionCall" in part:
            one = part["functionCall"]
            out["calls"].append(call(one.get("id"), one["name"], one.get("args", {})))
        elif "functionResponse" in part:
            one = part["functionResponse"]
            out["results"].append({"id": one.get("id"), "text": json.dumps(one["response"], ensure_ascii=False)})
        elif "inlineData" in part:
            out["images"].append([part["inlineData"]["mimeType"], part["inlineData"]["data"]])
        if part.get("thought"):
            thought += part["text"]
        if part.get("thoughtSignature"):
            out["thoughts"].append({"text": thought, "signature": part["thoughtSignature"]})
    return out


def bedrock(body):
    out = empty()
    out["tools"] = [tool["toolSpec"]["name"] for tool in (body.get("toolConfig") or {}).get("tools", []) if "toolSpec" in tool]
    schema = ((((body.get("outputConfig") or {}).get("textFormat") or {}).get("structure") or {}).get("jsonSchema") or {}).get("schema")
    out["schema"] = json.loads(schema) if schema else None
    for block in (block for message in body["messages"] for block in message["content"]):
        if "toolUse" in block:
            out["calls"].append(call(block["toolUse"]["toolUseId"], block["toolUse"]["name"], block["toolUse"]["input"]))
        elif "toolResult" in block:
            out["results"].append({"id": block["toolResult"]["toolUseId"], "text": text_of(block["toolResult"]["content"])})
        elif "reasoningContent" in block:
            out["thoughts"].append(dict(block["reasoningContent"]["reasoningText"]))
        elif "image" in block:
            out["images"].append(["image/" + block["image"]["format"], block["image"]["source"]["bytes"]])
    return out


ASKED = {"oai": chat, "rsp": responses, "ant": messages, "gem": gemini, "bed": bedrock}


# --- recorded streams --------------------------------------------------------------------------------------------------
class Unusual(Exception):
    """A recording with parts that have no plain counterpart in the other forms."""


def payloads(body):
    for line in body.decode().splitlines():
        if line.startswith("data:") and line[5:].strip() not in ("", "[DONE]"):
            yield json.loads(line[5:])


def told(texts, thoughts, calls):
    made = [{"name": name, "args": json.loads(arguments or "{}") if isinstance(arguments, str) else arguments} for name, arguments in calls]
    return {"text": "".join(texts), "thought": "".join(thoughts), "calls": made}


def told_chat(body):
    texts, thoughts, calls = [], [], {}
    for event in payloads(body):
        if "choices" not in event or len(event["choices"]) > 1:
            raise Unusual
        for choice in event["choices"]:
            delta = choice.get("delta") or {}
            if choice.get("index") or not isinstance(delta.get("content") or "", str) or delta.get("refusal") or delta.get("audio"):
                raise Unusual
            texts.append(delta.get("content") or "")
            thoughts.append(delta.get("reasoning_content") or delta.get("reasoning") or "")
            for one in delta.get("tool_calls") or []:
                made = calls.setdefault(one.get("index", 0), ["", ""])
                made[0] = made[0] or one["function"].get("name") or ""
                made[1] += one["function"].get("arguments") or ""
    return told(texts, thoughts, calls.values())


def told_responses(body):
    texts, thoughts, calls = [], [], []
    ended = None
    for event in payloads(body):
        if event["type"] in ("response.completed", "response.incomplete"):
            ended = event["response"]
        elif event["type"] == "response.reasoning_summary_text.delta":
            thoughts.append(event["delta"])
        elif event["type"] == "response.output_item.done":
            item = event["item"]
            if item["type"] not in ("message", "function_call", "reasoning"):
                raise Unusual
            if item["type"] == "function_call":
                calls.append((item["name"], item["arguments"]))
            elif item["type"] == "message":
                texts += [part.get("text") or part.get("refusal") or "" for part in item["content"]]
    if not ended:
        raise Unusual
    return told(texts, thoughts, calls)


def told_messages(body):
    texts, thoughts, calls = [], [], {}
    starts = 0
    for event in payloads(body):
        starts += event["type"] == "message_start"
        if starts > 1:
            raise Unusual
        if event["type"] == "content_block_start":
            block = event["content_block"]
            if block["type"] not in ("text", "thinking", "redacted_thinking", "tool_use"):
                raise Unusual
            texts.append(block.get("text") or "")
            if block["type"] == "tool_use":
                calls[event["index"]] = [block["name"], ""]
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            texts.append(delta.get("text") or "")
            thoughts.append(delta.get("thinking") or "")
            if delta["type"] == "input_json_delta":
                calls[event["index"]][1] += delta["partial_json"]
        elif event["type"] == "error":
            raise Unusual
    return told(texts, thoughts, calls.values())


def told_gemini(body):
    texts, thoughts, calls = [], [], []
    for event in payloads(body):
        if len(event.get("candidates") or []) > 1 or "error" in event:
            raise Unusual
        for candidate in event.get("candidates") or []:
            for part in (candidate.get("content") or {}).get("parts") or []:
                known = set(part) - {"thought", "thoughtSignature"}
                if not known <= {"text", "functionCall"} or "partialArgs" in part.get("functionCall", {}) or "willContinue" in part.get("functionCall", {}):
                    raise Unusual
                (thoughts if part.get("thought") else texts).append(part.get("text", ""))
                if "functionCall" in part:
                    calls.append((part["functionCall"]["name"], part["functionCall"].get("args", {})))
    return told(texts, thoughts, calls)


def told_bedrock(body):
    texts, thoughts, calls = [], [], {}
    for headers, event in aws_frames(body):
        if headers[":message-type"] != "event" or headers[":event-type"] == "chunk":
            raise Unusual
        start, delta = event.get("start") or {}, event.get("delta") or {}
        if set(start) - {"toolUse"} or set(delta) - {"text", "toolUse", "reasoningContent"}:
            raise Unusual
        if "toolUse" in start:
            calls[event["contentBlockIndex"]] = [start["toolUse"]["name"], ""]
        texts.append(delta.get("text") or "")
        thoughts.append((delta.get("reasoningContent") or {}).get("text") or "")
        if "toolUse" in delta:
            calls[event["contentBlockIndex"]][1] += delta["toolUse"]["input"]
    return told(texts, thoughts, calls.values())


TOLD = {"oai": told_chat, "rsp": told_responses, "ant": told_messages, "gem": told_gemini, "bed": told_bedrock}
