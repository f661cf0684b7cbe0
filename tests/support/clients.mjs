// The official SDK's clients, 1.x and 2.x in both eras, behind one set of functions.
import { Client as NewClient, StreamableHTTPClientTransport as NewHttp } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewStdio } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, LoggingMessageNotificationSchema,
  PromptListChangedNotificationSchema, ResourceListChangedNotificationSchema, ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

const schemas = {
  'elicitation/create': ElicitRequestSchema,
  'sampling/createMessage': CreateMessageRequestSchema,
  'roots/list': ListRootsRequestSchema,
  'notifications/message': LoggingMessageNotificationSchema,
  'notifications/tools/list_changed': ToolListChangedNotificationSchema,
  'notifications/prompts/list_changed': PromptListChangedNotificationSchema,
  'notifications/resources/list_changed': ResourceListChangedNotificationSchema,
  'notifications/resources/updated': ResourceUpdatedNotificationSchema,
};
const notifications = Object.keys(schemas).filter((method) => method.startsWith('notifications/'));

export const kinds = {
  'SDK 1.x': { old: true },
  'SDK 2.x, sessions': {},
  'SDK 2.x, 2026-07-28': { modern: true, options: { versionNegotiation: { mode: { pin: '2026-07-28' } } } },
};

// What a person, a model and a client answer, by method.
export const answers = {
  'elicitation/create': ({ params }) => {
    if (params.mode === 'url') return { action: 'accept' };
    const names = Object.keys(params.requestedSchema.properties);
    const values = { name: 'Ada', color: 'blue', username: 'ada', email: 'ada@example.com', ok: true, confirm: true, context: 'a test', age: 36, score: 99.5, status: 'active', verified: false };
    return { action: 'accept', content: Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]])) };
  },
  'sampling/createMessage': () => ({ role: 'assistant', model: 'test', content: { type: 'text', text: 'Paris.' } }),
  'roots/list': () => ({ roots: [{ uri: 'file:///project', name: 'Project' }] }),
};

// -> { client, modern, heard, asked, call(name, args, options), close() }. `heard`: notifications as they came.
// `to`: { url, token } or { command, args, env }, the way to the server.
export async function openClient(kind, to, { capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} } } = {}) {
  const { old, modern, options } = kinds[kind];
  const client = new (old ? Client : NewClient)({ name: 'features', version: '1' }, { capabilities, ...options });
  const heard = [];
  const asked = [];
  for (const method of notifications) client.setNotificationHandler(old ? schemas[method] : method, (message) => { heard.push(message); });
  for (const [method, needs] of [['elicitation/create', 'elicitation'], ['sampling/createMessage', 'sampling'], ['roots/list', 'roots']]) {
    if (capabilities[needs]) client.setRequestHandler(old ? schemas[method] : method, (message) => { asked.push(message); return answers[method](message); });
  }
  let transport;
  if (to.url) transport = new (old ? StreamableHTTPClientTransport : NewHttp)(new URL(to.url), to.token ? { requestInit: { headers: { Authorization: `Bearer ${to.token}` } } } : {});
  else transport = new (old ? StdioClientTransport : NewStdio)({ ...to, stderr: 'ignore' });
  await client.connect(transport);
  return {
    client,
    modern: Boolean(modern),
    heard,
    asked,
    transport,
    call: (name, args = {}, more, meta) => client.callTool({ name, arguments: args, ...(meta && { _meta: meta }) }, ...(old ? [undefined, more] : [more])),
    methods: () => heard.map((message) => message.method),
    close: () => client.close(),
  };
}
