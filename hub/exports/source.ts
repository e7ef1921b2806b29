/** What exports read of the hub, and where they may write. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { KpiDefinition } from '../kpi/kpi.ts';
import type { KnownTag } from '../ledger/ledger.ts';
import type { Language } from '../plant/local-time.ts';
import type { Plant } from '../plant/plant.ts';
import type { RolledRequest, RolledValue } from '../rollup/values/rolled-values.ts';
import type { ParquetColumn, ParquetRow } from '../store/duckdb/parquet.ts';
import type { TelemetryReader } from '../store/store.ts';
import type { ExportRequest } from './request.ts';

export interface FigureSource {
  plants(): readonly Plant[];
  definitions(): readonly KpiDefinition[];
  /** Whole buckets from what is stored. */
  rolled(request: RolledRequest): readonly RolledValue[];
  readonly reader: TelemetryReader;
  tags(): readonly KnownTag[];
  readonly clock: { now(): TimeUs };
  /** Makes a Parquet file; every row has a cell for every column. */
  writeParquet(
    file: string,
    columns: readonly ParquetColumn[],
    pages: AsyncIterable<readonly ParquetRow[]>,
    signal: AbortSignal,
  ): Promise<void>;
}

export interface ExportSource extends FigureSource {
  /** Values of issued months, as they were issued. @throws {RangeError} of weeks, which no report tells */
  official(request: RolledRequest): readonly RolledValue[];
  /** The file of the newest official report; undefined where none is issued. */
  issuedWorkbook(site: string, month: string, language: Language): string | undefined;
}

/** A file of an export, as its job lists it. */
export interface ExportedFile {
  readonly name: string;
  readonly bytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
  /** Of data, without a header; null where it makes no sense. */
  readonly rows: number | null;
}

export interface ExportTask {
  readonly request: ExportRequest;
  readonly plant: Plant;
  /** Empty, and the task's own. */
  readonly dir: string;
  /** The name of who asked. */
  readonly who: string;
  readonly signal: AbortSignal;
  /** @param share 0 to 1 */
  progress(share: number, step: string): void;
}
