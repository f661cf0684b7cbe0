// What the Compose specification says of the attributes that the compose files here use, as a JSON schema; it
// knows no others.
const strings = { type: 'array', items: { type: 'string' }, minItems: 1, uniqueItems: true };
const duration = { type: 'string', pattern: '^(\\d+h)?(\\d+m)?(\\d+s)?$', minLength: 2 };
const nothingOr = (properties = {}) => ({ type: ['object', 'null'], additionalProperties: false, properties });
const mapOf = (items) => ({ type: 'object', minProperties: 1, propertyNames: { pattern: '^[a-zA-Z0-9._-]+$' }, additionalProperties: items });

const service = {
  type: 'object',
  additionalProperties: false,
  properties: {
    image: { type: 'string', pattern: '^[a-z0-9./_-]+(:[\\w.${}:-]+)?$' },
    build: { type: 'string' },
    command: { anyOf: [{ type: 'string' }, strings] },
    environment: { type: 'object', propertyNames: { pattern: '^[A-Z][A-Z0-9_]*$' }, additionalProperties: { type: 'string' } },
    ports: { type: 'array', uniqueItems: true, items: { type: 'string', pattern: '^([0-9.]+:)?(\\d+|\\$\\{\\w+(:-\\d+)?\\}):\\d+(/(tcp|udp))?$' } },
    volumes: { ...strings, items: { type: 'string', pattern: '^[^:]+:/[^:]+(:ro|:rw)?$' } },
    depends_on: mapOf({ type: 'object', required: ['condition'], additionalProperties: false, properties: { condition: { enum: ['service_started', 'service_healthy', 'service_completed_successfully'] } } }),
    healthcheck: {
      type: 'object',
      required: ['test'],
      additionalProperties: false,
      properties: { test: { ...strings, items: [{ enum: ['CMD', 'CMD-SHELL'] }, { type: 'string' }], uniqueItems: false, minItems: 2 }, interval: duration, timeout: duration, start_period: duration, retries: { type: 'integer', minimum: 1 } },
    },
    restart: { enum: ['no', 'always', 'on-failure', 'unless-stopped'] },
    stop_grace_period: duration,
    shm_size: { type: 'string', pattern: '^\\d+(b|k|m|g|kb|mb|gb)$' },
    network_mode: { enum: ['bridge', 'host', 'none'] },
    read_only: { type: 'boolean' },
    cap_drop: strings,
    cap_add: strings,
    security_opt: strings,
  },
};

export const composeSchema = {
  type: 'object',
  required: ['services'],
  additionalProperties: false,
  patternProperties: { '^x-': {} },
  properties: {
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' },
    include: strings,
    services: mapOf(service),
    volumes: mapOf(nothingOr()),
    networks: mapOf(nothingOr({ ipam: { type: 'object', additionalProperties: false, properties: { config: { type: 'array', items: { type: 'object', additionalProperties: false, properties: { subnet: { type: 'string', pattern: '^[0-9a-f.:]+/\\d+$' } } } } } } })),
  },
};
