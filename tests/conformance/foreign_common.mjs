// What the tests of all SDKs against foreign vendors share; foreign_test.py says what there is, in the file that FOREIGN names.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

export const about = JSON.parse(readFileSync(process.env.FOREIGN, 'utf8'));
export const tags = { 'x-tollgate-team': 'sdk', 'x-tollgate-feature': `foreign-${about.client}` };
export const image = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const schema = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city', 'days'],
  additionalProperties: false,
};
export const structured = { city: 'Zürich', days: 3 };

export const modelOf = (vendor, scenario) => `${about.vendors[vendor]}--${vendor}-${about.client}-${scenario}`;

// A test per vendor; `body` gets the vendor and the name under which the gateway is asked for the scenario.
export function each(name, scenario, body) {
  for (const vendor of Object.keys(about.vendors)) {
    test(`${vendor}: ${name}`, { timeout: 30000 }, () => body(`${vendor}/${modelOf(vendor, scenario)}`, vendor));
  }
}

// What the vendor was sent for a scenario, request by request.
export async function seen(vendor, scenario) {
  const body = JSON.stringify({ model: '__seen', vendor, of: modelOf(vendor, scenario) });
  const response = await fetch(`${about.vendorUrl}/__seen`, { method: 'POST', body });
  return response.json();
}

// The second turn with tools: the calls come back as they were made and the results after them.
export function checkToolTurn(asked, calls) {
  assert.deepEqual(asked.calls.map(({ name, args }) => ({ name, args })), calls.map(({ name, args }) => ({ name, args })));
  assert.equal(asked.results.length, calls.length);
  asked.results.forEach((result, i) => {
    assert.equal(result.id, asked.calls[i].id, 'a result names its call');
    const plain = resultOf(calls[i].args);  // inside of JSON where the vendor wants an object
    assert.ok([plain, JSON.stringify(plain).slice(1, -1)].some((text) => result.text.includes(text)), result.text);
  });
}

export const resultOf = (args) => `${about.after} ${args.city}`;

// Gemini signs the call that follows a thought, and wants nothing but that back: the thought's own text may stay out.
export function checkThoughts(asked, vendor) {
  assert.deepEqual(asked.thoughts.map((thought) => thought.signature).filter(Boolean), [about.signature], 'the vendor sees its own signature');
  const text = asked.thoughts.map((thought) => thought.text).join('');
  if (vendor !== 'gem' || text) assert.equal(text, about.thought, 'the signed text is the one that was signed');
}

export function checkSchema(sent) {
  assert.ok(sent, 'the vendor was sent no schema');
  assert.equal(sent.type, 'object');
  assert.equal(sent.properties.city.type, 'string');
  assert.equal(sent.properties.days.type, 'integer');
  assert.deepEqual([...sent.required].sort(), ['city', 'days']);
}

// `say` answers with { text, calls: [{ name, args }] } as the SDK put them together.
export function replay(say) {
  for (const one of about.recordings) {
    test(`${one.vendor}: recorded ${one.id}`, { timeout: 30000 }, async () => {
      const got = await say(`${one.vendor}/${one.id}`);
      assert.equal(got.text, one.text);
      assert.deepEqual(got.calls, one.calls);
    });
  }
}
