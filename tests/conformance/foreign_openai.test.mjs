// The official OpenAI SDK's Chat Completions against vendors of other APIs; scripted by foreign_test.py.
import assert from 'node:assert/strict';
import OpenAI, * as errors from 'openai';
import { makeParseableResponseFormat } from 'openai/lib/parser';
import { about, checkSchema, checkThoughts, checkToolTurn, each, image, replay, resultOf, schema, seen, structured, tags } from './foreign_common.mjs';

const client = new OpenAI({ baseURL: `${about.gateway}/v1`, apiKey: 'any', maxRetries: 0, timeout: 20000, defaultHeaders: tags });
const messages = [{ role: 'user', content: 'How is the weather?' }];
const tools = [{ type: 'function', function: { name: 'weather', description: 'asks the sky', parameters: schema } }];
const argsOf = (call) => ({ name: call.function.name, args: JSON.parse(call.function.arguments) });
const wanted = about.calls.map(({ name, args }) => ({ name, args }));
const answers = (calls) => calls.map((call) => ({ role: 'tool', tool_call_id: call.id, content: resultOf(JSON.parse(call.function.arguments)) }));

function checkUsage(usage) {
  assert.equal(usage.prompt_tokens, 21);
  assert.equal(usage.prompt_tokens_details.cached_tokens, 5);
  assert.equal(usage.completion_tokens, 12);
  assert.equal(usage.total_tokens, 33);
}

each('text', 'text', async (model) => {
  const reply = await client.chat.completions.create({ model, messages });
  assert.equal(reply.choices[0].message.content, about.text);
  assert.equal(reply.choices[0].finish_reason, 'stop');
  checkUsage(reply.usage);
});

each('text in a stream', 'text', async (model) => {
  const stream = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
  let deltas = 0;
  stream.on('content', () => (deltas += 1));
  const reply = await stream.finalChatCompletion();
  assert.equal(reply.choices[0].message.content, about.text);
  assert.equal(reply.choices[0].finish_reason, 'stop');
  assert.ok(deltas > 5, `${deltas} deltas`);
  checkUsage(reply.usage);
});

for (const streamed of [false, true]) {
  each(`tools${streamed ? ' in a stream' : ''}`, 'tools', async (model, vendor) => {
    const reply = streamed
      ? await client.chat.completions.stream({ model, messages, tools }).finalChatCompletion()
      : await client.chat.completions.create({ model, messages, tools });
    const { message, finish_reason } = reply.choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message.content, 'Let me look.');
    assert.deepEqual(message.tool_calls.map(argsOf), wanted);
    assert.equal(new Set(message.tool_calls.map((call) => call.id)).size, 2);
    const end = await client.chat.completions.create({ model, messages: [...messages, message, ...answers(message.tool_calls)], tools });
    assert.equal(end.choices[0].message.content, 'It is cold.');
    const asked = (await seen(vendor, 'tools')).at(-1);
    assert.deepEqual(asked.tools, ['weather']);
    checkToolTurn(asked, about.calls);
  });
}

each('the runner of tools', 'tools', async (model, vendor) => {
  const ran = [];
  const weather = (args) => (ran.push(args), resultOf(args));
  const tool = { type: 'function', function: { name: 'weather', description: 'asks the sky', parameters: schema, parse: JSON.parse, function: weather } };
  const runner = client.chat.completions.runTools({ model, messages, tools: [tool], stream: true });
  assert.equal(await runner.finalContent(), 'It is cold.');
  assert.deepEqual(ran, about.calls.map((call) => call.args));
  checkToolTurn((await seen(vendor, 'tools')).at(-1), about.calls);
});

each('thinking over two turns', 'think', async (model, vendor) => {
  const ask = { model, messages, tools, reasoning_effort: 'medium' };
  const { message } = (await client.chat.completions.create(ask)).choices[0];
  assert.equal(message.reasoning_content, about.thought);
  await client.chat.completions.create({ ...ask, messages: [...messages, message, ...answers(message.tool_calls)] });
  const asked = (await seen(vendor, 'think')).at(-1);
  checkThoughts(asked, vendor);
  checkToolTurn(asked, about.calls.slice(0, 1));
});

// The SDK's own helper keeps one delta's list of unknown members only; callers that want signatures collect them.
each('thinking in a stream over two turns', 'think', async (model, vendor) => {
  const ask = { model, messages, tools, reasoning_effort: 'medium' };
  const stream = client.chat.completions.stream(ask);
  const details = [], extra = {};
  let thought = '';
  stream.on('chunk', (chunk) => {
    const delta = chunk.choices[0]?.delta ?? {};
    details.push(...(delta.reasoning_details ?? []));
    thought += delta.reasoning_content ?? '';
    for (const call of delta.tool_calls ?? []) if (call.extra_content) extra[call.index] = call.extra_content;
  });
  const { message } = (await stream.finalChatCompletion()).choices[0];
  assert.equal(thought, about.thought);
  const calls = message.tool_calls.map((call, i) => (extra[i] ? { ...call, extra_content: extra[i] } : call));
  const turn = { role: 'assistant', content: message.content, tool_calls: calls, reasoning_details: details };
  await client.chat.completions.create({ ...ask, messages: [...messages, turn, ...answers(calls)] });
  checkThoughts((await seen(vendor, 'think')).at(-1), vendor);
});

each('structured output', 'schema', async (model, vendor) => {
  const format = makeParseableResponseFormat({ type: 'json_schema', json_schema: { name: 'place', strict: true, schema } }, JSON.parse);
  const reply = await client.chat.completions.parse({ model, messages, response_format: format });
  assert.deepEqual(reply.choices[0].message.parsed, structured);
  checkSchema((await seen(vendor, 'schema')).at(-1).schema);
});

each('images', 'image', async (model, vendor) => {
  const content = [{ type: 'text', text: 'What is it?' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } }];
  await client.chat.completions.create({ model, messages: [{ role: 'user', content }] });
  assert.deepEqual((await seen(vendor, 'image')).at(-1).images, [['image/png', image]]);
});

const classes = { 400: 'BadRequestError', 401: 'AuthenticationError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 429: 'RateLimitError' };
for (const status of about.statuses) {
  each(`status ${status}`, `status-${status}`, async (model) => {
    for (const stream of [false, true]) {
      await assert.rejects(client.chat.completions.create({ model, messages, stream }), (error) => {
        assert.ok(error instanceof errors[classes[status] ?? 'InternalServerError'], error.constructor.name);
        assert.equal(error.status, status);
        assert.ok(error.message.includes('from vendor'), error.message);
        return true;
      });
    }
  });
}

for (const scenario of ['broken', 'cut']) {
  each(`a stream that is ${scenario}`, scenario, async (model) => {
    let text = '';
    await assert.rejects(async () => {
      const stream = await client.chat.completions.create({ model, messages, stream: true });
      for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? '';
    }, (error) => error instanceof errors.APIError && (scenario === 'cut' || error.message.includes('too much')));
    assert.ok(text.length > 5 && about.text.startsWith(text), text);
  });
}

each('abort in a stream', 'hold', async (model) => {
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta?.content) stream.controller.abort();
});

replay(async (model) => {
  const reply = await client.chat.completions.stream({ model, messages }).finalChatCompletion();
  const { message } = reply.choices[0];
  return { text: message.content ?? '', calls: (message.tool_calls ?? []).map(argsOf) };
});
