/** What the ledger's disk does that passes: full, failing, or a file that is locked for a moment. Anything else is a fault of ours. */
export const isWaitedOut = (error: unknown): boolean =>
  /^SQLITE_(FULL|BUSY|LOCKED|IOERR)/.test((error as { code?: string }).code ?? '');
