/** The bytes of some registers → the text in them. What is no text of the encoding is no value. */
import type { Encoding } from './format.ts';

/**
 * A text ends at the first NUL; spaces at its end are cut. Control characters within it are taken for what they are:
 * a wrong address or byte order.
 * @param isSwapped the second character of a register comes first on the wire
 */
export function readText(registers: number, isSwapped: boolean, encoding: Encoding = 'ascii') {
  const decoder = encoding === 'utf-8' ? new TextDecoder('utf-8', { fatal: true }) : undefined;

  return (data: Uint8Array, at: number): string | null => {
    const wire = data.subarray(at * 2, (at + registers) * 2);
    const bytes = isSwapped ? wire.map((_, i) => wire[i ^ 1]!) : wire;
    const end = bytes.indexOf(0);
    const characters = end < 0 ? bytes : bytes.subarray(0, end);
    if (encoding === 'ascii' && characters.some((byte) => byte >= 0x80)) return null;
    try {
      const text = (decoder ? decoder.decode(characters) : String.fromCharCode(...characters)).trimEnd();
      return hasControlCharacters(text) ? null : text;
    } catch {
      return null;
    }
  };
}

/** C0, DEL and C1. */
function hasControlCharacters(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}
