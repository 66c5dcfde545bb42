import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SamplingDecision,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { ReadableSpan, Sampler } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { saveSeries, startAutomation } from '../../src/automation/index.js';
import type { Automation } from '../../src/automation/index.js';
import type { Pool } from '../../src/database/pool.js';
import { afterFile } from '../support/cleanup.js';
import { testDatabase } from '../support/database.js';
import { testRedis } from '../support/redis.js';
import { startService } from './service.js';
import type { Service } from './service.js';

let pool: Pool;
let service: Service;
let automation: Automation;
const caller = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };

const send = (key: string): object => ({
  type: 'send',
  key,
  channel: 'log',
  message: { text: 'Hello {{ name|you }}' },
});

beforeAll(async () => {
  ({ pool } = await testDatabase());
  const redis = await testRedis();
  service = await startService(pool, 'acme');
  automation = await startAutomation({ pool, redisUrl: redis.url });
  afterFile(() => automation.stop());
  await saveSeries(pool, 'acme', {
    key: 'welcome',
    name: 'Welcome',
    trigger: { type: 'user_created' },
    entry: 'once',
    steps: [send('first'), send('second')],
  });
});

/** What an SDK collects, and whether it samples. Registered once, as in a program: tracers keep the first one. */
const exporter = new InMemorySpanExporter();
let sampled = true;
const sampler: Sampler = {
  shouldSample: () => ({
    decision: sampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
  }),
  toString: () => 'a sampler that tests switch',
};

function register(): void {
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors, sampler }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

afterAll(() => {
  trace.disable();
  context.disable();
});

/** Identifies somebody, as part of the caller's trace, and waits until everything that follows is done. */
async function identify(userId: string): Promise<void> {
  const response = await fetch(`${service.url}/api/sdk/users/identify`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${service.writeKey}`,
      'content-type': 'application/json',
      traceparent: `00-${caller.trace}-${caller.span}-01`,
    },
    body: JSON.stringify({ user_id: userId, traits: { name: 'Secret Name', email: 'secret@example.com' } }),
  });
  expect(response.status).toBe(200);
  await response.text();
  await automation.idle();
}

const parents = (spans: readonly ReadableSpan[], span: ReadableSpan | undefined): string[] => {
  if (span === undefined) return [];
  const above = spans.find((each) => each.spanContext().spanId === span.parentSpanContext?.spanId);
  return [...parents(spans, above), span.name];
};

/** Work rows of a person that carry a trace. */
async function tracedRows(userId: string): Promise<number> {
  const { rows } = await pool.query<{ rows: number; traced: number }>(
    `SELECT count(*)::integer AS rows, count(traceparent)::integer AS traced FROM work
     JOIN enrollments e ON e.id = enrollment_id JOIN end_users u ON u.id = e.end_user_id WHERE u.user_id = $1`,
    [userId],
  );
  expect(rows[0]?.rows).toBe(2);
  return rows[0]?.traced ?? 0;
}

it('without an SDK nothing is written of the trace that a caller names', async () => {
  await identify('untraced');
  expect(await tracedRows('untraced')).toBe(0);
});

it('one trace leads from the identify call over intake and enrolment to the claim and the delivery of every step', async () => {
  register();
  await identify('traced');
  await expect
    .poll(() => exporter.getFinishedSpans().filter(({ name }) => name === 'muster.step').length)
    .toBe(2);
  const spans = exporter.getFinishedSpans();
  expect(new Set(spans.map((span) => span.spanContext().traceId))).toEqual(new Set([caller.trace]));
  const lines = spans.map((span) => parents(spans, span).join(' > ')).toSorted();
  const enrolled = 'POST /api/sdk/users/identify > muster.intake > muster.enrol';
  expect(lines).toEqual(
    [
      'POST /api/sdk/users/identify',
      'POST /api/sdk/users/identify > muster.intake',
      enrolled,
      ...['first', 'second'].flatMap(() => [
        `${enrolled} > muster.step`,
        `${enrolled} > muster.step > muster.claim`,
        `${enrolled} > muster.step > muster.deliver`,
      ]),
    ].toSorted(),
  );
  const first = spans.find(({ parentSpanContext: above }) => above?.spanId === caller.span);
  expect(first?.name).toBe('POST /api/sdk/users/identify');

  const told = spans.map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
  expect(JSON.stringify(told)).not.toMatch(/traced|secret/i);
  expect(told.find(({ name }) => name === 'muster.deliver')?.attributes).toMatchObject({
    'muster.channel': 'log',
    'muster.result': 'delivered',
  });
});

it('a person who comes untraced between others is in nobody else’s trace', async () => {
  exporter.reset();
  await service.call('POST', '/api/sdk/users/identify', { user_id: 'plain' }, service.writeKey);
  await identify('beside');
  await expect
    .poll(() => exporter.getFinishedSpans().filter(({ name }) => name === 'muster.step').length)
    .toBe(4);
  const steps = exporter.getFinishedSpans().filter(({ name }) => name === 'muster.step');
  const traces = steps.map((span) => span.spanContext().traceId);
  expect(traces.filter((each) => each === caller.trace)).toHaveLength(2);
  expect(new Set(traces).size).toBe(2);
});

it('of a trace that is not sampled nothing is written, and nothing is begun', async () => {
  exporter.reset();
  sampled = false;
  await identify('unsampled');
  expect(await tracedRows('unsampled')).toBe(0);
  expect(exporter.getFinishedSpans()).toEqual([]);
  sampled = true;
  await identify('sampled');
  expect(await tracedRows('sampled')).toBe(2);
});
