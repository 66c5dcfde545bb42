import { Type } from '@fastify/type-provider-typebox';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Pool } from '../../database/pool.js';
import { declareTrait } from '../../traits/catalogue/declare.js';
import { loadTraitPage } from '../../traits/catalogue/load.js';
import { declarableTypes } from '../../traits/catalogue/types.js';
import type { CataloguedTrait } from '../../traits/catalogue/types.js';
import { ErrorAnswer } from '../schemas.js';

const refusals = { 400: ErrorAnswer, 401: ErrorAnswer, 403: ErrorAnswer };
const closed = { additionalProperties: false } as const;

const Entity = Type.Union([Type.Literal('user'), Type.Literal('company')]);
const NullableText = Type.Union([Type.String(), Type.Null()]);
const Trait = Type.Unsafe<CataloguedTrait>(
  Type.Object({
    key: Type.String(),
    entity: Entity,
    types: Type.Array(Type.Object({ type: Type.String(), count: Type.Integer() }), {
      description: 'types that values had; the count is of those who have one now',
    }),
    users: Type.Integer({ description: 'people, or companies, that have the trait now' }),
    common_values: Type.Array(Type.Object({ value: Type.Unknown(), count: Type.Integer() })),
    values_exact: Type.Boolean({
      description: 'false when common_values are estimated from a sample of 10,000 people',
    }),
    declared_type: NullableText,
    mismatches: Type.Integer({ description: 'people whose value has another type than the declared one' }),
    first_seen: NullableText,
    last_seen: NullableText,
  }),
);
const Page = Type.Object({
  traits: Type.Array(Trait),
  next: Type.Union([Type.String(), Type.Null()], {
    description: 'what to ask for next as `after`; null on the last page',
  }),
});
const Which = Type.Object(
  {
    prefix: Type.Optional(
      Type.String({ description: 'what keys begin with, without regard to letter case', maxLength: 200 }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'traits in a page; default 100' }),
    ),
    after: Type.Optional(Type.String({ description: '`next` of the page before', maxLength: 2000 })),
  },
  closed,
);
const DeclareBody = Type.Object(
  {
    declared_type: Type.Union([...declarableTypes.map((type) => Type.Literal(type)), Type.Null()]),
    entity: Type.Optional(Entity),
  },
  closed,
);
const Params = Type.Object({ key: Type.String() }, closed);

/** `/api/traits`: which traits arrive, of which types, and what they should be. */
export const traitRoutes: FastifyPluginAsyncTypebox<{ pool: Pool }> = async (app, { pool }) => {
  const config = { needs: 'secret' } as const;
  const tags = ['traits'];

  app.get(
    '/api/traits',
    { config, schema: { tags, querystring: Which, response: { 200: Page, ...refusals } } },
    async ({ workspaceId, query }) => {
      const { limit = 100, ...which } = query;
      return loadTraitPage(pool, workspaceId, { ...which, limit });
    },
  );

  app.put(
    '/api/traits/:key',
    {
      config,
      schema: { tags, params: Params, body: DeclareBody, response: { 200: Trait, ...refusals } },
    },
    async ({ params, body, workspaceId }) => {
      const { declared_type: type, entity = 'user' } = body;
      return declareTrait(pool, { workspaceId, key: params.key, entity, type });
    },
  );
};
