/** The kinds of sources. A driver's library is loaded only when a source of its kind is configured: it is most of an agent's memory. */
import { modbusTags } from '../../protocols/modbus/tags.ts';
import { opcuaTags } from '../../protocols/opcua/tags.ts';
import type { Source } from '../../protocols/source.ts';
import type { SourceContext, TagDeclaration } from '../../protocols/tag-config.ts';
import type { AgentConfig } from '../config/schema.ts';

export type SourceConfig = AgentConfig['sources'][number];

/** The tags of a source, from its configuration alone. */
export function tagsOf(config: SourceConfig): readonly TagDeclaration[] {
  switch (config.kind) {
    case 'opcua':
      return opcuaTags(config);
    case 'modbus':
      return modbusTags(config);
  }
}

export async function createSource(config: SourceConfig, context: SourceContext): Promise<Source> {
  switch (config.kind) {
    case 'opcua':
      return (await import('../../protocols/opcua/source.ts')).createOpcuaSource(config, context);
    case 'modbus':
      return (await import('../../protocols/modbus/source.ts')).createModbusSource(config, context);
  }
}
