/** A path as part of a file's name, on every system. */
export const fileSafe = (path: string): string => path.replaceAll(/[^\w.-]+/g, '-');
