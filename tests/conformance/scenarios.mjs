// The scenarios that must run, by name: a suite that runs none of them passes nothing.
const both = ['completion-complete', 'tools-list', 'tools-call-simple-text', 'tools-call-image', 'tools-call-audio',
  'tools-call-embedded-resource', 'tools-call-mixed-content', 'tools-call-error', 'tools-call-with-progress',
  'server-sse-multiple-streams', 'resources-list', 'resources-read-text', 'resources-read-binary', 'resources-templates-read',
  'prompts-list', 'prompts-get-simple', 'prompts-get-with-args', 'prompts-get-embedded-resource', 'prompts-get-with-image',
  'dns-rebinding-protection', 'json-schema-2020-12'];

// Required by a revision, and those beyond it that `--requirements` runs as well.
export const scenarios = {
  '2025-11-25': [...both, 'server-initialize', 'logging-set-level', 'ping', 'tools-call-with-logging', 'tools-call-sampling',
    'tools-call-elicitation', 'elicitation-sep1034-defaults', 'elicitation-sep1330-enums', 'resources-subscribe',
    'resources-unsubscribe', 'server-session-lifecycle', 'server-sse-polling'],
  '2026-07-28': [...both, 'server-stateless', 'sep-2164-resource-not-found', 'caching',
    ...['basic-elicitation', 'basic-sampling', 'basic-list-roots', 'request-state', 'multiple-input-requests', 'multi-round',
      'missing-input-response', 'non-tool-request', 'result-type', 'unsupported-methods', 'tampered-state', 'capability-check',
      'ignore-extra-params', 'validate-input'].map((name) => `input-required-result-${name}`),
    ...['lifecycle', 'capability-negotiation', 'wire-fields', 'request-state-removal', 'mrtr-input', 'request-headers',
      'dispatch-and-envelope', 'status-notifications', 'required-task-error', 'mrtr-composition'].map((name) => `tasks-${name}`),
    'http-header-validation', 'http-custom-header-server-validation'],
};

// Run once more by name, each at the versions before the newest that it applies to.
export const versions = { '2025-06-18': ['tools-list', 'tools-call-with-progress', 'tools-call-sampling', 'tools-call-elicitation',
  'tools-call-with-logging', 'resources-subscribe', 'prompts-get-with-args', 'server-session-lifecycle'] };

// The suite has a name for it and checks nothing yet.
export const empty = ['tasks-status-notifications'];

// What must have succeeded, where a server that does less gets by with a remark.
export const essential = {
  'server-sse-polling': ['server-sse-priming-event', 'server-sse-retry-field', 'server-sse-disconnect-resume'],
  'server-session-lifecycle': ['server-session-delete-accepted', 'server-session-terminated-returns-404'],
  'server-stateless': ['sep-2575-server-sends-tools-list-changed-on-subscription', 'sep-2575-server-sends-prompts-list-changed-on-subscription',
    'sep-2575-server-sends-subscription-ack', 'sep-2575-server-tags-subscription-id', 'sep-2575-server-honors-notification-filter'],
  'tools-list': ['tools-list', 'wire-schema-valid'],
};
