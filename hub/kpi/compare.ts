/** R15: a limit is passed only by more than 1e-9 of it, so that the last digits of a sum never decide. */
export const exceeds = (a: number, b: number): boolean => a - b > 1e-9 * Math.max(Math.abs(a), Math.abs(b));
