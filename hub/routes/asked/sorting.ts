/**
 * The order of rows: fields with a direction, and after them always the rows' own key, so that no two are alike and a
 * page begins where the last one ended. What is not known comes last, whichever the direction.
 */
import { z } from 'zod';
import type { RowKey } from './cursor.ts';

export interface SortField {
  readonly name: string;
  readonly descending: boolean;
}

export type Sort = readonly SortField[];

/** `-value,start` */
export const sortParameter = (fields: readonly string[]) =>
  z
    .string()
    .max(200)
    .transform((text, context): Sort => {
      const sort = text.split(',').map((item) => {
        const name = item.trim().replace(/^-/, '');
        return { name, descending: item.trim().startsWith('-') };
      });
      const strange = sort.find(({ name }) => !fields.includes(name));
      if (!strange) return sort;
      const message = `there is no "${strange.name}" to sort by; say some of ${fields.join(', ')}, each with - before it for descending`;
      const fa = `مرتب‌سازی بر پایهٔ «${strange.name}» ممکن نیست؛ از ${fields.join('، ')} انتخاب کنید و برای نزولی پیش از آن - بگذارید`;
      context.addIssue({ code: 'custom', message, params: { fa } });
      return z.NEVER;
    })
    .meta({ description: `some of ${fields.join(', ')}, separated by commas; - before one is descending` });

export const textOf = (sort: Sort): string =>
  sort.map(({ name, descending }) => `${descending ? '-' : ''}${name}`).join(',');

export type FieldOf<Row> = (row: Row, field: string) => string | number | null;

/** What a row is sorted by. */
export const keyOf = <Row>(row: Row, sort: Sort, of: FieldOf<Row>): RowKey => sort.map(({ name }) => of(row, name));

/** Of two keys of one sort. */
export function compareKeys(a: RowKey, b: RowKey, sort: Sort): number {
  for (const [index, { descending }] of sort.entries()) {
    const [one, other] = [a[index] ?? null, b[index] ?? null];
    if (one === other) continue;
    if (one === null) return 1;
    if (other === null) return -1;
    return one < other === descending ? 1 : -1;
  }
  return 0;
}
