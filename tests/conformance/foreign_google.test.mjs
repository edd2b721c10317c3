// The official Google GenAI SDK against vendors of other APIs; scripted by foreign_test.py.
import assert from 'node:assert/strict';
import { ApiError, FunctionCallingConfigMode, GoogleGenAI } from '@google/genai';
import { about, checkSchema, checkThoughts, checkToolTurn, each, image, replay, resultOf, schema, seen, structured, tags } from './foreign_common.mjs';

// A name with a slash is taken for a whole resource's name unless it begins with "models/".
const named = (model) => `models/${encodeURIComponent(model)}`;
const client = new GoogleGenAI({ apiKey: 'any', httpOptions: { baseUrl: about.gateway, headers: tags, timeout: 20000, retryOptions: { attempts: 1 } } });
const contents = 'How is the weather?';
const tools = [{ functionDeclarations: [{ name: 'weather', description: 'asks the sky', parametersJsonSchema: schema }] }];
const argsOf = ({ name, args }) => ({ name, args: args ?? {} });
const wanted = about.calls.map(({ name, args }) => ({ name, args }));
const partsOf = (reply) => reply.candidates?.[0]?.content?.parts ?? [];
const textOf = (parts) => parts.filter((part) => part.text && !part.thought).map((part) => part.text).join('');
const callsOf = (parts) => parts.flatMap((part) => (part.functionCall ? [part.functionCall] : []));
const answers = (calls) => calls.map((call) => ({ functionResponse: { id: call.id, name: call.name, response: { output: resultOf(call.args) } } }));

function checkUsage(usage) {
  assert.equal(usage.promptTokenCount, 21);
  assert.equal(usage.cachedContentTokenCount, 5);
  assert.equal(usage.candidatesTokenCount, 12);
  assert.equal(usage.totalTokenCount, 33);
}

async function collect(stream) {
  const all = { parts: [], chunks: 0, last: undefined };
  for await (const chunk of await stream) {
    all.parts.push(...partsOf(chunk));
    all.chunks += 1;
    all.last = chunk;
  }
  return all;
}

each('text', 'text', async (model) => {
  const reply = await client.models.generateContent({ model: named(model), contents });
  assert.equal(reply.text, about.text);
  assert.equal(reply.candidates[0].finishReason, 'STOP');
  checkUsage(reply.usageMetadata);
});

each('text in a stream', 'text', async (model) => {
  const { parts, chunks, last } = await collect(client.models.generateContentStream({ model: named(model), contents }));
  assert.equal(textOf(parts), about.text);
  assert.ok(chunks > 5, `${chunks} chunks`);
  assert.equal(last.candidates[0].finishReason, 'STOP');
  checkUsage(last.usageMetadata);
});

// The SDK's chat keeps the history itself; streamed turns too.
for (const streamed of [false, true]) {
  const where = streamed ? ' in a stream' : '';
  const send = async (chat, message) =>
    streamed ? (await collect(chat.sendMessageStream({ message }))).parts : partsOf(await chat.sendMessage({ message }));

  each(`tools${where}`, 'tools', async (model, vendor) => {
    const chat = client.chats.create({ model: named(model), config: { tools } });
    const parts = await send(chat, contents);
    assert.equal(textOf(parts), 'Let me look.');
    assert.deepEqual(callsOf(parts).map(argsOf), wanted);
    assert.equal(textOf(await send(chat, answers(callsOf(parts)))), 'It is cold.');
    const asked = (await seen(vendor, 'tools')).at(-1);
    assert.deepEqual(asked.tools, ['weather']);
    checkToolTurn(asked, about.calls);
  });

  each(`thinking over two turns${where}`, 'think', async (model, vendor) => {
    const chat = client.chats.create({ model: named(model), config: { tools, thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } } });
    const parts = await send(chat, contents);
    assert.equal(parts.filter((part) => part.thought).map((part) => part.text ?? '').join(''), about.thought);
    await send(chat, answers(callsOf(parts)));
    const asked = (await seen(vendor, 'think')).at(-1);
    checkThoughts(asked, vendor);
    checkToolTurn(asked, about.calls.slice(0, 1));
  });

  each(`functions that the SDK calls itself${where}`, 'tools', async (model, vendor) => {
    const ran = [];
    const tool = {
      tool: async () => tools[0],
      callTool: async (calls) => (ran.push(...calls.map((call) => call.args)), answers(calls)),
    };
    const body = { model: named(model), contents, config: { tools: [tool], toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.AUTO } } } };
    const parts = streamed ? (await collect(client.models.generateContentStream(body))).parts : partsOf(await client.models.generateContent(body));
    assert.ok(textOf(parts).endsWith('It is cold.'), textOf(parts));
    assert.deepEqual(ran, about.calls.map((call) => call.args));
    checkToolTurn((await seen(vendor, 'tools')).at(-1), about.calls);
  });
}

each('structured output', 'schema', async (model, vendor) => {
  const upper = { type: 'OBJECT', properties: { city: { type: 'STRING' }, days: { type: 'INTEGER' } }, required: ['city', 'days'] };
  for (const wish of [{ responseJsonSchema: schema }, { responseSchema: upper }]) {
    const reply = await client.models.generateContent({ model: named(model), contents, config: { responseMimeType: 'application/json', ...wish } });
    assert.deepEqual(JSON.parse(reply.text), structured);
    checkSchema((await seen(vendor, 'schema')).at(-1).schema);
  }
});

each('images', 'image', async (model, vendor) => {
  const parts = [{ text: 'What is it?' }, { inlineData: { mimeType: 'image/png', data: image } }];
  await client.models.generateContent({ model: named(model), contents: [{ role: 'user', parts }] });
  assert.deepEqual((await seen(vendor, 'image')).at(-1).images, [['image/png', image]]);
});

for (const status of about.statuses) {
  each(`status ${status}`, `status-${status}`, async (model) => {
    for (const method of ['generateContent', 'generateContentStream']) {
      await assert.rejects(client.models[method]({ model: named(model), contents }), (error) => {
        assert.ok(error instanceof ApiError, error.constructor.name);
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
      for await (const chunk of await client.models.generateContentStream({ model: named(model), contents })) text += textOf(partsOf(chunk));
    }, (error) => error instanceof ApiError && (scenario === 'cut' || error.message.includes('too much')));
    assert.ok(text.length > 5 && about.text.startsWith(text), text);
  });
}

each('abort in a stream', 'hold', async (model) => {
  const controller = new AbortController();
  await assert.rejects(async () => {
    const stream = await client.models.generateContentStream({ model: named(model), contents, config: { abortSignal: controller.signal } });
    for await (const chunk of stream) if (textOf(partsOf(chunk))) controller.abort();
  }, (error) => /abort/i.test(`${error.name} ${error.message}`));
});

replay(async (model) => {
  const { parts } = await collect(client.models.generateContentStream({ model: named(model), contents }));
  return { text: textOf(parts), calls: callsOf(parts).map(argsOf) };
});
