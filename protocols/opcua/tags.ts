/** What an OPC UA entry declares of its tags. It imports no library. */
import type { TagDeclaration } from '../tag-config.ts';
import type { OpcuaConfig, OpcuaGroup, OpcuaTag } from './config.ts';

/** Those that the configuration names; what is found by browsing is declared when it is found. */
export function opcuaTags(config: Pick<OpcuaConfig, 'groups'>): TagDeclaration[] {
  return config.groups.flatMap((group) => group.tags.flatMap((tag) => declarationsOf(tag, group)));
}

/** One declaration, or one for every element of an array. */
export function declarationsOf(tag: OpcuaTag, group: OpcuaGroup): TagDeclaration[] {
  return pathsOf(tag).map((path, element) => {
    const index = tag.elements === undefined ? tag.index : String(element);
    return {
      path,
      type: tag.type,
      unit: tag.unit,
      role: tag.role,
      intervalMs: (group.mode === 'subscribe' ? tag.samplingIntervalMs : undefined) ?? group.samplingIntervalMs,
      counter: tag.counter,
      report: tag.report,
      range: tag.range,
      keep: tag.keep,
      address: `${tag.node}${index === undefined ? '' : `[${index}]`}${tag.field === undefined ? '' : `.${tag.field}`}`,
      inspect: { kind: 'opcua' as const, node: tag.node, index, field: tag.field },
      history: group.history,
    };
  });
}

export const pathsOf = ({ path, elements }: OpcuaTag): string[] =>
  elements === undefined ? [path] : Array.from({ length: elements }, (_, element) => `${path}/${element}`);
