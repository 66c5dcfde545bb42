import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { evaluateRule } from '../../src/audience/rules/evaluate.js';
import { exampleRules } from '../../src/audience/rules/examples.js';
import { progressOf } from '../../src/audience/rules/progress.js';
import { targetingOf } from '../../src/audience/rules/targeting.js';
import type { Target, Viewer } from '../../src/audience/rules/targeting.js';
import { pageOf } from '../../src/audience/rules/page.js';
import type { UserRecord } from '../../src/filter/record.js';
import { momentOf } from '../../src/filter/time.js';
import { ruleOf } from './rule.js';

const moment = momentOf('2026-06-18T12:00:00Z');
const ago = (days: number): string => new Date(moment.now - days * 86_400_000).toISOString();
const folder = new URL('../../rules/', import.meta.url);

/** For each rule that ships, people with what it comes to for them; every outcome occurs. */
const examples: Readonly<Record<string, readonly (readonly [unknown, UserRecord])[]>> = {
  'slack-mode': [
    ['quiet', { renewal_status: 'lost', on_contract: true }],
    ['white_glove', { on_contract: true, contract_term: 'annual' }],
    ['white_glove', { on_contract: true, contract_term: 'monthly', renewal_status: 'at_risk' }],
    ['self_serve', { renewal_status: 'at_risk', signed_up_at: ago(90) }],
    ['shared_channel', { on_contract: true, contract_term: 'monthly' }],
    ['shared_channel', { custom_fields: { plan: 'Enterprise' }, signed_up_at: ago(400) }],
    ['shared_channel', { signed_up_at: ago(13.9) }],
    ['shared_channel', { created_at: ago(2) }],
    ['self_serve', { created_at: ago(2), signed_up_at: ago(14) }],
    ['self_serve', { signed_up_at: ago(-1) }],
    ['self_serve', {}],
  ],
  'checklist-new-owner': [
    ['full', { custom_fields: { role: 'owner' }, signed_up_at: ago(13) }],
    ['full', { custom_fields: { role: 'admin' }, created_at: ago(1) }],
    ['short', { custom_fields: { role: 'owner' }, signed_up_at: ago(20) }],
    [
      'hide',
      {
        custom_fields: { role: 'owner' },
        signed_up_at: ago(20),
        events: [{ event: 'invite_sent', occurred_at: ago(3) }],
      },
    ],
    ['hide', { custom_fields: { role: 'owner' }, signed_up_at: ago(45) }],
    ['hide', { custom_fields: { role: 'owner' } }],
    ['hide', { signed_up_at: ago(1) }],
  ],
  'tour-new-member': [
    ['first_week', { custom_fields: { role: 'member' }, created_at: ago(6), page: { path: '/projects/7' } }],
    ['hide', { custom_fields: { role: 'member' }, created_at: ago(6), page: { path: '/billing' } }],
    ['hide', { custom_fields: { role: 'member' }, page: { path: '/projects' } }],
    ['hide', { custom_fields: { role: 'owner' }, created_at: ago(6), page: { path: '/projects' } }],
  ],
  'tooltip-export': [
    ['show', { page: { path: '/projects/7/reports' } }],
    ['show', { page: { path: '/reports/2026' } }],
    ['hide', { page: { path: '/projects/7/8/reports' } }],
    ['hide', {}],
  ],
  'banner-language': [
    ['de', { page: { language: 'de-AT' } }],
    ['fr', { page: { language: 'FR' } }],
    ['hide', { page: { language: 'en' } }],
    ['hide', {}],
  ],
  'banner-upgrade': [
    ['seats', { custom_fields: { plan: 'free', seats: 5 }, page: { path: '/' } }],
    // The slice of the hash in which these two ids fall.
    ['general', { user_id: 'u', custom_fields: { plan: 'free', seats: 2 } }],
    ['hide', { user_id: 'u3', custom_fields: { plan: 'free' } }],
    ['hide', { custom_fields: { plan: 'free', seats: 5 }, page: { path: '/billing/plans' } }],
    ['hide', {}],
  ],
};

it('every rule that ships is a file of its key, and comes to each of its outcomes for somebody', () => {
  const files = ['onboarding', 'slack'].flatMap((name) =>
    readdirSync(new URL(name, folder)).map(
      (file) => JSON.parse(readFileSync(new URL(`${name}/${file}`, folder), 'utf8')) as unknown,
    ),
  );
  expect(exampleRules().map(({ source }) => source)).toEqual(expect.arrayContaining(files));
  expect(exampleRules().map(({ key }) => key)).toEqual(Object.keys(examples).toSorted());
  for (const rule of exampleRules()) {
    const values = (examples[rule.key] ?? []).map(([value]) => value);
    expect([rule.key, new Set(values)]).toEqual([rule.key, new Set(rule.outcomes)]);
  }
});

it.each(Object.entries(examples))('%s', (key, people) => {
  const rule = exampleRules().find((each) => each.key === key);
  if (rule === undefined) throw new Error(`there is no rule ${key}`);
  expect(people.map(([, facts]) => evaluateRule(rule, facts, moment).value)).toEqual(
    people.map(([value]) => value),
  );
});

it('the progress of a checklist is read off the person', () => {
  const rule = exampleRules().find(({ key }) => key === 'checklist-new-owner') ?? ruleOf({});
  const facts = {
    company: { name: 'Acme' },
    custom_fields: { projects: 2, plan: 'trial' },
    events: [{ event: 'invite_sent', occurred_at: ago(1) }],
  };
  expect(progressOf(rule, facts, moment)).toMatchObject({
    done: 3,
    of: 4,
    items: [
      { key: 'company', done: true },
      { key: 'invite', done: true },
      { key: 'project', done: true },
      { key: 'plan', title: 'Choose a plan', done: false },
    ],
  });
  expect(progressOf(rule, {}, moment)).toMatchObject({ done: 0, of: 4 });
});

const nobody: Viewer = { record: null, identified: false };
const shownBy = (target: Target | undefined): unknown => [target?.shows, target?.variant, target?.reason];

it('without identity tooltips and banners are decided by the page, checklists and tours need a person', () => {
  const page = pageOf({ url: 'https://app.example/projects/7/reports', language: 'de' });
  const { tooltips, banners, checklists, tours } = targetingOf(exampleRules(), nobody, page, moment);
  expect(tooltips).toEqual([{ key: 'tooltip-export', shows: true, variant: 'show', reason: 'shown' }]);
  expect(banners.map((each) => [each.key, ...[shownBy(each)].flat()])).toEqual([
    ['banner-language', true, 'de', 'shown'],
    ['banner-upgrade', false, null, 'needs_traits'],
  ]);
  expect([...checklists, ...tours].map(shownBy)).toEqual([
    [false, null, 'needs_identity'],
    [false, null, 'needs_identity'],
  ]);
});

it('a rule that was not asked about traits says that the page is another, not that traits are needed', () => {
  const rules = exampleRules().filter(({ key }) => key === 'banner-upgrade');
  const [banner] = targetingOf(rules, nobody, pageOf({ url: 'https://app.example/billing' }), moment).banners;
  expect(shownBy(banner)).toEqual([false, null, 'not_targeted']);
});

it('traits of a visitor target tooltips and banners, but make nobody identified', () => {
  const visitor: Viewer = {
    record: {
      anonymous_id: 'a',
      custom_fields: { plan: 'free', seats: 9, role: 'owner' },
      created_at: ago(1),
    },
    identified: false,
  };
  const page = pageOf({ url: 'https://app.example/projects' });
  const { banners, checklists } = targetingOf(exampleRules(), visitor, page, moment);
  expect(shownBy(banners[1])).toEqual([true, 'seats', 'shown']);
  expect(shownBy(checklists[0])).toEqual([false, null, 'needs_identity']);
  const { checklists: known } = targetingOf(exampleRules(), { ...visitor, identified: true }, page, moment);
  const paying = { ...visitor, record: { custom_fields: { plan: 'pro' } } };
  const [, upgrade] = targetingOf(exampleRules(), paying, page, moment).banners;
  expect(shownBy(upgrade)).toEqual([false, null, 'not_targeted']);
  expect(known[0]).toMatchObject({ shows: true, variant: 'full', progress: { done: 1, of: 4 } });
});
