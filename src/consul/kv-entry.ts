/** One key as it is now. */
export interface KvEntry {
  readonly key: string;
  /** The bytes as text, UTF-8. */
  readonly value: string;
  readonly bytes: Uint8Array;
  /** A number of the writer's. Above 2⁵³ not exact. */
  readonly flags: number;
  /** Grows with each change, of whatever key: what `put({ cas })` compares with. */
  readonly modifyIndex: number;
  readonly createIndex: number;
  /** How often it was acquired as a lock. */
  readonly lockIndex: number;
  /** The session that holds it. */
  readonly session: string | undefined;
}

/** As Consul writes it. */
export interface RawEntry {
  readonly Key: string;
  readonly Value: string | null;
  readonly Flags: number;
  readonly ModifyIndex: number;
  readonly CreateIndex: number;
  readonly LockIndex: number;
  readonly Session?: string;
}

/** Nothing there is 404, and no body. */
export type RawEntries = readonly RawEntry[] | undefined;

export function entryOf({
  Key,
  Value,
  Flags,
  ModifyIndex,
  CreateIndex,
  LockIndex,
  Session,
}: RawEntry): KvEntry {
  const bytes = Buffer.from(Value ?? '', 'base64');
  return {
    key: Key,
    value: bytes.toString(),
    bytes,
    flags: Flags,
    modifyIndex: ModifyIndex,
    createIndex: CreateIndex,
    lockIndex: LockIndex,
    session: Session || undefined,
  };
}

export function rawEntries(body: unknown): readonly RawEntry[] {
  return Array.isArray(body) ? body : [];
}

/** By all they hold: an agent that lost its data counts its indexes from the beginning and may come to the same ones. */
export function sameEntries(some: readonly RawEntry[], others: readonly RawEntry[]): boolean {
  return some.length === others.length && some.every((one, i) => same(one, others[i]!));
}

function same(one: RawEntry, other: RawEntry): boolean {
  return (
    one.ModifyIndex === other.ModifyIndex &&
    one.Key === other.Key &&
    one.CreateIndex === other.CreateIndex &&
    one.LockIndex === other.LockIndex &&
    one.Flags === other.Flags &&
    one.Session === other.Session &&
    one.Value === other.Value
  );
}
