/** Errors by who must act: the operator (ConfigError), the runner (ConnectionError), nobody (RejectedError). */

/** The operator must change something before a start can succeed. Ends the process with exit code 78. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Where: a file, or `file:line:column`. */
  readonly path: string;
  /** What to do about it, in one sentence. */
  readonly hint: string;
  /** Further mistakes that were found beside it: whoever mends one wants to know of all. */
  readonly others: readonly ConfigError[];
  constructor(
    message: string,
    options: { path: string; hint: string; cause?: unknown; others?: readonly ConfigError[] },
  ) {
    super(message, { cause: options.cause });
    this.path = options.path;
    this.hint = options.hint;
    this.others = options.others ?? [];
  }

  /** The same with other names in all its texts: of the file that a person gave, for a copy of it that was checked. */
  renamed(name: (text: string) => string): ConfigError {
    const others = this.others.map((other) => other.renamed(name));
    return new ConfigError(name(this.message), { path: name(this.path), hint: name(this.hint), cause: this, others });
  }
}

/** The other side is away or did not answer. The runner backs off and tries again; nothing is lost. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** One of the protocol's short words where a person must act before it can succeed, `server-not-trusted`. */
  readonly code: string | undefined;
  constructor(message: string, options: { code?: string | undefined; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = options.code;
  }
}

/** Will never be accepted, however often it is tried. `reason` is one of the protocol's short words. */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
  readonly reason: string;
  constructor(message: string, options: { reason: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.reason = options.reason;
  }
}
