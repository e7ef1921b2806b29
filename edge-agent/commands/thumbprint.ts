/** The SHA-256 of a certificate as people read it out and compare it. */

/** `3F2A 91C0 …`: groups of four hex digits. */
export const grouped = (thumbprint: string): string =>
  thumbprint
    .toUpperCase()
    .match(/.{1,4}/g)
    ?.join(' ') ?? '';

const digits = (text: string): string => text.toLowerCase().replaceAll(/[^0-9a-f]/g, '');

/** However it was written: with colons, blanks, or upper case. At least four digits must be there. */
export function sameThumbprint(thumbprint: string, text: string, whole: boolean): boolean {
  const given = digits(text);
  return whole ? given === digits(thumbprint) : given.length >= 4 && digits(thumbprint).startsWith(given);
}
