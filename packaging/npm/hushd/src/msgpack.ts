/** The part of msgpack that hushd/1 uses: nil, booleans, numbers, strings, bytes, lists, maps with string keys. */

export type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | Fields;
export type Fields = { [name: string]: Value };

const MOST_LEVELS = 33;

/** Packs a value. An `undefined` field of a map is left out; a whole number is packed as one. */
export function pack(value: Value): Buffer {
  const parts: Buffer[] = [];
  put(value, parts);
  return Buffer.concat(parts);
}

function put(value: Value, parts: Buffer[]): void {
  if (value === null) parts.push(Buffer.of(0xc0));
  else if (typeof value === 'boolean') parts.push(Buffer.of(value ? 0xc3 : 0xc2));
  else if (typeof value === 'number' || typeof value === 'bigint') parts.push(packedNumber(value));
  else if (typeof value === 'string') {
    const text = Buffer.from(value);
    parts.push(head(text.length, [0xa0, 31], 0xd9, 0xda, 0xdb), text);
  } else if (value instanceof Uint8Array) parts.push(head(value.length, null, 0xc4, 0xc5, 0xc6), Buffer.from(value));
  else if (Array.isArray(value)) {
    parts.push(head(value.length, [0x90, 15], null, 0xdc, 0xdd));
    for (const item of value) put(item, parts);
  } else {
    const fields = Object.entries(value).filter(([, item]) => item !== undefined);
    parts.push(head(fields.length, [0x80, 15], null, 0xde, 0xdf));
    for (const [name, item] of fields) {
      put(name, parts);
      put(item, parts);
    }
  }
}

function packedNumber(value: number | bigint): Buffer {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    const packed = Buffer.of(0xcb, 0, 0, 0, 0, 0, 0, 0, 0);
    packed.writeDoubleBE(value, 1);
    return packed;
  }
  if (value >= 0 && value < 0x80) return Buffer.of(Number(value));
  const packed = Buffer.of(value < 0 ? 0xd3 : 0xcf, 0, 0, 0, 0, 0, 0, 0, 0);
  if (value < 0) packed.writeBigInt64BE(BigInt(value), 1);
  else packed.writeBigUInt64BE(BigInt(value), 1);
  return packed;
}

/** The head of something of `length`: with the length in its first byte, or in the 1, 2 or 4 behind it. */
function head(length: number, short: [number, number] | null, one: number | null, two: number, four: number): Buffer {
  if (short && length <= short[1]) return Buffer.of(short[0] | length);
  if (one !== null && length < 0x100) return Buffer.of(one, length);
  if (length < 0x10000) return Buffer.of(two, length >> 8, length & 0xff);
  const packed = Buffer.of(four, 0, 0, 0, 0);
  packed.writeUInt32BE(length, 1);
  return packed;
}

/** Unpacks one value, which must be all of `data`. Throws a `RangeError` for anything that is not hushd/1's msgpack. */
export function unpack(data: Buffer): Value {
  const reader = new Reader(data);
  const value = reader.value(0);
  if (reader.at !== data.length) throw new RangeError('bytes follow the value');
  return value;
}

class Reader {
  at = 0;
  readonly #data: Buffer;

  constructor(data: Buffer) {
    this.#data = data;
  }

  value(level: number): Value {
    if (level > MOST_LEVELS) throw new RangeError('too many levels');
    const kind = this.#data.readUInt8(this.at++);
    if (kind < 0x80) return kind;
    if (kind < 0x90) return this.#map(kind & 0x0f, level);
    if (kind < 0xa0) return this.#list(kind & 0x0f, level);
    if (kind < 0xc0) return this.#bytes(kind & 0x1f).toString();
    if (kind >= 0xe0) return kind - 0x100;
    switch (kind) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#bytes(this.#whole(1 << (kind - 0xc4)));
      case 0xca:
        return this.#bytes(4).readFloatBE();
      case 0xcb:
        return this.#bytes(8).readDoubleBE();
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#whole(1 << (kind - 0xcc));
      case 0xcf:
        return Number(this.#bytes(8).readBigUInt64BE());
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#signed(1 << (kind - 0xd0));
      case 0xd3:
        return Number(this.#bytes(8).readBigInt64BE());
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#bytes(this.#whole(1 << (kind - 0xd9))).toString();
      case 0xdc:
      case 0xdd:
        return this.#list(this.#whole(2 << (kind - 0xdc)), level);
      case 0xde:
      case 0xdf:
        return this.#map(this.#whole(2 << (kind - 0xde)), level);
      default:
        throw new RangeError(`the type 0x${kind.toString(16)} is not used`);
    }
  }

  #whole(size: number): number {
    return this.#bytes(size).readUIntBE(0, size);
  }

  #signed(size: number): number {
    return this.#bytes(size).readIntBE(0, size);
  }

  #bytes(count: number): Buffer {
    if (this.at + count > this.#data.length) throw new RangeError('the data ends too early');
    return this.#data.subarray(this.at, (this.at += count));
  }

  #list(count: number, level: number): Value[] {
    const items: Value[] = [];
    for (let index = 0; index < count; index++) items.push(this.value(level + 1));
    return items;
  }

  #map(count: number, level: number): Fields {
    const fields: Fields = {};
    for (let index = 0; index < count; index++) {
      const name = this.value(level + 1);
      if (typeof name !== 'string') throw new RangeError('a key is not a text');
      fields[name] = this.value(level + 1);
    }
    return fields;
  }
}
