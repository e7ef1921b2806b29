/** What a schema allows at a place, looked up in its JSON Schema: for hints, and for columns of a table. */
import { z } from 'zod';
import type { Path } from './yaml-document.ts';

export interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  additionalProperties?: JsonSchema | boolean;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  const?: unknown;
  enum?: unknown[];
  [key: string]: unknown;
}

/** Of what one writes, before defaults and transformations. */
export const jsonSchemaOf = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

/** Everything that may stand at `path`; empty where nothing may. */
export function schemasAt(schema: JsonSchema, path: Path): JsonSchema[] {
  let level = alternatives(schema);
  for (const step of path) level = level.flatMap((node) => below(node, step)).flatMap(alternatives);
  return level;
}

export const keysAt = (schema: JsonSchema, path: Path): string[] => [
  ...new Set(schemasAt(schema, path).flatMap((node) => Object.keys(node.properties ?? {}))),
];

const alternatives = (node: JsonSchema): JsonSchema[] => [
  node,
  ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap(alternatives),
];

function below(node: JsonSchema, step: PropertyKey): JsonSchema[] {
  const inList = typeof step === 'number' ? (node.prefixItems?.[step] ?? node.items) : undefined;
  const key = String(step);
  const named = node.properties && Object.hasOwn(node.properties, key) ? node.properties[key] : undefined;
  const found = inList ?? named ?? node.additionalProperties;
  return typeof found === 'object' ? [found] : [];
}
