// The official Anthropic SDK against vendors of other APIs; scripted by foreign_test.py.
import assert from 'node:assert/strict';
import Anthropic, * as errors from '@anthropic-ai/sdk';
import { betaJSONSchemaOutputFormat, betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { about, checkSchema, checkThoughts, checkToolTurn, each, image, replay, resultOf, schema, seen, structured, tags } from './foreign_common.mjs';

const client = new Anthropic({ baseURL: about.gateway, apiKey: 'any', maxRetries: 0, timeout: 20000, defaultHeaders: tags });
const messages = [{ role: 'user', content: 'How is the weather?' }];
const base = { max_tokens: 4096, messages };
const tools = [{ name: 'weather', description: 'asks the sky', input_schema: schema }];
const textOf = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('');
const callsOf = (message) => message.content.filter((block) => block.type === 'tool_use');
const argsOf = ({ name, input }) => ({ name, args: input });
const wanted = about.calls.map(({ name, args }) => ({ name, args }));

function answered(message) {
  const content = callsOf(message).map((block) => ({ type: 'tool_result', tool_use_id: block.id, content: resultOf(block.input) }));
  return [...messages, { role: 'assistant', content: message.content }, { role: 'user', content }];
}

function checkUsage(usage) {
  assert.equal(usage.input_tokens, 16);
  assert.equal(usage.cache_read_input_tokens, 5);
  assert.equal(usage.output_tokens, 12);
}

function ask(body, streamed) {
  return streamed ? client.messages.stream(body).finalMessage() : client.messages.create(body);
}

for (const streamed of [false, true]) {
  const where = streamed ? ' in a stream' : '';
  each(`text${where}`, 'text', async (model) => {
    const message = await ask({ ...base, model }, streamed);
    assert.equal(textOf(message), about.text);
    assert.equal(message.stop_reason, 'end_turn');
    checkUsage(message.usage);
  });

  each(`tools${where}`, 'tools', async (model, vendor) => {
    const message = await ask({ ...base, model, tools }, streamed);
    assert.equal(message.stop_reason, 'tool_use');
    assert.equal(textOf(message), 'Let me look.');
    assert.deepEqual(callsOf(message).map(argsOf), wanted);
    assert.equal(new Set(callsOf(message).map((block) => block.id)).size, 2);
    const end = await ask({ ...base, model, tools, messages: answered(message) }, streamed);
    assert.equal(textOf(end), 'It is cold.');
    const asked = (await seen(vendor, 'tools')).at(-1);
    assert.deepEqual(asked.tools, ['weather']);
    checkToolTurn(asked, about.calls);
  });

  each(`the runner of tools${where}`, 'tools', async (model, vendor) => {
    const ran = [];
    const weather = betaTool({ name: 'weather', description: 'asks the sky', inputSchema: schema, run: (args) => (ran.push(args), resultOf(args)) });
    const runner = client.beta.messages.toolRunner({ ...base, model, tools: [weather], stream: streamed });
    const end = await runner.runUntilDone();
    assert.equal(textOf(end), 'It is cold.');
    assert.deepEqual(ran, about.calls.map((call) => call.args));
    checkToolTurn((await seen(vendor, 'tools')).at(-1), about.calls);
  });

  each(`thinking over two turns${where}`, 'think', async (model, vendor) => {
    const body = { ...base, model, tools, thinking: { type: 'enabled', budget_tokens: 2048 } };
    const message = await ask(body, streamed);
    assert.equal(message.content.filter((block) => block.type === 'thinking').map((block) => block.thinking).join(''), about.thought);
    await ask({ ...body, messages: answered(message) }, streamed);
    const asked = (await seen(vendor, 'think')).at(-1);
    checkThoughts(asked, vendor);
    checkToolTurn(asked, about.calls.slice(0, 1));
  });
}

each('structured output', 'schema', async (model, vendor) => {
  const message = await client.beta.messages.parse({ ...base, model, output_format: betaJSONSchemaOutputFormat(schema) });
  assert.deepEqual(message.parsed_output, structured);
  checkSchema((await seen(vendor, 'schema')).at(-1).schema);
});

each('images', 'image', async (model, vendor) => {
  const content = [{ type: 'text', text: 'What is it?' }, { type: 'image', source: { type: 'base64', media_type: 'image/png', data: image } }];
  await client.messages.create({ ...base, model, messages: [{ role: 'user', content }] });
  assert.deepEqual((await seen(vendor, 'image')).at(-1).images, [['image/png', image]]);
});

const classes = { 400: 'BadRequestError', 401: 'AuthenticationError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 429: 'RateLimitError' };
const types = { 400: 'invalid_request_error', 401: 'authentication_error', 403: 'permission_error', 404: 'not_found_error', 429: 'rate_limit_error', 529: 'overloaded_error' };
for (const status of about.statuses) {
  each(`status ${status}`, `status-${status}`, async (model) => {
    for (const stream of [false, true]) {
      await assert.rejects(client.messages.create({ ...base, model, stream }), (error) => {
        assert.ok(error instanceof errors[classes[status] ?? 'InternalServerError'], error.constructor.name);
        assert.equal(error.status, status);
        assert.equal(error.error.type, 'error');
        if (types[status]) assert.equal(error.error.error.type, types[status]);
        assert.ok(error.error.error.message.includes('from vendor'), error.message);
        return true;
      });
    }
  });
}

for (const scenario of ['broken', 'cut']) {
  each(`a stream that is ${scenario}`, scenario, async (model) => {
    let text = '';
    const stream = client.messages.stream({ ...base, model }).on('text', (delta) => (text += delta));
    await assert.rejects(stream.finalMessage(), (error) =>
      error instanceof errors.APIError && (scenario === 'cut' || error.message.includes('too much')));
    assert.ok(text.length > 5 && about.text.startsWith(text), text);
  });
}

each('abort in a stream', 'hold', async (model) => {
  const stream = client.messages.stream({ ...base, model });
  stream.on('text', () => stream.abort());
  await assert.rejects(stream.finalMessage(), errors.APIUserAbortError);
});

replay(async (model) => {
  const message = await client.messages.stream({ ...base, model }).finalMessage();
  return { text: textOf(message), calls: callsOf(message).map(argsOf) };
});
