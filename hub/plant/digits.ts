/** Numbers as people type them, in any of the three scripts. */

/** Persian (U+06F0 to U+06F9) and Arabic (U+0660 to U+0669) digits become 0 to 9, the decimal point ٫ becomes a dot. */
export const asciiDigits = (text: string): string =>
  text.replace(/[۰-۹٠-٩]/g, (digit) => String(digit.charCodeAt(0) & 0xf)).replace(/٫/g, '.');
