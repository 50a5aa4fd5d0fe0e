/**
 * A long list that only grows, such as what a command printed. It is never changed: adding makes a new one that shares
 * all but its last chunk with the old, so that a hundred thousand lines in small batches stay cheap, and a change is
 * seen by comparing references.
 */
const CHUNK = 1024;

export interface Chunked<T> {
  readonly length: number;
  /** All but the last hold exactly `CHUNK` items. */
  readonly chunks: readonly (readonly T[])[];
}

const EMPTY: Chunked<never> = { length: 0, chunks: [] };

export function none<T>(): Chunked<T> {
  return EMPTY;
}

/** The list with more at its end. */
export function added<T>(list: Chunked<T>, more: readonly T[]): Chunked<T> {
  if (!more.length) return list;
  const chunks = list.chunks.slice();
  let last: readonly T[] = (list.length % CHUNK && chunks.pop()) || [];
  let at = 0;
  while (at < more.length) {
    const take = Math.min(CHUNK - last.length, more.length - at);
    last = last.concat(more.slice(at, at + take));
    at += take;
    if (last.length === CHUNK || at >= more.length) {
      chunks.push(last);
      last = [];
    }
  }
  return { length: list.length + more.length, chunks };
}

export function item<T>(list: Chunked<T>, at: number): T | undefined {
  return at < 0 ? undefined : list.chunks[Math.floor(at / CHUNK)]?.[at % CHUNK];
}

/** Items from one place up to another, not including it. */
export function part<T>(list: Chunked<T>, from: number, to: number): T[] {
  const found: T[] = [];
  for (let at = Math.max(0, from); at < Math.min(to, list.length); at += 1) {
    const one = item(list, at);
    if (one !== undefined) found.push(one);
  }
  return found;
}

/** Places, from one on, of items for which a test holds; at most so many. */
export function places<T>(list: Chunked<T>, test: (one: T) => boolean, from = 0, most = Infinity): number[] {
  const found: number[] = [];
  for (let at = from; at < list.length && found.length < most; at += 1) {
    const one = item(list, at);
    if (one !== undefined && test(one)) found.push(at);
  }
  return found;
}

export function all<T>(list: Chunked<T>): T[] {
  return list.chunks.flat();
}
