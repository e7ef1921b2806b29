/** What an OPC UA entry declares of its tags. */
import type { TagDeclaration } from '../tag-config.ts';
import type { OpcuaConfig } from './config.ts';

export function opcuaTags(config: OpcuaConfig): TagDeclaration[] {
  return config.tags.map((tag) => ({
    path: tag.path,
    type: tag.type,
    unit: tag.unit,
    role: tag.role,
    intervalMs: tag.samplingIntervalMs ?? config.samplingIntervalMs,
    counter: tag.counter,
    report: tag.report,
  }));
}
