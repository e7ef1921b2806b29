/** What people say of the scenario's days. */
import type { VirtualHub } from '../support/virtual-hub.ts';
import type { Stretch } from './ranges.ts';
import type { Recording } from './recording.ts';
import { explained, hourUs, startUs } from './scenario.ts';
import { attended, inspected, inspectedBetween, operated, setters, workedBetween } from './true-people.ts';

const shiftUs = 8 * hourUs;

/** At the end: why a machine stood, and for each whole shift what was inspected and who was there. */
export async function sayWhatPeopleKnow(hub: VirtualHub, truth: Recording, endUs: number): Promise<void> {
  const iso = (time: number) => new Date(time / 1000).toISOString();
  const enter = async (kind: string, asset: string, [from, to]: Stretch, says: object) => {
    const body = JSON.stringify({ kind, asset, from: iso(from), to: iso(to), ...says });
    const headers = { 'content-type': 'application/json' };
    await hub.fetch('/api/v1/entries', { method: 'POST', headers, body });
  };
  const { unit, from, to } = explained;
  await enter('downtime', unit, [from, to], { reason: 'material' });
  for (let begin = startUs; begin + shiftUs <= endUs; begin += shiftUs) {
    const shift: Stretch = [begin, begin + shiftUs];
    await enter('inspection', inspected, shift, inspectedBetween(truth, shift));
    await enter('attendance', operated, shift, { people: 1, worked_h: workedBetween(truth, shift) });
    await enter('attendance', attended, shift, { people: setters.people, worked_h: setters.workedHOfShift });
  }
}
