/** The InfluxDB store against a real InfluxDB 1.6.7: the contract, refusals, retention and the v2 write path. */
import { join } from 'node:path';
import t from 'tap';
import { connectInfluxStore } from '../../hub/store/influx/influx-store.ts';
import { storeContract } from '../contract/store.ts';
import { startInfluxd } from '../support/influxd.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };
const dir = t.testdir();
let influxd = await startInfluxd({ dir: join(dir, 'influxd') });
t.teardown(() => influxd.stop());
let databases = 0;
storeContract(t, 'InfluxDB', async (t) => {
  const options = { api: 'v1', url: influxd.url, database: `plant ${++databases} "quoted"`, log } as const;
  const connect = async () => {
    const store = await connectInfluxStore(options);
    t.teardown(() => store[Symbol.asyncDispose]());
    return store;
  };
  const again = async () => {
    influxd = await startInfluxd({ dir: join(dir, 'influxd'), port: influxd.port });
  };
  return {
    store: await connect(),
    restart: async () => {
      await influxd.stop('SIGKILL');
      await again();
      return connect();
    },
    takeAway: async () => {
      await influxd.stop('SIGKILL');
      return again;
    },
  };
});
