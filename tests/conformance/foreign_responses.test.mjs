// The official OpenAI SDK's Responses against vendors of other APIs; scripted by foreign_test.py.
import assert from 'node:assert/strict';
import OpenAI, * as errors from 'openai';
import { makeParseableTextFormat } from 'openai/lib/parser';
import { about, checkSchema, checkThoughts, checkToolTurn, each, image, replay, resultOf, schema, seen, structured, tags } from './foreign_common.mjs';

const client = new OpenAI({ baseURL: `${about.gateway}/v1`, apiKey: 'any', maxRetries: 0, timeout: 20000, defaultHeaders: tags });
const input = [{ role: 'user', content: 'How is the weather?' }];
const tools = [{ type: 'function', name: 'weather', description: 'asks the sky', parameters: schema, strict: false }];
const callsOf = (reply) => reply.output.filter((item) => item.type === 'function_call');
// The SDK sets output_text on whole replies only.
const textOf = (reply) =>
  reply.output.filter((item) => item.type === 'message').flatMap((item) => item.content.map((part) => part.text ?? part.refusal)).join('');
const argsOf = (call) => ({ name: call.name, args: JSON.parse(call.arguments) });
const wanted = about.calls.map(({ name, args }) => ({ name, args }));
const answers = (reply) => callsOf(reply).map((call) => ({ type: 'function_call_output', call_id: call.call_id, output: resultOf(JSON.parse(call.arguments)) }));

function checkUsage(usage) {
  assert.equal(usage.input_tokens, 21);
  assert.equal(usage.input_tokens_details.cached_tokens, 5);
  assert.equal(usage.output_tokens, 12);
  assert.equal(usage.total_tokens, 33);
}

function ask(body, streamed) {
  return streamed ? client.responses.stream(body).finalResponse() : client.responses.create(body);
}

each('text', 'text', async (model) => {
  const reply = await client.responses.create({ model, input });
  assert.equal(reply.output_text, about.text);
  assert.equal(reply.status, 'completed');
  checkUsage(reply.usage);
});

each('text in a stream', 'text', async (model) => {
  const stream = client.responses.stream({ model, input });
  let text = '', last = -1;
  for await (const event of stream) {
    assert.equal(event.sequence_number, last + 1);
    last = event.sequence_number;
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  const reply = await stream.finalResponse();
  assert.equal(text, about.text);
  assert.equal(textOf(reply), about.text);
  checkUsage(reply.usage);
});

for (const streamed of [false, true]) {
  const where = streamed ? ' in a stream' : '';
  each(`tools${where}`, 'tools', async (model, vendor) => {
    const reply = await ask({ model, input, tools }, streamed);
    assert.equal(textOf(reply), 'Let me look.');
    assert.deepEqual(callsOf(reply).map(argsOf), wanted);
    const end = await ask({ model, input: [...input, ...reply.output, ...answers(reply)], tools }, streamed);
    assert.equal(textOf(end), 'It is cold.');
    const asked = (await seen(vendor, 'tools')).at(-1);
    assert.deepEqual(asked.tools, ['weather']);
    checkToolTurn(asked, about.calls);
  });

  each(`thinking over two turns${where}`, 'think', async (model, vendor) => {
    const body = { model, input, tools, reasoning: { effort: 'medium', summary: 'auto' }, include: ['reasoning.encrypted_content'], store: false };
    const reply = await ask(body, streamed);
    assert.equal(reply.output[0].type, 'reasoning');
    const told = [...reply.output[0].summary, ...(reply.output[0].content ?? [])].map((part) => part.text).join('');
    assert.equal(told, about.thought);
    await ask({ ...body, input: [...input, ...reply.output, ...answers(reply)] }, streamed);
    const asked = (await seen(vendor, 'think')).at(-1);
    checkThoughts(asked, vendor);
    checkToolTurn(asked, about.calls.slice(0, 1));
  });
}

each('structured output', 'schema', async (model, vendor) => {
  const format = makeParseableTextFormat({ type: 'json_schema', name: 'place', strict: true, schema }, JSON.parse);
  const reply = await client.responses.parse({ model, input, text: { format } });
  assert.deepEqual(reply.output_parsed, structured);
  const streamed = await client.responses.stream({ model, input, text: { format } }).finalResponse();
  assert.deepEqual(streamed.output_parsed, structured);
  checkSchema((await seen(vendor, 'schema')).at(-1).schema);
});

each('images', 'image', async (model, vendor) => {
  const content = [{ type: 'input_text', text: 'What is it?' }, { type: 'input_image', image_url: `data:image/png;base64,${image}`, detail: 'auto' }];
  await client.responses.create({ model, input: [{ role: 'user', content }] });
  assert.deepEqual((await seen(vendor, 'image')).at(-1).images, [['image/png', image]]);
});

const classes = { 400: 'BadRequestError', 401: 'AuthenticationError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 429: 'RateLimitError' };
for (const status of about.statuses) {
  each(`status ${status}`, `status-${status}`, async (model) => {
    for (const stream of [false, true]) {
      await assert.rejects(client.responses.create({ model, input, stream }), (error) => {
        assert.ok(error instanceof errors[classes[status] ?? 'InternalServerError'], error.constructor.name);
        assert.equal(error.status, status);
        assert.ok(error.message.includes('from vendor'), error.message);
        return true;
      });
    }
  });
}

// A failure is told by the SDK as an exception, or as the event that the API has for it.
for (const scenario of ['broken', 'cut']) {
  each(`a stream that is ${scenario}`, scenario, async (model) => {
    let text = '', failure = '';
    try {
      for await (const event of await client.responses.create({ model, input, stream: true })) {
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.failed') failure = event.response.error.message;
        if (event.type === 'error') failure = event.message;
      }
    } catch (error) {
      assert.ok(error instanceof errors.APIError, error);
      failure = error.message;
    }
    assert.ok(scenario === 'cut' ? failure : failure.includes('too much'), `told: ${failure}`);
    assert.ok(text.length > 5 && about.text.startsWith(text), text);
  });
}

each('abort in a stream', 'hold', async (model) => {
  const stream = await client.responses.create({ model, input, stream: true });
  for await (const event of stream) if (event.type === 'response.output_text.delta') stream.controller.abort();
});

replay(async (model) => {
  const reply = await client.responses.stream({ model, input }).finalResponse();
  return { text: textOf(reply), calls: callsOf(reply).map(argsOf) };
});
