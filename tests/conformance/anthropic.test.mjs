// The official Anthropic SDK against the gateway; the vendor behind it is scripted by sdk_test.py, by model name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic, * as errors from '@anthropic-ai/sdk';

const client = new Anthropic({
  baseURL: process.env.GATEWAY_URL,
  apiKey: 'any',
  maxRetries: 0,
  timeout: 20000,
  defaultHeaders: { 'x-tollgate-team': 'sdk', 'x-tollgate-feature': 'anthropic' },
});
const base = { max_tokens: 64, messages: [{ role: 'user', content: 'hello' }] };
const tools = [{ name: 'weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } }];

test('messages', async () => {
  const { data, response } = await client.messages.create({ ...base, model: 'claude-mock' }).withResponse();
  assert.equal(data.content[0].text, ' word'.repeat(8));
  assert.equal(data.usage.output_tokens, 8);
  assert.equal(Number(response.headers.get('x-tollgate-cost-usd')), 0.000061);
});

test('messages stream, put together by the SDK', async () => {
  const message = await client.messages.stream({ ...base, model: 'claude-mock' }).finalMessage();
  assert.equal(message.content[0].text, ' word0 word1 word2 word3 word4 word5 word6 word7');
  assert.equal(message.stop_reason, 'end_turn');
  assert.equal(message.usage.output_tokens, 8);
  assert.equal(message.usage.input_tokens, 21);
});

test('tools', async () => {
  const message = await client.messages.create({ ...base, model: 'ant/tools', tools });
  assert.deepEqual(message.content.at(-1).input, { city: 'Zürich' });
});

test('tools in a stream', async () => {
  const message = await client.messages.stream({ ...base, model: 'ant/tools-stream', tools }).finalMessage();
  assert.equal(message.content[0].type, 'tool_use');
  assert.deepEqual(message.content[0].input, { city: 'Zürich' });
  assert.equal(message.stop_reason, 'tool_use');
});

test('count tokens', async () => {
  const counted = await client.messages.countTokens({ model: 'claude-mock', messages: base.messages });
  assert.equal(counted.input_tokens, 21);
});

test('vendor errors become the right classes', async () => {
  const classes = { 400: 'BadRequestError', 401: 'AuthenticationError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 422: 'UnprocessableEntityError', 429: 'RateLimitError', 500: 'InternalServerError', 529: 'InternalServerError' };
  for (const [status, name] of Object.entries(classes)) {
    await assert.rejects(client.messages.create({ ...base, model: `ant/status-${status}` }), (error) => {
      assert.ok(error instanceof errors[name], `${status}: ${error.constructor.name}`);
      assert.equal(error.status, Number(status));
      assert.equal(error.error.error.message, 'from vendor');
      return true;
    });
  }
});

test('errors of the gateway itself', async () => {
  await assert.rejects(client.messages.create({ ...base, model: 'no-such-model' }), errors.NotFoundError);
  await assert.rejects(client.messages.create({ ...base, model: 'ant/gone' }), errors.InternalServerError);
});

test('a cut stream is an error, not a short answer', async () => {
  await assert.rejects(client.messages.stream({ ...base, model: 'ant/cut' }).finalMessage(), errors.APIError);
});

test('abort in a stream', async () => {
  const stream = client.messages.stream({ ...base, model: 'ant/hold-anthropic' });
  stream.on('text', () => stream.abort());
  await assert.rejects(stream.finalMessage(), errors.APIUserAbortError);
});
