/**
 * Streams that no gateway sent: each import of samples of the past is an agent of its own with one epoch, so that its
 * samples are numbered, settled and proved like all others, and are told apart from them for ever.
 */

/** No gateway's name has a colon. */
const prefix = 'import:';

/** @param id 32 hex digits; the epoch of its stream as well. */
export const importAgent = (id: string): string => `${prefix}${id}`;

export const isImportAgent = (agent: string): boolean => agent.startsWith(prefix);
