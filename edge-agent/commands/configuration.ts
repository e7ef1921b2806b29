/** agent.yaml of a running agent: loaded, loaded again when it or one of its tables changes, and each version kept. */
import { dirname, resolve } from 'node:path';
import { type AgentFile, loadAgentFile } from '../../config/agent-file.ts';
import { watchFiles } from '../../config/watch.ts';
import type { Configuration } from '../acquire/reload.ts';
import { type AgentConfig, agentSchema } from '../config/schema.ts';
import { openConfigVersions } from '../config/versions.ts';

/** @throws {ConfigError} */
export function openConfiguration(file: string): { config: AgentConfig; configuration: Configuration } {
  let isEarly = false;
  let changed = () => {
    isEarly = true;
  };
  const hangUp = () => changed();
  process.on('SIGHUP', hangUp);
  const watch = watchFiles(() => changed());
  // Before it is read, so that no change is missed while the agent starts.
  watch.set([file], true);
  const load = (): AgentFile<AgentConfig> => loadAgentFile(file, process.env, agentSchema);
  let loaded = load();
  const follow = (settled: boolean) => {
    const tables = loaded.files.map(({ name }) => resolve(dirname(file), name));
    watch.set([file, ...tables], settled);
  };
  follow(true);
  // Where it lies is one of the things that cannot change while the agent runs.
  const versions = openConfigVersions(loaded.config.dataDir);
  return {
    config: loaded.config,
    configuration: {
      file,
      load() {
        loaded = load();
        return loaded.config;
      },
      keep: (now) => versions.keep(loaded, now),
      watch(onChange, signal) {
        changed = () =>
          void onChange().then(
            () => follow(true),
            () => follow(false),
          );
        if (isEarly) changed();
        const end = () => {
          process.off('SIGHUP', hangUp);
          watch[Symbol.dispose]();
        };
        if (signal.aborted) end();
        else signal.addEventListener('abort', end);
      },
    },
  };
}
