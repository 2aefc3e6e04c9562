/** Reading bytes: gzip, and files where there is a file system. */
import { DataError } from '../graph/index.ts';

/** Whether `bytes` begin with the magic number of gzip (RFC 1952). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Inflates gzip; other bytes are returned as they are. @throws DataError for damaged or truncated gzip */
export async function inflate(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  // The same stream exists in Node and in browsers.
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(
      `${name}: the gzip data is damaged or truncated (${bytes.length} bytes: ${reason}); fetch it again`,
    );
  }
}

/** A module of Node. @throws DataError in a browser, which has none of them */
export async function nodeModule<M>(operation: string, load: () => Promise<M>): Promise<M> {
  try {
    return await load();
  } catch {
    throw new DataError(
      `${operation}: files are read in Node only; in a browser, fetch the bytes and use readIDX`,
    );
  }
}

/** The first of `names` that `directory` holds. @throws DataError naming all of them where it holds none */
export async function readFirst(
  operation: string,
  directory: string,
  names: readonly string[],
): Promise<{ path: string; bytes: Uint8Array }> {
  const { readFile } = await nodeModule(operation, () => import('node:fs/promises'));
  const { join } = await nodeModule(operation, () => import('node:path'));
  for (const name of names) {
    const path = join(directory, name);
    try {
      return { path, bytes: await readFile(path) };
    } catch (cause) {
      if ((cause as { code?: string }).code !== 'ENOENT') {
        throw new DataError(`${operation}: ${path} cannot be read: ${(cause as Error).message}`);
      }
    }
  }
  throw new DataError(`${operation}: ${directory} holds none of ${names.join(', ')}`);
}
