// The official OpenAI SDK against the gateway; the vendor behind it is scripted by sdk_test.py, by model name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, * as errors from 'openai';

const client = new OpenAI({
  baseURL: process.env.GATEWAY_URL + '/v1',
  apiKey: 'any',
  maxRetries: 0,
  timeout: 20000,
  defaultHeaders: { 'x-tollgate-team': 'sdk', 'x-tollgate-feature': 'openai' },
});
const messages = [{ role: 'user', content: 'hello' }];
const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }];

test('chat', async () => {
  const { data, response } = await client.chat.completions.create({ model: 'gpt-mock', messages }).withResponse();
  assert.equal(data.choices[0].message.content, ' word'.repeat(8));
  assert.equal(data.usage.total_tokens, 29);
  assert.ok(response.headers.get('x-tollgate-request-id'));
  assert.equal(Number(response.headers.get('x-tollgate-cost-usd')), 0.0001325);
});

test('chat stream', async () => {
  let text = '';
  let usage = null;
  const stream = await client.chat.completions.create({ model: 'gpt-mock', messages, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, ' word0 word1 word2 word3 word4 word5 word6 word7');
  assert.equal(usage.completion_tokens, 8);
});

test('chat stream without usage never shows an empty choices list', async () => {
  for await (const chunk of await client.chat.completions.create({ model: 'gpt-mock', messages, stream: true })) {
    assert.equal(chunk.choices.length, 1);
  }
});

test('tools', async () => {
  const reply = await client.chat.completions.create({ model: 'lab/tools', messages, tools });
  const [call] = reply.choices[0].message.tool_calls;
  assert.equal(call.function.name, 'weather');
  assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Zürich' });
});

test('tools in a stream, put together by the SDK', async () => {
  const final = await client.chat.completions.stream({ model: 'lab/tools-stream', messages, tools }).finalChatCompletion();
  const calls = final.choices[0].message.tool_calls;
  assert.equal(calls.length, 2);
  assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments)), [{ city: 'Zürich' }, { city: 'São Paulo' }]);
  assert.equal(final.choices[0].finish_reason, 'tool_calls');
});

test('completions, embeddings, models', async () => {
  const completion = await client.completions.create({ model: 'gpt-mock', prompt: 'x' });
  assert.equal(completion.choices[0].text, ' word'.repeat(8));
  const embedding = await client.embeddings.create({ model: 'gpt-mock', input: 'x' });
  assert.deepEqual(Array.from(embedding.data[0].embedding), [0.25, -0.5, 1]);
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes('gpt-mock'));
});

test('responses', async () => {
  const reply = await client.responses.create({ model: 'gpt-mock', input: 'x' });
  assert.equal(reply.output_text, ' word'.repeat(8));
  const types = [];
  let text = '';
  for await (const event of await client.responses.create({ model: 'gpt-mock', input: 'x', stream: true })) {
    types.push(event.type);
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  assert.equal(types.at(-1), 'response.completed');
  assert.equal(text, ' word0 word1 word2 word3 word4 word5 word6 word7');
});

test('vendor errors become the right classes', async () => {
  const classes = { 400: 'BadRequestError', 401: 'AuthenticationError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 409: 'ConflictError', 422: 'UnprocessableEntityError', 429: 'RateLimitError', 500: 'InternalServerError' };
  for (const [status, name] of Object.entries(classes)) {
    await assert.rejects(client.chat.completions.create({ model: `lab/status-${status}`, messages }), (error) => {
      assert.ok(error instanceof errors[name], `${status}: ${error.constructor.name}`);
      assert.equal(error.status, Number(status));
      assert.equal(error.code, 'from_vendor');
      return true;
    });
  }
});

test('errors of the gateway itself', async () => {
  await assert.rejects(client.chat.completions.create({ model: 'no-such-model', messages }), errors.NotFoundError);
  await assert.rejects(client.chat.completions.create({ model: 'lab/gone', messages }), errors.InternalServerError);
  await assert.rejects(client.post('/chat/completions', { body: { model: 5 } }), errors.BadRequestError);
});

test('a cut stream is an error, not a short answer', async () => {
  let text = '';
  await assert.rejects(async () => {
    for await (const chunk of await client.chat.completions.create({ model: 'lab/cut', messages, stream: true })) {
      text += chunk.choices[0]?.delta?.content ?? '';
    }
  }, errors.APIError);
  assert.ok(text.startsWith(' word0'));
});

test('abort in a stream', async () => {
  const stream = await client.chat.completions.create({ model: 'lab/hold-openai', messages, stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta?.content) stream.controller.abort();
  }
});

test('time-out of the client', async () => {
  await assert.rejects(client.chat.completions.create({ model: 'lab/silent', messages }, { timeout: 300 }), errors.APIConnectionTimeoutError);
});

test('many at once', async () => {
  const replies = await Promise.all(Array.from({ length: 50 }, (_, i) =>
    client.chat.completions.create({ model: 'gpt-mock', messages, user: `user${i}` })));
  assert.ok(replies.every((reply) => reply.usage.completion_tokens === 8));
});
