/**
 * Made-up people for a first look: about as untidy as real ones. Some have no role, some write it `Admin`, some have no
 * signup date or no e-mail address. Addresses are of example.com, which nobody owns.
 */

const firstNames =
  'Ada Amara Anders Aiko Beatriz Björn Carlos Chidi Chloé Daniela Dmitri Elif Emeka Esther Fatima Felix Freya Giulia Hana Hiroshi Ibrahim Ines Ivan Jasper Joana Kofi Lars Leila Lucía Mai Marek Mateo Mei Nadia Noah Olga Omar Priya Rafael Rosa Sanjay Sofia Tomás Uma Viktor Wanjiru Xavier Yara Yusuf Zoë'.split(
    ' ',
  );
const lastNames =
  'Abara Almeida Andersson Bauer Benali Brandt Castillo Chen Costa Demir Dubois Eriksson Farah Ferreira Fischer García Haddad Hansen Ito Ivanova Jansen Kamau Kaya Kimura Kowalski Larsen Lindqvist Mbeki Meyer Moreau Müller Nakamura Nguyen Novak Obi Okafor Oliveira Patel Petrov Rossi Santos Sato Schmidt Silva Singh Svensson Tanaka Weber Yilmaz Zhang'.split(
    ' ',
  );

const columns = [
  'user_id',
  'name',
  'email',
  'signed_up_at',
  'renewal_status',
  'renewal_date',
  'contract_term',
  'payment_terms',
  'on_contract',
  'role',
  'plan',
  'seats',
  'department',
  'country',
  'feature_flags',
  'onboarding_step',
  'sessions_last_month',
  'trial_ends_at',
  'last_login',
] as const;

type Column = (typeof columns)[number];
type Person = Partial<Record<Column, string>> & { readonly user_id: string };

const people = 300;
const day = 86_400_000;

/** The sample people as a CSV file. `now` is in milliseconds since 1970 (UTC); the same `now` gives the same file. */
export function sampleUsersCsv(now: number): string {
  const random = generator(20_260_101);
  const rows = Array.from({ length: people }, (_, index) => samplePerson(index, now, random));
  const lines = [
    columns.join(','),
    ...rows.map((person) => columns.map((name) => cell(person[name] ?? '')).join(',')),
  ];
  return `${lines.join('\n')}\n`;
}

function samplePerson(index: number, now: number, random: () => number): Person {
  const chance = (share: number): boolean => random() < share;
  const pick = (items: readonly string[]): string => items[Math.floor(random() * items.length)] ?? '';
  const upTo = (count: number): string => String(Math.floor(random() * count));
  const at = (days: number): string => new Date(Math.floor((now + days * day) / 1000) * 1000).toISOString();
  const date = (days: number): string => at(days).slice(0, 10);

  const first = firstNames[index % firstNames.length] ?? '';
  const last = lastNames[(index * 7 + Math.floor(index / firstNames.length)) % lastNames.length] ?? '';
  // Many lately, fewer the longer ago, so that every preset about signups finds some and leaves some out.
  const age = chance(0.25) ? random() * 30 : 30 + random() ** 2 * 900;
  const plan = pick(['free', 'free', 'trial', 'starter', 'pro', 'pro', 'business', 'enterprise']);
  const contract = ['business', 'enterprise'].includes(plan);
  const person: Person = {
    user_id: `user_${1001 + index}`,
    name: `${first} ${last}`,
    plan,
    seats: plan === 'enterprise' ? String(50 + Number(upTo(200))) : String(1 + Number(upTo(12))),
    department: pick(['Engineering', 'Marketing', 'Sales', 'Support', 'Finance', 'Research & Design']),
    country: pick(['BR', 'DE', 'ES', 'FR', 'IN', 'JP', 'KE', 'NG', 'PL', 'SE', 'TR', 'US']),
    onboarding_step: String(Math.min(6, Math.floor(age / 4) + Number(upTo(3)))),
    sessions_last_month: upTo(45),
  };
  if (!chance(0.04)) person.email = `${plain(first)}.${plain(last)}.${1001 + index}@example.com`;
  // A tenth of them were imported from a place that never knew.
  if (!chance(0.1)) person.signed_up_at = at(-age);
  if (!chance(0.15)) {
    const role = pick(['admin', 'owner', 'member', 'member', 'member', 'viewer']);
    person.role = role === 'admin' && chance(0.25) ? 'Admin' : role;
  }
  if (chance(0.4))
    person.feature_flags = pick(['beta_dashboard', 'new_analytics', 'beta_dashboard,new_analytics']);
  if (plan === 'trial') person.trial_ends_at = at(random() * 21 - 5);
  if (chance(0.7)) person.last_login = at(-random() * Math.min(age, 60));
  if (plan !== 'free' && plan !== 'trial') {
    person.on_contract = String(contract);
    person.contract_term = contract ? 'annual' : pick(['monthly', 'quarterly', 'annual']);
    person.payment_terms = contract ? pick(['quarterly', 'annual', 'bi_annual']) : 'monthly';
    person.renewal_date = date(random() * 330 - 30);
    person.renewal_status = pick([
      'up_for_renewal',
      'in_progress',
      'likely_to_renew',
      'at_risk',
      'set_to_cancel',
      'renewed',
    ]);
  }
  return person;
}

/** `Müller` as an address has it. */
function plain(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase();
}

function cell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Mulberry32: small, and the same on every machine. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
