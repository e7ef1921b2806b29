/** What the stores need of the hub's pino logger. */
import type { BaseLogger } from 'pino';

export type StoreLog = Pick<BaseLogger, 'info' | 'warn' | 'error'>;
