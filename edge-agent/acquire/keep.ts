/** What is given up last when a buffer is full: where the configuration does not say, the role of a tag decides. */
import type { ManifestTag } from '../../protocols/manifest.ts';
import type { Keep } from '../buffer/buffer.ts';

/** Values that pass: one more or less changes no sum. Of counters, states and registers each tells what the next is worth. */
const passing: readonly ManifestTag['role'][] = ['process', 'p_kw', 'q_kvar', 'power_factor'];

export const keepOf = ({ keep, role }: { keep?: Keep | undefined; role: ManifestTag['role'] }): Keep =>
  keep ?? (passing.includes(role) ? 'normal' : 'critical');
