import { expect, it } from 'vitest';
import { urlProblem } from '../../../src/automation/channels/webhook/address.js';
import { networkRules, networksOf } from '../../../src/automation/channels/webhook/networks.js';
import { MusterError } from '../../../src/errors/index.js';

const rules = networkRules();

const blocked = [
  // IPv4: each range at its edges.
  '0.0.0.0',
  '0.255.255.255',
  '10.0.0.0',
  '10.255.255.255',
  '100.64.0.0',
  '100.100.100.200',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.0.0',
  '169.254.169.254',
  '169.254.170.2',
  '169.254.255.255',
  '172.16.0.0',
  '172.31.255.255',
  '192.0.0.0',
  '192.0.0.192',
  '192.0.2.1',
  '192.31.196.1',
  '192.52.193.1',
  '192.88.99.1',
  '192.168.0.0',
  '192.168.255.255',
  '192.175.48.1',
  '198.18.0.0',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  // IPv6 that is not public at all.
  '::',
  '::1',
  '::127.0.0.1',
  '::7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.0.0.1',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::ffff:8.8.8.8',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::169.254.169.254',
  '64:ff9b::8.8.8.8',
  '64:ff9b:1::1',
  '100::1',
  '1fff:ffff::1',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd00::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  'fdff:ffff::1',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'fec0::1',
  'ff02::1',
  'ff0e::1',
  // Public by number and reserved all the same.
  '2001::1',
  '2001:0:7f00:1::1',
  '2001:10::1',
  '2001:20::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  '2002:a9fe:a9fe::1',
  '2620:4f:8000::1',
  '3fff::1',
  // No addresses.
  '',
  'localhost',
  '127.1',
  '1.2.3.4.5',
];

const reachable = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2001:200::1',
  '2001:4860:4860::8888',
  '2606:4700:4700::1111',
  '2a00:1450:4001::1',
  '3ffe:ffff::1',
];

it.each(blocked)('%s is not called', (address) => {
  expect(rules.fault(address)).not.toBeNull();
});

it.each(reachable)('%s is called', (address) => {
  expect(rules.fault(address)).toBeNull();
});

// Every way to write the loopback and the metadata address that some resolver or URL parser accepts.
it.each([
  'https://127.0.0.1/',
  'https://127.1/',
  'https://127.0.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://0/',
  'https://0.0.0.0/',
  'https://127.0.0.1./',
  'https://%31%32%37.0.0.1/',
  'https://①②⑦.0.0.1/',
  'https://127。0。0。1/',
  'https://2852039166/',
  'https://0xa9fea9fe/',
  'https://0251.0376.0251.0376/',
  'https://169.254.43518/',
  'https://[::1]/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::169.254.169.254]/',
  'https://[64:ff9b::a9fe:a9fe]/',
  'https://[fd00:ec2::254]/latest/meta-data/',
  'https://[fe80::1]/',
  'https://localhost/',
  'https://LOCALHOST./',
  'https://api.localhost/',
  'https://printer.local/',
  'https://metadata.google.internal/computeMetadata/v1/',
])('an endpoint cannot be saved with %s', (url) => {
  expect(urlProblem(url, rules, '/url')).toMatchObject({ code: 'webhook_blocked_address', path: '/url' });
});

it.each([
  'http://hooks.example.com/',
  'ftp://hooks.example.com/',
  'file:///etc/passwd',
  'gopher://127.0.0.1:6379/_FLUSHALL',
  'javascript:alert(1)',
  'hooks.example.com',
  '/relative',
  '',
  'https://',
  'https://user:password@hooks.example.com/',
  'https://hooks.example.com/#part',
  'https://1.2.3.4.5/',
  'https://[fe80::1%25eth0]/',
  `https://hooks.example.com/${'a'.repeat(2048)}`,
])('%s is no URL of an endpoint', (url) => {
  expect(urlProblem(url, rules, '')).toMatchObject({ code: 'webhook_bad_url' });
});

it.each([
  'https://hooks.example.com/muster?team=a%20b',
  'https://hooks.example.com:8443',
  'https://bücher.example/',
  'https://8.8.8.8/',
  'https://[2606:4700:4700::1111]/',
])('%s is a URL of an endpoint', (url) => {
  expect(urlProblem(url, rules, '')).toBeNull();
});

it('an allowed network is reached, and by plain http too, and nothing beside it', () => {
  const own = networkRules(['10.1.0.0/16', 'fd12:3456::/32', '127.0.0.1']);
  expect(['10.1.2.3', 'fd12:3456::1', '127.0.0.1'].map((each) => own.fault(each))).toEqual([
    null,
    null,
    null,
  ]);
  expect(
    ['10.2.0.1', 'fd12:3457::1', '127.0.0.2', '169.254.169.254'].filter((each) => own.isAllowed(each)),
  ).toEqual([]);
  expect(own.fault('127.0.0.2')).toBe('loopback');
  // The same machine by another name.
  expect(own.fault('::ffff:10.1.2.3')).toBeNull();
  expect(own.fault('::ffff:10.2.2.3')).not.toBeNull();
  expect(own.isAllowed('8.8.8.8')).toBe(false);
  expect(urlProblem('http://10.1.2.3/', own, '')).toBeNull();
  expect(urlProblem('http://10.2.2.3/', own, '')).toMatchObject({ code: 'webhook_blocked_address' });
  expect(urlProblem('http://8.8.8.8/', own, '')).toMatchObject({ code: 'webhook_bad_url' });
});

it('networks are read from one text', () => {
  expect(networksOf(' 10.0.0.0/8,fd00::/8\n127.0.0.1 ')).toEqual(['10.0.0.0/8', 'fd00::/8', '127.0.0.1']);
  expect([networksOf(undefined), networksOf(' , ')]).toEqual([[], []]);
  expect(() => networksOf('10.0.0.0/8 everything')).toThrow('`everything` is no network');
});

it('networks that are none are refused, all at once', () => {
  const wrong = [
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0/8',
    'localhost',
    '',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    'fe80::1%a/64',
  ];
  let error: unknown;
  try {
    networkRules(['127.0.0.0/8', ...wrong]);
  } catch (thrown) {
    error = thrown;
  }
  if (!(error instanceof MusterError)) throw new Error('not refused');
  expect(error.problems.map(({ code, path }) => [code, path])).toEqual(
    wrong.map((_, index) => ['webhook_bad_network', `/${index + 1}`]),
  );
});
