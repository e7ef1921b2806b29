/** `/plants`: the plant models of the sites, every version of them, what their tags are bound to; checked and applied. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ConfigError, RejectedError } from '../../../protocols/errors.ts';
import { bindings } from '../../plant/bindings.ts';
import type { Checked, PlantFile } from '../../plant/book.ts';
import { mistakeWords } from '../../plant/mistake-words.ts';
import type { Plant } from '../../plant/plant.ts';
import { formatTime } from '../../plant/time-text.ts';
import type { PlantVersion } from '../../plant/versions.ts';
import { joined } from '../../words.ts';
import { principalOf, type RouteContext, viewOf } from '../asked/context.ts';
import type { View } from '../asked/view.ts';
import { everyRole, overseers } from '../door/guard.ts';
import { notFound, ProblemError } from '../door/problem.ts';

const maxContent = 900_000;

/** For the API's description: what a plant file must say at least. */
const smallestPlant = `site: example/workshop
name: { en: Workshop, fa: کارگاه }
stateMaps:
  machine: { kind: enum, states: { 1: RUN, 2: IDLE, 3: FAULT } }
shifts:
  - { code: day, name: { en: Day, fa: روز }, start: '06:00', end: '14:00' }
areas:
  - code: hall
    name: { en: Hall, fa: سالن }
    lines:
      - code: line
        name: { en: Line, fa: خط }
        units:
          - { code: press, name: { en: Press, fa: پرس }, stateMap: machine }
`;

const versionSchema = z.object({
  site: z.string(),
  version: z.int().meta({ description: 'from 1, of each site' }),
  hash: z.string().meta({ description: 'SHA-256 of the content' }),
  author: z.string().meta({ description: 'name of a token, or `file` for a file that hub.yaml names' }),
  applied_at: z.string(),
  why: z.string(),
});
const contentSchema = versionSchema.extend({ content: z.string().meta({ description: 'YAML' }) });

const wantedSchema = z.object({ path: z.string(), asset: z.string(), role: z.string() });
const bindingsSchema = z.object({
  bound: z.array(wantedSchema.extend({ agents: z.array(z.string()) })),
  missing: z.array(wantedSchema).meta({ description: 'needed by the plant, announced by no agent' }),
  misfits: z
    .array(wantedSchema.extend({ type: z.string() }))
    .meta({ description: 'announced as a type that does not fit' }),
  unbound: z.array(z.object({ path: z.string(), agent: z.string(), role: z.string(), type: z.string() })),
});

const checkedSchema = z.object({
  site: z.string(),
  changes: z.array(z.string()).meta({ description: 'in words, against the model in force' }),
  computed_anew: z
    .object({ from: z.string().nullable(), to: z.string().nullable() })
    .nullable()
    .meta({ description: 'the time whose figures may change; null is none, null ends are open' }),
});

const fileBody = z.strictObject({
  content: z.string().min(1).max(maxContent).meta({ description: 'the plant file, YAML' }),
  file: z.string().min(1).max(300).default('plant.yaml').meta({ description: 'its name, for messages' }),
});

const siteParameter = z.object({
  site: z
    .string()
    .max(300)
    .meta({ examples: ['sahand%2Fmachining-plant'] }),
});

export const plantRoutes =
  (context: RouteContext): FastifyPluginAsyncZod =>
  async (app) => {
    const { plants: book, access, ledger } = context;
    const tags = ['plants'];

    app.get(
      '/plants',
      {
        config: { access: everyRole },
        schema: { tags, summary: 'The models in force', response: { 200: z.object({ data: z.array(versionSchema) }) } },
      },
      async (request) => {
        const view = viewOf(request, context);
        const seen = book.plants().filter(({ path }) => view.sees(path));
        return { data: seen.map(({ path }) => versionJson(book.version(path)!)) };
      },
    );

    app.get(
      '/plants/:site',
      {
        config: { access: everyRole, example: { params: { site: 'sahand/machining-plant' } } },
        schema: {
          tags,
          summary: 'The model in force, or another version, as it was written',
          params: siteParameter,
          querystring: z.strictObject({ version: z.coerce.number().int().min(1).optional() }),
          response: { 200: contentSchema },
        },
      },
      async (request) => {
        const { path } = visible(request.params.site, viewOf(request, context));
        const { version } = request.query;
        const found = version === undefined ? book.version(path) : access.plants.find(path, version);
        if (!found) throw notFound({ en: `version ${version} of "${path}"`, fa: `نسخهٔ ${version} از «${path}»` });
        return { ...versionJson(found), content: found.content };
      },
    );

    app.get(
      '/plants/:site/versions',
      {
        config: { access: everyRole, example: { params: { site: 'sahand/machining-plant' } } },
        schema: {
          tags,
          summary: 'Every version of a model, the newest first',
          params: siteParameter,
          response: { 200: z.object({ data: z.array(versionSchema) }) },
        },
      },
      async (request) => {
        const { path } = visible(request.params.site, viewOf(request, context));
        return { data: access.plants.list(path).map(versionJson) };
      },
    );

    app.get(
      '/plants/:site/bindings',
      {
        config: { access: everyRole, example: { params: { site: 'sahand/machining-plant' } } },
        schema: {
          tags,
          summary: 'Which tags the model needs, and which of them are announced',
          params: siteParameter,
          response: { 200: bindingsSchema },
        },
      },
      async (request) => {
        const view = viewOf(request, context);
        return bindingsJson(visible(request.params.site, view), view);
      },
    );

    app.post(
      '/plants/check',
      {
        config: { access: everyRole, example: { body: { content: smallestPlant } } },
        schema: {
          tags,
          summary: 'What a plant file would change; nothing is applied',
          body: fileBody,
          response: { 200: checkedSchema.extend({ bindings: bindingsSchema }) },
        },
      },
      async (request) => {
        const view = viewOf(request, context);
        const checked = check(request.body, view);
        return { ...checkedJson(checked), bindings: bindingsJson(checked.plant, view) };
      },
    );

    app.post(
      '/plants',
      {
        config: {
          access: overseers,
          example: { body: { content: smallestPlant, why: 'the workshop joins the pilot' } },
        },
        schema: {
          tags,
          summary: 'Apply a plant file; the content in force again changes nothing',
          body: fileBody.extend({ why: z.string().trim().min(1).max(1000) }),
          response: {
            200: checkedSchema.extend({ version: z.int() }),
            201: checkedSchema.extend({ version: z.int() }),
          },
        },
      },
      async (request, reply) => {
        const { why, ...file } = request.body;
        const { config } = check(file, viewOf(request, context));
        const before = book.version(config.site);
        const { version, ...applied } = book.apply(file, { author: principalOf(request).name, why });
        reply.code(version === before ? 200 : 201);
        return { ...checkedJson(applied), version: version.number };
      },
    );

    function visible(site: string, view: View): Plant {
      const plant = book.plant(site);
      if (!plant || !view.sees(site)) throw notFound({ en: `a plant model of "${site}"`, fa: `مدل کارخانهٔ «${site}»` });
      return plant;
    }

    function check(file: PlantFile, view: View): Checked {
      const checked = refusing(() => book.check(file));
      if (!view.sees(checked.config.site))
        throw notFound({ en: `site "${checked.config.site}"`, fa: `کارخانهٔ «${checked.config.site}»` });
      return checked;
    }

    function bindingsJson(plant: Plant, view: View): z.infer<typeof bindingsSchema> {
      const { bound, missing, misfits, unbound } = bindings(plant, ledger.tags());
      return {
        bound: bound.map(({ tags, ...wanted }) => ({ ...wanted, agents: tags.map(({ agent }) => agent) })),
        missing: [...missing],
        misfits: [...misfits],
        unbound: unbound
          .filter(({ path }) => view.sees(path))
          .map(({ path, agent, current: { role, type } }) => ({ path, agent, role, type })),
      };
    }
  };

const versionJson = (version: PlantVersion): z.infer<typeof versionSchema> => ({
  site: version.site,
  version: version.number,
  hash: version.hash,
  author: version.author,
  applied_at: formatTime(version.appliedAt),
  why: version.why,
});

function checkedJson({ config, changes, anew }: Checked): z.infer<typeof checkedSchema> {
  const time = (at: number) => (Number.isFinite(at) ? formatTime(at) : null);
  const spans = anew === 'everything' ? [{ start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }] : anew;
  const [first, last] = [spans[0], spans.at(-1)];
  return {
    site: config.site,
    changes: [...changes],
    computed_anew: first && last ? { from: time(first.start), to: time(last.end) } : null,
  };
}

/** A mistake in the file becomes a problem that says where each of them is and what to do. */
function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RejectedError) {
      const fa = 'نشانی این سایت درون سایت دیگری است یا سایت دیگری را در بر دارد؛ نشانی جدایی به آن بدهید';
      throw new ProblemError('conflict', { en: error.message, fa });
    }
    if (!(error instanceof ConfigError)) throw error;
    const errors = [error, ...error.others].map((mistake) => ({
      field: mistake.path,
      message: mistakeWords(mistake),
    }));
    const [first] = errors;
    throw new ProblemError('refused', joined([first!.field, first!.message], ': '), { errors });
  }
}
