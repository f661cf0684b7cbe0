/* Letting go of a set. */
#include <stdlib.h>

#include "server/toolfile/toolfile_private.h"

static void free_named(gh_named_template *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].name);
        gh_template_free(list[i].value);
    }
    free(list);
}

static void free_upstream(gh_upstream *upstream)
{
    gh_credential *credential = &upstream->credential;
    free(upstream->name);
    free(upstream->url);
    free(upstream->ca_file);
    free(credential->audience);
    free(credential->resource);
    free(credential->scope);
    free(credential->client_id);
    gh_secret_free(credential->secret);
    free(credential->token_endpoint);
    free(credential->header);
    free(credential->prefix);
    free_named(upstream->headers, upstream->header_count);
}

static void free_request(gh_api_request *request)
{
    gh_template_free(request->path);
    free_named(request->query, request->query_count);
    free_named(request->headers, request->header_count);
    free(request->body_type);
    gh_json_template_free(request->body_json);
    free_named(request->body_form, request->body_form_count);
    gh_template_free(request->body_text);
}

static void free_response(gh_api_response *response)
{
    free(response->pointer);
    free(response->wrap);
    for (size_t i = 0; i < response->error_count; i++) {
        gh_template_free(response->errors[i].text);
    }
    free(response->errors);
}

static void free_entry(gh_entry *entry)
{
    char *const texts[] = {entry->name,          entry->title,       entry->description, entry->icons,
                           entry->meta,          entry->annotations, entry->scopes,      entry->input_schema,
                           entry->output_schema, entry->uri,         entry->mime_type,   entry->arguments,
                           entry->text,          entry->path,        entry->folder};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    free_request(&entry->request);
    free_response(&entry->response);
    for (size_t i = 0; i < entry->message_count; i++) {
        gh_template_free(entry->messages[i].text);
        gh_json_template_free(entry->messages[i].content);
    }
    free(entry->messages);
}

void gh_toolset_clear(gh_toolset_kept *kept)
{
    gh_toolset *set = &kept->set;
    for (size_t i = 0; i < set->entry_count; i++) {
        free_entry(&set->entries[i]);
    }
    free(set->entries);
    for (size_t i = 0; i < set->upstream_count; i++) {
        free_upstream(&set->upstreams[i]);
    }
    free(set->upstreams);
    for (size_t i = 0; i < set->scope_rule_count; i++) {
        free(set->scope_rules[i].scope);
        free(set->scope_rules[i].implied);
    }
    free(set->scope_rules);
    for (size_t i = 0; i < kept->label_count; i++) {
        free(kept->labels[i]);
    }
    free(kept->labels);
    free(kept);
}
