import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;
type Range = ReturnType<typeof ipaddr.parseCIDR>;

/** Ranges of addresses as `10.0.0.0/8,fd00::/8`; a sentence where one is none. */
export function parseNetworks(text: string): readonly Range[] | string {
  const ranges: Range[] = [];
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    if (!ipaddr.isValidCIDR(part)) return 'has an entry that is no range of addresses';
    ranges.push(ipaddr.parseCIDR(part));
  }
  return ranges;
}

/**
 * Where webhooks may be delivered: the public internet, and what is allowed besides. Private,
 * loopback, link-local (that of cloud metadata too), shared, multicast and reserved ranges are not.
 */
export class AllowedNetworks {
  readonly #ranges: readonly Range[];

  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
  }

  /** Whether no range is allowed besides the public internet. */
  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Whether an address may be connected to. */
  allows(text: string): boolean {
    const address = parse(text);
    return address !== undefined && (address.range() === 'unicast' || this.#lists(address));
  }

  /** Whether an address is in a range that was allowed by name. */
  lists(text: string): boolean {
    const address = parse(text);
    return address !== undefined && this.#lists(address);
  }

  #lists(address: Address): boolean {
    return this.#ranges.some((range) => range[0].kind() === address.kind() && address.match(range));
  }
}

/** `::ffff:10.0.0.1` is 10.0.0.1, whoever asks. */
function parse(text: string): Address | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
}
