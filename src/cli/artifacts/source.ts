/** Bytes that are asked for in other pieces than they come in. */
export class Source {
  readonly #from: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(from: AsyncIterable<Buffer>) {
    this.#from = from[Symbol.asyncIterator]();
  }

  /** Some bytes, at most so many; none at the end. */
  async some(most: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#from.next();
      if (done) return this.#rest;
      this.#rest = value;
    }
    const found = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(found.length);
    return found;
  }

  /** So many bytes; fewer only where it ends. */
  async exactly(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const part = await this.some(left);
      if (part.length === 0) break;
      parts.push(part);
      left -= part.length;
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }
}
