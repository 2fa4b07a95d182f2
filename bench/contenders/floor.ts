import type { Endpoint } from '../../src/endpoint.ts';

/** The least that choosing in turn can cost: an array and a wrapping cursor. */
export class Floor {
  readonly list: readonly Endpoint[];
  cursor = 0;

  constructor(list: readonly Endpoint[]) {
    this.list = list;
  }

  pick(): Endpoint | undefined {
    const { list, cursor } = this;
    this.cursor = cursor + 1 < list.length ? cursor + 1 : 0;
    return list[cursor];
  }
}
