/** The agency package of a site and month: workbook, tidy tables, how to check them, a manifest with their hashes, its signature. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type AsyncZippable, zip } from 'fflate';
import { formatTime } from '../plant/time-text.ts';
import { fileSafe } from './file-names.ts';
import { manifestName, type PackageManifest, signatureName, signerName } from './manifest.ts';
import { packageReadme, packageReadmeName } from './package-readme.ts';
import type { SigningKey } from './signing-key.ts';
import type { ExportedFile, ExportSource, ExportTask } from './source.ts';
import { exportTable } from './table.ts';
import type { ReportVersions } from './versions.ts';
import { exportWorkbook } from './workbook/workbook.ts';
import { writeFile } from './write-file.ts';

/** Of the tables: what is compared and what is added up. */
const granularities = ['day', 'month'] as const;

const zipped = promisify<AsyncZippable, Uint8Array>((files, done) => void zip(files, { level: 6 }, done));

export async function exportPackage(
  source: ExportSource,
  versions: ReportVersions,
  key: SigningKey,
  task: ExportTask,
): Promise<ExportedFile[]> {
  const { request, plant, dir, who, progress, signal } = task;
  const steps = granularities.length + 1;
  const part = (index: number, changed: Partial<ExportTask['request']>): ExportTask => ({
    ...task,
    request: { ...request, ...changed },
    progress: (share, step) => progress((index + share) / steps, step),
  });
  const told = request.official ? { ...source, rolled: source.official } : source;
  const files = await exportWorkbook(source, versions, part(0, { template: 'workbook', format: 'xlsx' }));
  for (const [index, granularity] of granularities.entries()) {
    files.push(...(await exportTable(told, part(index + 1, { template: 'kpi', format: 'csv', granularity }))));
  }
  files.push({ ...(await writeFile(dir, packageReadmeName, [packageReadme])), rows: null });
  const manifest: PackageManifest = {
    format: 'payesh-package-1',
    site: plant.path,
    period: request.month!,
    status: request.official ? 'official' : 'provisional',
    created_at: formatTime(source.clock.now()),
    plant_version: plant.version,
    definition_versions: Object.fromEntries(source.definitions().map(({ id, version }) => [id, version])),
    files: files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    signer: { name: who, algorithm: 'Ed25519', fingerprint: key.fingerprint },
  };
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const contents: AsyncZippable = {
    [manifestName]: text,
    [signatureName]: Buffer.from(`${key.sign(text).toString('base64')}\n`),
    [signerName]: Buffer.from(key.publicKey),
  };
  for (const { name } of files) contents[name] = await readFile(join(dir, name));
  signal.throwIfAborted();
  const archive = await zipped(contents);
  for (const { name } of files) await rm(join(dir, name));
  const name = `package_${fileSafe(plant.path)}_${request.month}_${manifest.status}.zip`;
  return [{ ...(await writeFile(dir, name, [archive])), rows: null }];
}
