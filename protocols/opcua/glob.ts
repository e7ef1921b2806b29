/**
 * Patterns of browse names: names joined by `/`, in which `*` stands for one name or a part of one and `**` for any
 * number of names, none as well. Case does not matter. Pure.
 */

/** How far into the pattern one can be after some names; none when nothing below can fit. */
export type Progress = readonly number[];

export interface Glob {
  readonly begin: Progress;
  /** After one name more. */
  step(progress: Progress, name: string): Progress;
  /** Whether the names so far are all that the pattern asks for. */
  fits(progress: Progress): boolean;
}

export function parseGlob(pattern: string): Glob {
  const parts = pattern
    .split('/')
    .filter((part) => part !== '')
    .map((part) => (part === '**' ? undefined : namesLike(part)));
  /** `**` may stand for nothing. */
  const reach = (position: number): number[] =>
    position < parts.length && parts[position] === undefined ? [position, ...reach(position + 1)] : [position];
  return {
    begin: reach(0),
    step: (progress, name) => [
      ...new Set(
        progress.flatMap((position) => {
          if (position === parts.length) return [];
          const part = parts[position];
          if (part === undefined) return reach(position);
          return part(name) ? reach(position + 1) : [];
        }),
      ),
    ],
    fits: (progress) => progress.includes(parts.length),
  };
}

/** What stands between the stars must come in this order. No pattern takes long, as a regular expression could. */
function namesLike(part: string): (name: string) => boolean {
  const [first = '', ...rest] = part.toLowerCase().split('*');
  const last = rest.pop();
  return (name) => {
    const text = name.toLowerCase();
    if (last === undefined) return text === first;
    if (!text.startsWith(first)) return false;
    let from = first.length;
    for (const piece of rest) {
      const at = text.indexOf(piece, from);
      if (at < 0) return false;
      from = at + piece.length;
    }
    return text.length - last.length >= from && text.endsWith(last);
  };
}
