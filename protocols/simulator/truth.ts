/**
 * The truth log: what really happened in the demo factory, one JSON object per line, for whoever checks what the agents
 * and the hub made of it. Times `t` are µs UTC of the factory's clock; lines are in order of time.
 *
 *   line 1  {"type":"header","format":1,"seed":7,"startUs":…,"curtailments":[{"startUs":…,"endUs":…}],
 *            "units":[{"plant":"sahand/machining-plant","unit":"machining/line-1/cnc-1","plannedRunTimeS":24},…]}
 *           `curtailments` are those besides 12:00 to 12:30 of every day.
 *   then the state of everything at `startUs`, and from there on every event, as `factory-record.ts` describes them:
 *   {"type":"state","t":…,"plant":…,"unit":…,"state":raw,"mode":raw (CNC only),"canonical":"RUN"}   until the unit's next
 *   {"type":"piece","t":…,"plant":…,"unit":…,"good":true}
 *   {"type":"energy","t":…,"plant":…,"meter":"energy/main","kwh":…,"kvarh":…,"kw":…}   every whole second; kwh and
 *            kvarh since `startUs`, kw constant until the next second, so kwh between two lines is linear
 *   {"type":"gas","t":…,"plant":…,"meter":"energy/gas","m3":…}               every whole second; likewise
 *   {"type":"curtailment","t":…,"plant":…,"active":true,"limitKw":25}
 *   {"type":"calendar","t":…,"plant":…,"shift":"morning","plannedStop":"break"|"cleaning"|null}
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Factory } from './factory.ts';

export interface Truth {
  /** Writes what is left and closes the file. */
  close(): void;
}

const flushMs = 1000;
/** A long history that is caught up at once does not wait in memory. */
const flushChars = 64 * 1024;

/** Begins a new file. Open it before the factory advances, or the beginning is missing. */
export function openTruth(path: string, factory: Factory): Truth {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  let pending = '';
  const flush = (): void => {
    if (pending) writeSync(file, pending);
    pending = '';
  };
  const write = (line: object): void => {
    pending += `${JSON.stringify(line)}\n`;
    if (pending.length >= flushChars) flush();
  };
  const { seed, startUs, extraCurtailments: curtailments, units } = factory;
  write({ type: 'header', format: 1, seed, startUs, curtailments, units });
  for (const event of factory.latest()) write(event);
  flush();
  const stopListening = factory.listen({ happened: write });
  const timer = setInterval(flush, flushMs);
  return {
    close() {
      stopListening();
      clearInterval(timer);
      flush();
      closeSync(file);
    },
  };
}
