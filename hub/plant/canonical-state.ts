/**
 * The canonical states of a unit (kpi.md §1.4) and how raw values become them. Raw states are what is stored;
 * this mapping is data of the plant, because the same number means another state on another machine.
 */
import { z } from 'zod';
import type { SampleValue } from '../../protocols/sample.ts';

export const canonicalStates = [
  'RUN',
  'SETUP',
  'TRANSIENT',
  'BLOCKED',
  'STARVED',
  'HELD',
  'FAULT',
  'IDLE',
  'POWER_CURTAIL',
  'MAINT_PLANNED',
  'MAINT_CORRECTIVE',
  'OFF',
  'UNKNOWN',
] as const;
export type CanonicalState = (typeof canonicalStates)[number];

const canonical = z.enum(canonicalStates);
const leaf = z.string().regex(/^[a-z0-9_-]+(\/[a-z0-9_-]+)*$/, 'must be lower-case words joined by /');
const integerKey = z.string().regex(/^-?\d+$/, 'must be an integer');

const enumMapSchema = z.strictObject({
  kind: z.literal('enum'),
  /** Name of the state tag below the unit. */
  tag: leaf.default('state'),
  states: z.record(integerKey, canonical),
  otherwise: canonical.default('UNKNOWN'),
  /** Name of the mode tag below the unit; read only where `modes` says something. */
  modeTag: leaf.default('mode'),
  /** Modes that decide instead of the state. MAINT is corrective while the state is a FAULT, planned otherwise. */
  modes: z.record(integerKey, z.enum(['SETUP', 'MAINT'])).default({}),
});

const bitsMapSchema = z.strictObject({
  kind: z.literal('bits'),
  /** Name of the status word below the unit. */
  tag: leaf.default('status'),
  /** The first of these bits that is set decides. */
  bits: z.array(z.strictObject({ bit: z.int().min(0).max(31), state: canonical })).min(1),
  otherwise: canonical.default('UNKNOWN'),
});

export const stateMapSchema = z.discriminatedUnion('kind', [enumMapSchema, bitsMapSchema]);
export type StateMap = Readonly<z.infer<typeof stateMapSchema>>;

/** Whether the mode tag has a say; only then does its being unknown make the state unknown. */
export const needsMode = (map: StateMap): map is Extract<StateMap, { kind: 'enum' }> =>
  map.kind === 'enum' && Object.keys(map.modes).length > 0;

/** A value that is no integer, or that the map does not name, is `otherwise`. */
export function canonicalState(map: StateMap, state: SampleValue, mode: SampleValue): CanonicalState {
  if (map.kind === 'bits') {
    if (typeof state !== 'number') return map.otherwise;
    return map.bits.find(({ bit }) => (state >>> bit) & 1)?.state ?? map.otherwise;
  }
  const byState = map.states[String(state)] ?? map.otherwise;
  const byMode = mode === null ? undefined : map.modes[String(mode)];
  if (byMode === undefined) return byState;
  if (byMode === 'SETUP') return 'SETUP';
  return byState === 'FAULT' ? 'MAINT_CORRECTIVE' : 'MAINT_PLANNED';
}
