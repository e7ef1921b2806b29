/** Notified limits and demand-response events of the plants in one list: what kept a site from drawing what it wanted. */
import type { CurtailmentEvent, PowerLimit } from './energy-model.ts';
import type { Plant } from './plant.ts';

export type Curtailment = { readonly plant: Plant } & (
  | { readonly kind: 'cap'; readonly limit: PowerLimit }
  | { readonly kind: 'event'; readonly event: CurtailmentEvent }
);

export const curtailmentsOf = (plants: readonly Plant[]): Curtailment[] =>
  plants.flatMap((plant) => [
    ...plant.limits.map((limit): Curtailment => ({ plant, kind: 'cap', limit })),
    ...plant.events.map((event): Curtailment => ({ plant, kind: 'event', event })),
  ]);

/** What both kinds have: when they hold, and at which meter. */
export const spanOf = (one: Curtailment) => (one.kind === 'cap' ? one.limit : one.event);

/** Known by its site, kind and code. */
export const keyOf = (one: Curtailment): string => `${one.plant.path} ${one.kind} ${spanOf(one).code}`;
