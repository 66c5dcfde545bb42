import type { ErrorEntry } from './table.js';

/** Refusals of the HTTP API (`src/server`). */
export const serverErrors = {
  key_missing: {
    status: 401,
    exit: 2,
    message: 'this call needs an API key',
    hint: 'send the header `Authorization: Bearer KEY`; `muster start` prints the keys',
  },
  key_unknown: {
    status: 401,
    exit: 2,
    message: 'the API key is not known here',
    hint: 'check that the whole key was copied; keys look like mk_secret_WORKSPACE_...',
  },
  key_not_allowed: {
    status: 403,
    exit: 2,
    message: 'a write key can only send data',
    hint: 'use the secret key, and only from a server; the write key is for SDKs',
  },
  no_such_route: {
    status: 404,
    exit: 2,
    message: 'there is no `{method} {route}`',
    hint: 'GET /openapi.json lists every call',
  },
  bad_request: {
    status: 400,
    exit: 2,
    message: 'the request cannot be read: {reason}',
    hint: 'check the address, the headers and the length of the body',
  },
  body_not_json: {
    status: 400,
    exit: 2,
    message: 'the body is not valid JSON: {reason}',
    hint: 'send one JSON object in UTF-8',
  },
  body_duplicate_key: {
    status: 400,
    exit: 2,
    message: 'the body has the key `{key}` twice in one object, the second time at {position}',
    hint: 'keep one; only the last would count, and what the first says would be lost',
  },
  body_wrong_type: {
    status: 415,
    exit: 2,
    message: 'a body of type `{type}` is not understood here',
    hint: 'send the header `Content-Type: application/json`',
  },
  body_too_large: {
    status: 413,
    exit: 2,
    message: 'the body is larger than {limit} bytes',
    hint: 'send less at once; `muster import FILE` takes files of any size',
  },
  body_unknown_key: {
    status: 400,
    exit: 2,
    message: 'the key `{key}` is not part of this call',
    hint: 'remove it; GET /openapi.json describes every call',
  },
  body_missing_key: {
    status: 400,
    exit: 2,
    message: 'the key `{key}` is missing',
    hint: 'this call needs it; GET /openapi.json describes every call',
  },
  body_invalid: {
    status: 400,
    exit: 2,
    message: '{where} {reason}',
    hint: 'GET /openapi.json describes every call',
  },
  key_differs: {
    status: 400,
    exit: 2,
    message: 'the document has the key `{key}`, the address has `{address}`',
    hint: 'send one key in both; a series cannot be renamed',
  },
  not_ready: {
    status: 503,
    exit: 3,
    message: 'not ready: {reason}',
    hint: 'try again in a moment; GET /readyz says when',
  },
  database_lost: {
    status: 503,
    exit: 3,
    message: 'the database cannot be reached just now',
    hint: 'nothing was written; try again in a moment',
  },
  internal_error: {
    status: 500,
    exit: 3,
    message: 'something went wrong on this side, in request `{request}`',
    hint: 'the server log has the cause under that request id',
  },
} as const satisfies Record<string, ErrorEntry>;
