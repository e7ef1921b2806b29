/** Puts the routes' examples into the API's description: at each parameter and body, and whole, as a shell command. */
import type { RouteOptions } from 'fastify';
import type { Example } from '../door/guard.ts';

interface Operation {
  parameters?: { name: string; in: string; example?: unknown }[];
  requestBody?: { content?: Record<string, { example?: unknown; examples?: Record<string, { value: object }> }> };
}

interface Described {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>> | undefined;
}

export interface Examples {
  note(route: RouteOptions): void;
  /** Changes the document. */
  describe(document: Described): void;
}

export function collectExamples(): Examples {
  const examples = new Map<string, Example>();
  return {
    note({ method, url, config }) {
      if (config?.example === undefined) return;
      for (const one of [method].flat()) examples.set(`${one} ${url.replaceAll(/:(\w+)/g, '{$1}')}`, config.example);
    },
    describe({ paths = {} }) {
      for (const [path, methods = {}] of Object.entries(paths)) {
        for (const [method, operation] of Object.entries(methods)) {
          const name = method.toUpperCase();
          const isPlain = /^(GET|DELETE)$/.test(name) && !/\{/.test(path);
          const example = examples.get(`${name} ${path}`) ?? (isPlain ? {} : undefined);
          if (example) put(operation as Operation, example, name, path);
        }
      }
    },
  };
}

function put(
  operation: Operation,
  { params = {}, query = {}, body, bodies, file }: Example,
  method: string,
  path: string,
): void {
  for (const parameter of operation.parameters ?? []) {
    const value = (parameter.in === 'path' ? params : query)[parameter.name];
    if (value !== undefined) parameter.example = value;
  }
  const content = operation.requestBody?.content?.['application/json'];
  if (content && body) content.example = body;
  if (content && bodies) {
    content.examples = Object.fromEntries(Object.entries(bodies).map(([name, value]) => [name, { value }]));
  }
  const samples = bodies
    ? Object.entries(bodies).map(([name, one]) => ({ label: `curl: ${name}`, source: curl(one) }))
    : [{ label: 'curl', source: curl(body) }];
  Object.assign(operation, { 'x-codeSamples': samples.map((sample) => ({ lang: 'Shell', ...sample })) });

  function curl(body: object | undefined): string {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const asked = new URLSearchParams(query).toString();
    return [
      `curl -H "Authorization: Bearer $PAYESH_TOKEN"`,
      ...(method === 'GET' ? [] : [`-X ${method}`]),
      ...(file
        ? [
            `-H 'Content-Type: ${file.endsWith('.json') ? 'application/json' : 'application/octet-stream'}' --data-binary @${file}`,
          ]
        : []),
      ...(body ? [`-H 'Content-Type: application/json' -d '${JSON.stringify(body).replaceAll("'", `'\\''`)}'`] : []),
      `"$PAYESH_URL${filled}${asked && `?${asked}`}"`,
    ].join(' ');
  }
}
