/**
 * What the live page is told: changed values and agents every second, KPIs every five. It runs only while somebody
 * listens, and works once per site scope, not once per listener.
 */
import type { Clock } from '../../../protocols/clock.ts';
import type { TimeUs } from '../../../protocols/sample.ts';
import { isUnder, type SiteScope } from '../../access/scope.ts';
import type { KpiValue } from '../../kpi/kpi.ts';
import type { LedgerReader } from '../../ledger/ledger.ts';
import type { LatestValues, TaggedLatestValue } from '../../live/latest.ts';
import { formatTime } from '../../plant/time-text.ts';
import type { RouteContext } from '../asked/context.ts';
import type { KpiSource } from '../asked/kpi-source.ts';
import { runningHour } from '../asked/times.ts';
import { createView } from '../asked/view.ts';
import { agentStates } from '../delivery/agent-state.ts';
import { kpiValueJson } from '../kpi/kpi-json.ts';
import { latestJson } from '../samples/tags.ts';

/** One open connection. */
export interface Listener {
  readonly sites: SiteScope;
  /** Hands over one event; a listener that cannot keep up ends itself. */
  tell(event: string, data: string): void;
}

export interface LiveFeed {
  /** Tells a snapshot at once and then every change, until the returned function is called. */
  join(listener: Listener): () => void;
  close(): void;
}

export interface LiveFeedOptions {
  readonly ledger: LedgerReader;
  readonly kpis: KpiSource;
  readonly latest: LatestValues;
  readonly clock: Clock;
  readonly liveWindow?: RouteContext['liveWindow'];
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

const tickMs = 1000;
const kpiEveryTicks = 5;
const kpiTimeoutMs = 30_000;
const shownLevels = new Set(['line', 'unit', 'meter']);

export function createLiveFeed(options: LiveFeedOptions): LiveFeed {
  const { latest, clock, log } = options;
  const listeners = new Set<Listener>();
  const closed = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let ticks = 0;
  let version = 0;
  let values: readonly KpiValue[] = [];
  let evaluating = false;
  let failing = false;

  const encodeValues = (listener: Listener, changed: readonly TaggedLatestValue[]) => {
    const { sees } = createView(listener.sites, options);
    return changed.filter(({ tag }) => sees(tag.path)).map((value) => ({ path: value.tag.path, ...latestJson(value) }));
  };
  const encodeAgents = ({ sites }: Listener) => agentStates(createView(sites, options), options);
  const encodeKpis = ({ sites }: Listener) => {
    const { sees } = createView(sites, options);
    return values.filter(({ asset }) => sees(asset)).map(kpiValueJson);
  };

  /** Tells everybody; listeners of the same scope share one text. */
  const tellAll = (event: string, encode: (listener: Listener) => object | undefined) => {
    const texts = new Map<string, string | undefined>();
    const now = formatTime(clock.now());
    for (const listener of listeners) {
      const scope = JSON.stringify(listener.sites);
      if (!texts.has(scope)) {
        const data = encode(listener);
        texts.set(scope, data && JSON.stringify({ now, ...data }));
      }
      const text = texts.get(scope);
      if (text !== undefined) listener.tell(event, text);
    }
  };

  const evaluate = async () => {
    if (evaluating) return;
    evaluating = true;
    try {
      values = await evaluateNow(options, AbortSignal.any([closed.signal, AbortSignal.timeout(kpiTimeoutMs)]));
      if (failing) log.info({}, 'live KPIs are computed again');
      failing = false;
      tellAll('kpis', (listener) => ({ kpis: encodeKpis(listener) }));
    } catch (error) {
      if (!failing && !closed.signal.aborted) log.warn({ err: error }, 'live KPIs cannot be computed');
      failing = true;
    } finally {
      evaluating = false;
    }
  };

  const tick = () => {
    const changed = latest.since(version);
    version = latest.version;
    tellAll('values', (listener) => {
      const visible = encodeValues(listener, changed);
      return visible.length > 0 ? { values: visible } : undefined;
    });
    tellAll('agents', (listener) => ({ agents: encodeAgents(listener) }));
    if (ticks++ % kpiEveryTicks === 0) void evaluate();
  };

  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    values = [];
  };

  return {
    join(listener) {
      if (listeners.size === 0) {
        // What changed before the first listener came is in its snapshot.
        version = latest.version;
        ticks = 1;
        timer = setInterval(tick, tickMs);
        void evaluate();
      }
      listeners.add(listener);
      const snapshot = {
        now: formatTime(clock.now()),
        speed: clock.speed,
        values: encodeValues(listener, latest.since(0)),
        agents: encodeAgents(listener),
        kpis: encodeKpis(listener),
      };
      listener.tell('snapshot', JSON.stringify(snapshot));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) stop();
      };
    },
    close() {
      closed.abort();
      listeners.clear();
      stop();
    },
  };
}

/** Units, lines and meters, each site over its own window; no site over a time before it was connected. */
async function evaluateNow(
  { kpis, clock, ledger, liveWindow }: LiveFeedOptions,
  signal: AbortSignal,
): Promise<KpiValue[]> {
  const now = clock.now();
  const bySite = Map.groupBy(
    kpis.assets().filter(({ level }) => shownLevels.has(level)),
    ({ site }) => site,
  );
  const values: KpiValue[] = [];
  for (const [site, assets] of bySite) {
    const since = firstAcceptedAt(site, ledger);
    if (since === undefined) continue;
    const window = liveWindow?.(site, now) ?? runningHour(now);
    // A plant that was connected a minute ago has no figures of the hour, but has some of this minute.
    const from = Math.max(window.from, since);
    if (from >= window.to) continue;
    values.push(...(await kpis.evaluate({ assets: assets.map(({ path }) => path), from, to: window.to }, signal)));
  }
  return values;
}

/** When the first sample of a site was accepted. */
function firstAcceptedAt(site: string, ledger: LedgerReader): TimeUs | undefined {
  const keys = ledger.tags().flatMap((tag) => (isUnder(tag.path, site) ? tag.keys : []));
  const times = [...new Set(keys.map(({ stream }) => stream))].flatMap((stream) =>
    ledger.batches(stream, 0, 1).map(({ acceptedAt }) => acceptedAt),
  );
  return times.length > 0 ? Math.min(...times) : undefined;
}
