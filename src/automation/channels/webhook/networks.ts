import { BlockList, isIP } from 'node:net';
import { MusterError, problem } from '../../../errors/index.js';

/** Networks that webhooks may reach although they are private, such as `127.0.0.0/8` or `fd12:3456::/32`. */
export type AllowedNetworks = readonly string[];

/** Tells an address that a webhook may be sent to from one of ours, our provider's, or nobody's. */
export interface NetworkRules {
  /** Why the address is refused; null where it may be reached. */
  fault(address: string): string | null;
  /** Whether it is one of the allowed networks' own, where plain http is accepted. */
  isAllowed(address: string): boolean;
  /** Whether there are allowed networks at all. */
  readonly hasAllowed: boolean;
}

// What the registries of special-purpose addresses (RFC 6890) call not globally reachable, and what clouds keep for
// their metadata outside of it.
const blockedIpv4: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', 'this host'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'shared by a carrier'],
  ['127.0.0.0/8', 'loopback'],
  ['168.63.129.16/32', 'a metadata service'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'reserved'],
  ['192.0.2.0/24', 'reserved for documentation'],
  ['192.31.196.0/24', 'reserved'],
  ['192.52.193.0/24', 'reserved'],
  ['192.88.99.0/24', 'a relay to IPv6'],
  ['192.168.0.0/16', 'private'],
  ['192.175.48.0/24', 'reserved'],
  ['198.18.0.0/15', 'reserved for measurements'],
  ['198.51.100.0/24', 'reserved for documentation'],
  ['203.0.113.0/24', 'reserved for documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
];

// Of IPv6 only 2000::/3 is public at all. Whatever else stands for an IPv4 address (mapped, NAT64) or for a network of
// one's own (unique local, link-local, site-local) is outside of it, and needs no list.
const publicIpv6 = '2000::/3';
const blockedIpv6: readonly (readonly [string, string])[] = [
  ['2001::/23', 'reserved, or a tunnel'],
  ['2001:db8::/32', 'reserved for documentation'],
  ['2002::/16', 'a tunnel to IPv4'],
  ['2620:4f:8000::/48', 'reserved'],
  ['3fff::/20', 'reserved for documentation'],
];

/** Errors: `webhook_bad_network`, one problem for each that is wrong. */
export function networkRules(allowedNetworks: AllowedNetworks = []): NetworkRules {
  const problems = allowedNetworks.flatMap((network, index) =>
    isNetwork(network) ? [] : [problem('webhook_bad_network', { network }, { path: `/${index}` })],
  );
  if (problems.length > 0) throw new MusterError(problems);
  const allowed = listOf(allowedNetworks);
  const isAllowed = (address: string): boolean => isIP(address) !== 0 && contains(allowed, address);
  return {
    hasAllowed: allowedNetworks.length > 0,
    isAllowed,
    fault(address) {
      const version = isIP(address);
      // An address with a zone (`fe80::1%eth0`) names an interface of this machine.
      if (version === 0 || address.includes('%')) return 'not an address';
      if (isAllowed(address)) return null;
      if (version === 6 && !contains(publicOnly, address)) return 'not public';
      const ranges = version === 4 ? rangesIpv4 : rangesIpv6;
      return ranges.find(({ list }) => contains(list, address))?.why ?? null;
    },
  };
}

/**
 * Reads networks from a text, such as `10.0.0.0/8, fd12:3456::/32`; nothing or empty text is none. Errors:
 * `webhook_bad_network`.
 */
export function networksOf(text: string | undefined): AllowedNetworks {
  const networks = (text ?? '').split(/[\s,]+/).filter((each) => each !== '');
  networkRules(networks);
  return networks;
}

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = address.includes('%') ? 0 : isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = familyOf(address);
    list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
  }
  return list;
}

const rangesOf = (
  networks: readonly (readonly [string, string])[],
): readonly { list: BlockList; why: string }[] =>
  networks.map(([network, why]) => ({ list: listOf([network]), why }));
const rangesIpv4 = rangesOf(blockedIpv4);
const rangesIpv6 = rangesOf(blockedIpv6);
const publicOnly = listOf([publicIpv6]);

function contains(list: BlockList, address: string): boolean {
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
