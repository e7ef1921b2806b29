/**
 * How much may be asked of a server at a time: what it announces (OPC 10000-5 6.3.11 OperationLimits), what is known of
 * its kind, and what the operator says, whichever is least. Pure.
 */
import type { OpcuaConfig } from './config.ts';
import type { OpcuaSession, OperationLimits } from './session.ts';

export type { OperationLimits };

interface Profile {
  /** What it is called where a server tells its product. */
  readonly product: RegExp;
  /** Most that it bears of any operation, whatever it announces. */
  readonly perCall: number;
  /** Whether it knows DataChangeFilter: deadbands and triggers are ours to do where it does not. */
  readonly filters: boolean;
}

const profiles: Record<Exclude<OpcuaConfig['profile'], 'auto'>, Profile> = {
  's7-1200': { product: /s7-?1200/i, perCall: 100, filters: false },
  's7-1500': { product: /s7-?1500/i, perCall: 500, filters: true },
  kepware: { product: /kepware|kepserver/i, perCall: 1000, filters: true },
  prosys: { product: /prosys/i, perCall: 800, filters: true },
};

/** Where nobody says anything. */
const perCallByDefault = 1000;

export interface Allowance extends OperationLimits {
  readonly filters: boolean;
  /** The profile that was taken; undefined where the server is of no kind that we know. */
  readonly profile: string | undefined;
}

/** All numbers are 1 at least. */
export function allowanceOf(
  announced: OperationLimits,
  product: Pick<OpcuaSession['product'], 'productUri' | 'productName'>,
  config: Pick<OpcuaConfig, 'limits' | 'profile'>,
): Allowance {
  const name =
    config.profile === 'auto'
      ? Object.entries(profiles).find(([, profile]) =>
          profile.product.test(`${product.productUri} ${product.productName}`),
        )?.[0]
      : config.profile;
  const profile = name === undefined ? undefined : profiles[name as keyof typeof profiles];
  const least = (...limits: number[]): number =>
    Math.min(...limits.filter((limit) => limit > 0), profile?.perCall ?? perCallByDefault);
  const { limits } = config;
  return {
    nodesPerRead: least(announced.nodesPerRead, limits.nodesPerRead),
    monitoredItemsPerCall: least(announced.monitoredItemsPerCall, limits.monitoredItemsPerCall),
    nodesPerBrowse: least(announced.nodesPerBrowse, limits.nodesPerBrowse),
    nodesPerTranslate: least(announced.nodesPerTranslate, limits.nodesPerBrowse),
    nodesPerHistoryRead: least(announced.nodesPerHistoryRead, limits.nodesPerHistoryRead),
    filters: profile?.filters ?? true,
    profile: name,
  };
}
