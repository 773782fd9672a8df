/** msgpack as hushd/1 has it: nil, booleans, numbers, strings, bytes, lists, maps with string keys. */

import { decode, encode, type ExtensionCodecType } from '@msgpack/msgpack';

export type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | Fields;
export type Fields = { [name: string]: Value };

const NO_EXTENSIONS: ExtensionCodecType<undefined> = {
  tryToEncode: () => null,
  decode: () => {
    throw new RangeError('a type of extension is not used');
  },
};

/** Packs a value. An `undefined` field of a map is left out; a whole number beyond 32 bits is to be a bigint. */
export function pack(value: Value): Buffer {
  return Buffer.from(encode(value, { ignoreUndefined: true, useBigInt64: true, extensionCodec: NO_EXTENSIONS }));
}

/** Unpacks one value, which must be all of `data`. Throws an error for anything that is not hushd/1's msgpack. */
export function unpack(data: Buffer): Value {
  const most = data.length; // an item has a byte at least: no room is made for more
  return decode(data, {
    maxArrayLength: most,
    maxMapLength: most,
    extensionCodec: NO_EXTENSIONS,
    mapKeyConverter,
  }) as Value;
}

function mapKeyConverter(key: unknown): string {
  if (typeof key !== 'string') throw new RangeError('a key is not a text');
  return key;
}
