/**
 * What Grafana and its Infinity plugin do with a query, as both document it: variables are put in, the address is made,
 * and of the answer the root selector and the columns make fields. In Grafana's place, which there is none of on Debian.
 *
 * Sources: grafana.com/docs/grafana, "Global variables" and "Variable syntax";
 * grafana.com/docs/plugins/yesoreyeram-infinity-datasource, "Query editor", "JSON", "Time formats", "Template variables".
 */

// biome-ignore lint/suspicious/noExplicitAny: a dashboard and an answer are looked into freely
type Json = any;

export interface Dashboard {
  /** Of variables: one value each. */
  readonly variables: Readonly<Record<string, string>>;
  /** Unix ms. */
  readonly from: number;
  readonly to: number;
}

/** `$name`, `${name}`, `${name:format}` and `[[name]]`. @throws a variable or a format that there is not */
function withVariables(text: string, dashboard: Dashboard): string {
  const pattern = /\$(\w+)|\$\{(\w+)(?::([^}]+))?\}|\[\[(\w+)\]\]/g;
  return text.replaceAll(pattern, (whole, plain, braced, format, old) =>
    putIn(plain ?? braced ?? old, format, dashboard, whole),
  );
}

function putIn(name: string, format: string | undefined, { variables, from, to }: Dashboard, whole: string): string {
  const time = { __from: from, __to: to }[name];
  if (time !== undefined) {
    switch (format) {
      case undefined:
        return String(time);
      case 'date':
      case 'date:iso':
        return new Date(time).toISOString();
      case 'date:seconds':
        return String(Math.floor(time / 1000));
    }
  } else {
    const value = variables[name];
    if (value !== undefined && (format === undefined || format === 'raw' || format === 'glob')) return value;
    if (value !== undefined && format === 'percentencode') return encodeURIComponent(value);
  }
  throw new Error(`${whole} is nothing that Grafana puts in`);
}

/** The data source's address before the query's, and the parameters as Go writes them: sorted, percent-encoded. */
export function addressOf(base: string, { url, url_options }: Json, dashboard: Dashboard): string {
  if (url_options.method !== 'GET') throw new Error(`${url_options.method} needs a setting of the data source`);
  const path = withVariables(url, dashboard);
  const whole = new URL(path.startsWith(base) ? path : base + path);
  for (const { key, value } of url_options.params ?? [])
    whole.searchParams.append(key, withVariables(value, dashboard));
  whole.searchParams.sort();
  return whole.href;
}

export type Cell = number | string | boolean | Date | null;
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly values: readonly Cell[];
}

/** @throws a root that is no list, a path that no row has, a cell of another type */
export function fieldsOf(answer: Json, { root_selector, columns }: Json): Field[] {
  const rows = at(answer, root_selector);
  if (!Array.isArray(rows)) throw new Error(`"${root_selector}" is no list`);
  return columns.map(({ selector, text, type }: Json): Field => {
    const values = rows.map((row): Cell => {
      const value = at(row, selector);
      if (value === undefined) throw new Error(`"${selector}" is in no row like ${JSON.stringify(row).slice(0, 300)}`);
      return cellOf(value, type, selector);
    });
    return { name: text, type, values };
  });
}

/** A path with dots, as of GJSON. */
const at = (value: Json, path: string): Json => path.split('.').reduce((found, name) => found?.[name], value);

function cellOf(value: Json, type: string, selector: string): Cell {
  if (value === null) return null;
  if (type === 'timestamp') {
    const time = new Date(value);
    if (typeof value === 'string' && !Number.isNaN(time.getTime())) return time;
  } else if (typeof value === type && ['number', 'string', 'boolean'].includes(type)) return value;
  throw new Error(`"${selector}" is ${JSON.stringify(value)}, which is no ${type}`);
}

/** What a variable can be chosen from, the first being what a dashboard opens with. */
export function choicesOf(fields: readonly Field[]): { readonly text: string; readonly value: string }[] {
  const field = (name: string) => fields.find((one) => one.name === name)!.values.map(String);
  const [texts, values] = [field('__text'), field('__value')];
  return values.map((value, index) => ({ text: texts[index]!, value }));
}

/** One frame for each value of a field, as the transformation "Partition by values" makes them. */
export function partitioned(fields: readonly Field[], by: string): Field[][] {
  const keys = fields.find(({ name }) => name === by)!.values;
  return [...new Set(keys)].map((key) =>
    fields
      .filter(({ name }) => name !== by)
      .map((field) => ({ ...field, values: field.values.filter((_, index) => keys[index] === key) })),
  );
}
