/** Which tags a walk visits, and what is known of each: the running agent's list, joined with the configuration. Pure. */
import { matchesGlob } from 'node:path';
import type { InspectRequest } from '../../protocols/inspect.ts';
import type { Counter } from '../../protocols/manifest.ts';
import type { ModbusTag } from '../../protocols/modbus/device.ts';
import { isNode } from '../../protocols/opcua/node.ts';
import { tagsOf } from '../acquire/sources.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { TagReport } from '../status/report.ts';
import type { Comparable } from './compare.ts';
import { declaredKey } from './declared.ts';

export interface WalkTag extends Comparable {
  readonly path: string;
  readonly source: string;
  readonly address: string;
  readonly counter?: Counter | undefined;
  readonly inspect?: InspectRequest | undefined;
  readonly registers?: ModbusTag | undefined;
  readonly commissioned: boolean;
}

export interface TagChoice {
  readonly source?: string | undefined;
  /** Of tag paths, `**` for any number of words. */
  readonly tag?: string | undefined;
  readonly onlyMissing?: boolean | undefined;
}

/** In the order of the configuration, and then what was found by browsing. */
export function walkTags(reports: readonly TagReport[], config: AgentConfig, choice: TagChoice): WalkTag[] {
  const declared = new Map(
    config.sources.flatMap((source) =>
      tagsOf(source).map((tag) => [keyOf(source.id, tag.path), { tag, source }] as const),
    ),
  );
  const order = new Map([...declared.keys()].map((key, index) => [key, index]));
  const rank = ({ source, path }: TagReport) => order.get(keyOf(source, path)) ?? Number.POSITIVE_INFINITY;
  return reports
    .filter(({ source }) => choice.source === undefined || source === choice.source)
    .filter(({ path }) => choice.tag === undefined || matchesGlob(path, choice.tag))
    .filter(({ commissioned }) => !choice.onlyMissing || commissioned === undefined)
    .toSorted((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1))
    .map((report) => {
      const { path, source, address, type, unit } = report;
      const known = declared.get(keyOf(source, path));
      const { counter, role = 'process' } = known?.tag ?? {};
      return {
        path,
        source,
        address,
        type,
        unit,
        counter,
        scale: report.scale ?? 1,
        modulus: counter?.modulus,
        counts: counter !== undefined || /^(count_|kwh_|gas_pulse)/.test(role),
        // What was found by browsing is a variable of its own, and its address the whole of it.
        inspect: known?.tag.inspect ?? (isNode(address) ? { kind: 'opcua', node: address } : undefined),
        registers: known?.source.kind === 'modbus' ? registersOf(known.source, path) : undefined,
        commissioned: report.commissioned !== undefined,
      };
    });
}

/** Tags that the file declares otherwise than what runs: the agent has not taken the file, or not yet. */
export const changedSince = (reports: readonly TagReport[], config: AgentConfig): string[] => {
  const running = new Set(reports.map(declaredKey));
  return config.sources.flatMap((source) =>
    tagsOf(source)
      .filter(({ counter, ...tag }) => !running.has(declaredKey({ ...tag, source: source.id, scale: counter?.scale })))
      .map(({ path }) => path),
  );
};

const registersOf = (source: AgentConfig['sources'][number] & { kind: 'modbus' }, path: string) =>
  source.devices.flatMap(({ tags }) => tags).find((tag) => tag.path === path);

const keyOf = (source: string, path: string): string => `${source} ${path}`;
