/**
 * Tags by browsing (config `discover`): every variable that fits a pattern becomes a tag, and the pattern is looked for
 * again now and then. What is new is measured without touching the rest. What is there no more gets a last sample,
 * BadNodeIdUnknown, and is retired; only two browsings that came to their end can say so, for while a program is loaded
 * into a controller it has nothing to show.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AttributeIds, type NodeId } from 'node-opcua-client';
import { RejectedError } from '../errors.ts';
import { quality, type Sample } from '../sample.ts';
import type { SourceContext, TagDeclaration } from '../tag-config.ts';
import { browseTree, type FoundVariable } from './browse.ts';
import { type OpcuaConfig, type OpcuaGroup, type OpcuaTag, opcuaTagSchema } from './config.ts';
import { createTypeBook } from './data-type.ts';
import { badSamples, createItem, type Item } from './item.ts';
import type { Found, Memory } from './memory.ts';
import type { BrowseStep } from './node.ts';
import type { Part, Workbench } from './part.ts';
import { refreshNamespaces, resolveNodes } from './resolve.ts';
import { declarationsOf } from './tags.ts';

type Pattern = OpcuaGroup['discover'][number];

export interface Discovery {
  /** With what was found before, if anything was. */
  begin(): Promise<void>;
  /** What is there, where nothing has been looked for yet. */
  search(): Promise<void>;
  /** Looks again and again until the session ends. @throws what ends the session. */
  run(): Promise<void>;
  /** What is there now. */
  items(): Item[];
  /** Last samples of what is there no more. */
  take(): Sample[];
}

export interface DiscoveryOptions extends Workbench {
  /** Of the group. */
  readonly index: number;
  readonly memory: Memory;
  readonly declare: SourceContext['declare'];
  readonly part: Part;
  readonly closed: AbortSignal;
}

/** Nodes that one pattern may look at. */
const maxNodes = 500_000;

export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { config, group, opcua, services, clock, bell, log, index, memory, declare, part, closed } = options;
  const items = new Map<string, Item>();
  let outcome: Outcome = 'known';
  const last: Sample[] = [];

  const itemsOf = (tags: Found): Item[] =>
    [...tags].flatMap(([path, tag]) => {
      const id = memory.foundIds.get(path);
      if (id === undefined) return [];
      if (group.history) memory.gaps.track(id, path);
      return [createItem(tag, [id], config, group, memory.lastTimes.get(id))];
    });

  /** undefined where the server could not be asked to the end. */
  const lookFor = async (pattern: Pattern, taken: Set<string>): Promise<Map<string, OpcuaTag> | undefined> => {
    await refreshNamespaces(opcua, services);
    const from = (await resolveNodes([pattern.from], opcua, services)).get(pattern.from)!;
    if (typeof from === 'number') return undefined;
    const variables: FoundVariable[] = [];
    let nodes = 0;
    let whole = true;
    const onProgress = (seen: number) => {
      nodes = seen;
    };
    const onHole = () => {
      whole = false;
    };
    try {
      const namespaces = opcua.namespaces.uris;
      for await (const variable of browseTree(services, from, {
        match: pattern.match,
        maxNodes,
        namespaces,
        onProgress,
        onHole,
      })) {
        variables.push(variable);
      }
    } catch (error) {
      if (error instanceof RejectedError) return undefined;
      throw error;
    }
    if (nodes >= maxNodes || !whole) return undefined;
    return tagsOf(variables, pattern, taken);
  };

  const types = createTypeBook(services);
  const tagsOf = async (variables: readonly FoundVariable[], pattern: Pattern, taken: Set<string>) => {
    const attributes = await services.read(
      variables.flatMap(({ nodeId }) => [
        { nodeId, attributeId: AttributeIds.DataType },
        { nodeId, attributeId: AttributeIds.ValueRank },
      ]),
    );
    const typeOf = (i: number) => attributes[2 * i]!.result?.value?.value as NodeId | undefined;
    const known = await types(variables.flatMap((_, i) => typeOf(i) ?? []));
    const tags = new Map<string, OpcuaTag>();
    const owners = ownersOf(variables, pattern.under, memory.found.get(index));
    let unfit = 0;
    for (const [i, { node, nodeId, steps }] of variables.entries()) {
      const type = known.get(String(typeOf(i)))?.type;
      // Scalar, or whatever comes: an array cannot be one tag.
      const rank = attributes[2 * i + 1]!.result?.value?.value as number | undefined;
      const plain = pathOf(pattern.under, steps, node, nobody);
      const path = pathOf(pattern.under, steps, node, owners.get(plain) === node ? taken : new Set([plain]));
      const tag = opcuaTagSchema.safeParse({ path, node, type }).data;
      if (!tag || (rank ?? -1) >= 0 || path.length > 200) unfit++;
      else if (tags.size >= pattern.maxTags) {
        log.warn(
          { source: config.id, from: pattern.from, maxTags: pattern.maxTags },
          'more is found than maxTags allows',
        );
        break;
      } else {
        taken.add(path);
        tags.set(path, tag);
        nodeIds.set(path, nodeId);
      }
    }
    if (unfit > 0)
      log.info({ source: config.id, from: pattern.from, variables: unfit }, 'variables that cannot be tags');
    return tags;
  };
  const nodeIds = new Map<string, NodeId>();

  /** Of the browsing before: what it did not find, though it had been there. */
  let missing: ReadonlySet<string> = new Set();

  const scan = async (): Promise<Outcome> => {
    const taken = new Set(config.groups.flatMap(({ tags }) => tags.map(({ path }) => path)));
    for (const [other, found] of memory.found) if (other !== index) for (const path of found.keys()) taken.add(path);
    const now = new Map<string, OpcuaTag>();
    for (const pattern of group.discover) {
      const found = await lookFor(pattern, taken);
      if (!found) {
        log.warn(
          { source: config.id, from: pattern.from },
          'cannot be browsed to the end; what was found before stays',
        );
        return 'failed';
      }
      for (const [path, tag] of found) now.set(path, tag);
    }
    const before = memory.found.get(index) ?? new Map<string, OpcuaTag>();
    const lost = [...before.keys()].filter((path) => !now.has(path));
    for (const path of lost) if (!missing.has(path)) now.set(path, before.get(path)!);
    const isMissing = lost.some((path) => !missing.has(path));
    missing = new Set(lost);
    const isSame = (path: string, tag: OpcuaTag | undefined) =>
      tag?.node === before.get(path)?.node && tag?.type === before.get(path)?.type;
    const added = new Map([...now].filter(([path, tag]) => !isSame(path, tag)));
    const gone = [...before.keys()].filter((path) => !isSame(path, now.get(path)));
    if (added.size === 0 && gone.length === 0) return isMissing ? 'missing' : 'settled';

    memory.found.set(index, now);
    memory.foundIds = await declare(declarations(config, memory));
    const left = gone.flatMap((path) => items.get(path) ?? []);
    for (const path of gone) items.delete(path);
    const more = itemsOf(added);
    for (const item of more) {
      item.node = nodeIds.get(item.tag.path)!;
      items.set(item.tag.path, item);
    }
    log.info({ source: config.id, added: added.size, gone: gone.length, tags: now.size }, 'tags found by browsing');
    if (left.length > 0) part.remove(left);
    last.push(...left.flatMap((item) => badSamples(item, quality.badNodeIdUnknown, clock.now())));
    if (more.length > 0) part.add(more);
    bell.ring();
    return isMissing ? 'missing' : gone.length > 0 ? 'retired' : 'settled';
  };

  return {
    async begin() {
      const before = memory.found.get(index);
      if (!before) return;
      const known = itemsOf(before);
      const nodes = await resolveNodes(
        known.map(({ tag }) => tag.node),
        opcua,
        services,
      );
      for (const item of known) {
        item.node = nodes.get(item.tag.node)!;
        items.set(item.tag.path, item);
      }
      part.add(known);
    },
    async search() {
      if (!memory.found.has(index)) outcome = await scan();
    },
    async run() {
      const rescanMs = Math.min(...group.discover.map((pattern) => pattern.rescanMs));
      // Soon after something has happened, and then ever more rarely.
      let soonMs = outcome === 'known' || outcome === 'failed' ? firstRescanMs : rescanMs;
      for (;;) {
        await delay(clock.wallMs(soonMs), undefined, { signal: closed });
        outcome = await scan();
        if (outcome === 'retired') soonMs = firstRescanMs;
        else soonMs = outcome === 'missing' ? Math.min(rescanMs, confirmMs) : Math.min(rescanMs, 2 * soonMs);
      }
    },
    items: () => [...items.values()],
    take: () => last.splice(0),
  };
}

const firstRescanMs = 5000;
/** What is not there is looked for once more after this. */
const confirmMs = 60_000;
const nobody: ReadonlySet<string> = new Set();

/** `known`: nothing was looked for in this session, and the server may be another by now. */
type Outcome = 'known' | 'settled' | 'missing' | 'retired' | 'failed';

/**
 * Of several nodes whose names make the same path, the one that has it by now keeps it, or else the first by its text: in
 * which order the server lists them says nothing.
 */
function ownersOf(variables: readonly FoundVariable[], under: string, before: Found | undefined): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { node, steps } of variables) {
    const path = pathOf(under, steps, node, nobody);
    const owner = owners.get(path);
    const holder = before?.get(path)?.node;
    if (owner === undefined || node === holder || (owner !== holder && node < owner)) owners.set(path, node);
  }
  return owners;
}

function declarations(config: OpcuaConfig, memory: Memory): TagDeclaration[] {
  return [...memory.found].flatMap(([index, tags]) =>
    [...tags.values()].flatMap((tag) => declarationsOf(tag, config.groups[index]!)),
  );
}

/** Browse names as words of a tag path. Where nothing is left of a name, or it is taken, the node makes the difference. */
export function pathOf(under: string, steps: readonly BrowseStep[], node: string, taken: ReadonlySet<string>): string {
  const words = steps.map(({ name }) =>
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9_]+/g, '-')
      .replaceAll(/^-+|-+$/g, ''),
  );
  const path = [under, ...words.map((word) => word || 'x')].join('/');
  if (words.every((word) => word !== '') && !taken.has(path)) return path;
  return `${path}-${createHash('sha256').update(node).digest('hex').slice(0, 8)}`;
}
