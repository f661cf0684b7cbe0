/* Loaded sets, and the slots by which the registry reaches them. */
#include <stdlib.h>
#include <string.h>

#include "server/api/api_private.h"
#include "shared/core/digest.h"
#include "shared/net/address.h"
#include "shared/net/url.h"

#define OWNER_MAX ((size_t)64 * 1024)

/* --- sets --- */

/* Names whose address may change are looked at when they are connected to; what the file calls by address, or
 * names as this machine, is meant. */
static bool names_an_address(const gh_upstream *upstream)
{
    gh_url url;
    if (gh_url_parse(gh_view_of(upstream->url), &url, NULL) != GH_OK) {
        return false;
    }
    bool digits = url.host.len > 0;
    for (size_t i = 0; i < url.host.len && digits; i++) {
        digits = (url.host.ptr[i] >= '0' && url.host.ptr[i] <= '9') || url.host.ptr[i] == '.';
    }
    return url.host_is_ipv6 || digits || gh_url_is_loopback(&url);
}

static gh_status make_pool(const gh_api *api, const gh_upstream *upstream, gh_http_pool **pool,
                           gh_error *error)
{
    gh_error why = {GH_OK, ""};
    bool any_address = upstream->allow_private || names_an_address(upstream);
    const gh_http_client_options options = {.user_agent = "gatehouse/" GATEHOUSE_VERSION,
                                            .ca_file =
                                                upstream->ca_file != NULL ? upstream->ca_file : api->ca_file,
                                            .quick_exit = true,
                                            .may_connect = any_address ? NULL : gh_address_is_public};
    gh_status status = gh_credential_check(&api->source, &upstream->credential, &why);
    if (status == GH_OK) {
        status = gh_http_pool_new(&options, GH_API_IDLE_CLIENTS, pool, &why);
    }
    if (status != GH_OK) {
        return gh_error_set(error, status, "upstream %.128s: %s", upstream->name, why.message);
    }
    return GH_OK;
}

static gh_status make_output(const gh_entry *entry, gh_schema **schema, gh_error *error)
{
    gh_error why = {GH_OK, ""};
    if (entry->kind != GH_ENTRY_TOOL || entry->output_schema == NULL) {
        return GH_OK;
    }
    gh_status status = gh_schema_new(entry->output_schema, schema, &why);
    return status == GH_OK
               ? GH_OK
               : gh_error_set(error, status, "tool %.128s: outputSchema: %s", entry->name, why.message);
}

gh_status gh_api_set_new(const gh_api *api, gh_toolset *tools, gh_api_set **out, gh_error *error)
{
    gh_api_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    atomic_init(&set->refs, 1);
    set->tools = gh_toolset_hold(tools);
    set->pools = calloc(tools->upstream_count + 1, sizeof *set->pools);
    set->outputs = calloc(tools->entry_count + 1, sizeof *set->outputs);
    gh_status status = set->pools != NULL && set->outputs != NULL
                           ? GH_OK
                           : gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < tools->upstream_count && status == GH_OK; i++) {
        status = make_pool(api, &tools->upstreams[i], &set->pools[i], error);
    }
    for (size_t i = 0; i < tools->entry_count && status == GH_OK; i++) {
        status = make_output(&tools->entries[i], &set->outputs[i], error);
    }
    if (status != GH_OK) {
        gh_api_set_release(set);
        return status;
    }
    *out = set;
    return GH_OK;
}

gh_api_set *gh_api_set_hold(gh_api_set *set)
{
    (void)atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void gh_api_set_release(gh_api_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; set->pools != NULL && i < set->tools->upstream_count; i++) {
        gh_http_pool_free(set->pools[i]);
    }
    for (size_t i = 0; set->outputs != NULL && i < set->tools->entry_count; i++) {
        gh_schema_free(set->outputs[i]);
    }
    free(set->pools);
    free(set->outputs);
    gh_toolset_release(set->tools);
    free(set);
}

/* --- slots --- */

gh_api_slot *gh_api_slot_new(gh_api *api, gh_api_set *set, size_t entry)
{
    gh_api_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL) {
        return NULL;
    }
    atomic_init(&slot->refs, 1);
    (void)pthread_mutex_init(&slot->lock, NULL);
    slot->api = api;
    slot->set = gh_api_set_hold(set);
    slot->entry = entry;
    return slot;
}

gh_api_slot *gh_api_slot_hold(gh_api_slot *slot)
{
    (void)atomic_fetch_add_explicit(&slot->refs, 1, memory_order_relaxed);
    return slot;
}

void gh_api_slot_release(void *data)
{
    gh_api_slot *slot = data;
    if (slot == NULL || atomic_fetch_sub_explicit(&slot->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    gh_api_set_release(slot->set);
    (void)pthread_mutex_destroy(&slot->lock);
    free(slot);
}

void gh_api_slot_replace(gh_api_slot *slot, gh_api_set *set, size_t entry)
{
    (void)pthread_mutex_lock(&slot->lock);
    gh_api_set *old = slot->set;
    slot->set = gh_api_set_hold(set);
    slot->entry = entry;
    (void)pthread_mutex_unlock(&slot->lock);
    gh_api_set_release(old);
}

/* --- jobs --- */

/* Users share no connection: what an API says too much is then heard by nobody else. */
static uint64_t owner_of(const gh_principal *principal)
{
    unsigned char digest[GH_SHA256_LEN] = {0};
    gh_buf text = GH_BUF_INIT(OWNER_MAX);
    uint64_t owner = 0;
    if (principal != NULL) {
        (void)gh_buf_appendf(&text, "%s\n%s", principal->issuer != NULL ? principal->issuer : "",
                             principal->subject != NULL ? principal->subject : "");
        if (gh_sha256(gh_buf_view(&text), digest) == GH_OK) {
            memcpy(&owner, digest, sizeof owner);
        }
    }
    gh_buf_free(&text);
    return owner;
}

static gh_api_set *open_slot(gh_api_slot *slot, size_t *entry)
{
    (void)pthread_mutex_lock(&slot->lock);
    gh_api_set *set = gh_api_set_hold(slot->set);
    *entry = slot->entry;
    (void)pthread_mutex_unlock(&slot->lock);
    return set;
}

void gh_api_job_begin(gh_api_slot *slot, gatehouse_call *call, gh_api_job *job, gh_api_set **set)
{
    size_t index = 0;
    gh_api_set *held = open_slot(slot, &index);
    const gh_call_question *question = &call->question;
    const gh_entry *entry = &held->tools->entries[index];
    *job = (gh_api_job){.host = &slot->api->host,
                        .call = call,
                        .cache = slot->api->cache,
                        .entry = entry,
                        .output = held->outputs[index],
                        .values = {.arguments = gh_view_of(question->arguments),
                                   .variables = gh_view_of(question->variables),
                                   .principal = question->principal},
                        .deadline = question->deadline.at_ms != 0 ? question->deadline : gh_deadline_never()};
    if (entry->has_request) {
        job->pool = held->pools[entry->request.upstream - held->tools->upstreams];
        job->owner = owner_of(question->principal);
    }
    *set = held;
}

void gh_api_job_end(gh_api_set *set)
{
    gh_api_set_release(set);
}
