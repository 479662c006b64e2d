import {
  AUDIT_KINDS,
  type AuditEntry,
  type AuditKind,
  type AuditOutcome,
} from '../domain/audit.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { parseAuditEntry } from './auditRecord.ts';
import { cursorInvalid, pageCursor, placeOf } from './pageCursor.ts';

/** What an entry must be to be listed; what is absent does not matter. */
export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
  readonly outcome?: AuditOutcome | undefined;
  /** Epoch milliseconds, both included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

export interface AuditPage {
  /** Newest first. */
  readonly entries: readonly { readonly cursor: string; readonly entry: AuditEntry }[];
  readonly hasMore: boolean;
  /** Of the last entry that was looked at, which a filter may have left out. */
  readonly endCursor: string | undefined;
}

/** Where an entry stands: newest first, by kind within one id. */
interface Place {
  readonly ms: number;
  readonly seq: number;
  readonly kind: AuditKind;
}

interface Found extends Place {
  readonly entry: AuditEntry;
}

const CHUNK = 500;
/** The most entries that one page looks at, however few match. */
const MAX_LOOKED_AT = 10_000;

/** Reads the log, newest first, over the streams of all kinds. */
export class AuditReader {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #retentionMs: number;

  constructor(redis: RedisClient, keys: Keys, retentionMs: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#retentionMs = retentionMs;
  }

  /**
   * The next `first` entries that match. Looks at 10,000 at most: a page may be short, or empty,
   * and yet have more behind it; so may one whose signal aborts. @throws PAGE_INVALID
   */
  async page(
    first: number,
    after: string | undefined,
    filter: AuditFilter,
    signal?: AbortSignal,
  ): Promise<AuditPage> {
    let place = after === undefined ? undefined : parseCursor(after);
    const oldest = Math.max(filter.since ?? 0, Date.now() - this.#retentionMs, 0);
    const entries: { cursor: string; entry: AuditEntry }[] = [];
    for (let looked = 0; looked < MAX_LOOKED_AT; looked += CHUNK) {
      if (signal?.aborted === true) break;
      const chunk = await this.#chunk(place, oldest, filter.until);
      for (const found of chunk) {
        if (entries.length === first) {
          return { entries, hasMore: true, endCursor: place && cursorOf(place) };
        }
        place = found;
        if (matches(found.entry, filter)) {
          entries.push({ cursor: cursorOf(found), entry: found.entry });
        }
      }
      if (chunk.length < CHUNK) {
        return { entries, hasMore: false, endCursor: place && cursorOf(place) };
      }
    }
    return { entries, hasMore: true, endCursor: place && cursorOf(place) };
  }

  async #chunk(place: Place | undefined, oldest: number, until?: number): Promise<Found[]> {
    const newest = place === undefined ? '+' : `${place.ms}-${place.seq}`;
    const from = until === undefined || (place?.ms ?? Infinity) <= until ? newest : String(until);
    const ofKinds = await Promise.all(
      AUDIT_KINDS.map(async (kind) => {
        const rows = await this.#redis.xrevrange(
          this.#keys.audit(kind),
          from,
          String(oldest),
          'COUNT',
          // One more than needed: the entry at the cursor itself comes again.
          CHUNK + 1,
        );
        return rows.map(([id, words]): Found => {
          const [ms, seq] = id.split('-').map(Number);
          const entry = { ...parseAuditEntry(id, words), id: `aud_${kind.charAt(0)}_${id}` };
          return { ms: ms ?? 0, seq: seq ?? 0, kind, entry };
        });
      }),
    );
    const all = ofKinds.flat().toSorted(newestFirst);
    const behind = place === undefined ? all : all.filter((one) => newestFirst(place, one) < 0);
    return behind.slice(0, CHUNK);
  }

  /** One entry by its id; undefined where it is none, or not there any more. */
  async find(id: string): Promise<AuditEntry | undefined> {
    const match = /^aud_([aur])_(\d{1,16}-\d{1,16})$/.exec(id);
    const kind = AUDIT_KINDS.find((one) => one.charAt(0) === match?.[1]);
    const streamId = match?.[2];
    if (kind === undefined || streamId === undefined) return undefined;
    const [row] = await this.#redis.xrange(this.#keys.audit(kind), streamId, streamId);
    return row && { ...parseAuditEntry(row[0], row[1]), id };
  }
}

function matches(entry: AuditEntry, filter: AuditFilter): boolean {
  const { actor, action, subject, outcome } = filter;
  return (
    (actor === undefined || entry.actor === actor) &&
    (action === undefined || entry.action === action) &&
    (subject === undefined || entry.subjects.includes(subject)) &&
    (outcome === undefined || entry.outcome === outcome)
  );
}

function newestFirst(a: Place, b: Place): number {
  return b.ms - a.ms || b.seq - a.seq || AUDIT_KINDS.indexOf(a.kind) - AUDIT_KINDS.indexOf(b.kind);
}

function cursorOf({ ms, seq, kind }: Place): string {
  return pageCursor(`${ms}-${seq}-${kind}`);
}

function parseCursor(cursor: string): Place {
  const [, ms, seq, name] = placeOf(cursor, /^(\d{1,16})-(\d{1,16})-(\w+)$/);
  const kind = AUDIT_KINDS.find((one) => one === name);
  if (kind === undefined) throw cursorInvalid();
  return { ms: Number(ms), seq: Number(seq), kind };
}
