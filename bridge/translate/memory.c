#include "bridge/translate/memory.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/core/digest.h"
#include "shared/core/file.h"
#include "shared/json/gate.h"
#include "shared/json/slice.h"

#define FILE_MAX ((size_t)128 * 1024)
#define TEXT_MAX ((size_t)32 * 1024)
#define SSE_S (7LL * 24 * 60 * 60)

void gh_server_memory_clear(gh_server_memory *memory)
{
    free(memory->capabilities);
    free(memory->server_info);
    free(memory->instructions);
    memset(memory, 0, sizeof(*memory));
}

gh_status gh_server_memory_copy(const gh_server_memory *from, gh_server_memory *to)
{
    *to = (gh_server_memory){
        .only = from->only,
        .capabilities = gh_text_dup(from->capabilities),
        .server_info = gh_text_dup(from->server_info),
        .instructions = gh_text_dup(from->instructions),
        .sse_until = from->sse_until,
    };
    if ((from->capabilities != NULL && to->capabilities == NULL) ||
        (from->server_info != NULL && to->server_info == NULL) ||
        (from->instructions != NULL && to->instructions == NULL)) {
        gh_server_memory_clear(to);
        return GH_ERR_NOMEM;
    }
    return GH_OK;
}

static gh_status note(char **member, gh_view value, gh_json_type type, bool *changed)
{
    gh_buf text = GH_BUF_INIT(TEXT_MAX);
    gh_status status = GH_OK;

    if (gh_json_slice_type(value) == type && value.len <= TEXT_MAX) {
        status = gh_json_slice_compact(value, &text);
    }
    if (status == GH_OK && (*member == NULL ? text.len > 0 : strcmp(*member, gh_buf_cstr(&text)) != 0)) {
        char *copy = text.len > 0 ? gh_buf_steal(&text) : NULL;

        free(*member);
        *member = copy;
        *changed = true;
    }
    gh_buf_free(&text);
    return status;
}

gh_status gh_server_memory_note(gh_server_memory *memory, gh_view capabilities, gh_view server_info,
                                gh_view instructions, bool *changed)
{
    gh_status status;

    *changed = false;
    status = note(&memory->capabilities, capabilities, GH_JSON_OBJECT, changed);
    if (status == GH_OK) {
        status = note(&memory->server_info, server_info, GH_JSON_OBJECT, changed);
    }
    if (status == GH_OK) {
        status = note(&memory->instructions, instructions, GH_JSON_STRING, changed);
    }
    return status;
}

void gh_server_memory_note_sse(gh_server_memory *memory, bool over_sse, bool *changed)
{
    *changed = over_sse != (memory->sse_until > 0);
    if (*changed) {
        memory->sse_until = over_sse ? gh_clock_wall_s() + SSE_S : 0;
    }
}

static gh_status path_of(const char *state_dir, const char *key, char **path)
{
    char name[GH_SHA256_TEXT_MAX];
    gh_buf text = GH_BUF_INIT(4096);
    gh_status status = gh_sha256_text(gh_view_of(key), name);

    if (status == GH_OK) {
        (void)gh_buf_appendf(&text, "%s/%s.server.json", state_dir, name);
        *path = gh_buf_steal(&text);
        status = *path == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&text);
    return status;
}

static gh_view member_of(gh_view object, const char *name)
{
    gh_view value;

    return gh_json_slice_member(object, name, &value) ? value : gh_view_make(NULL, 0);
}

/* A time that has passed, or that no clock of ours has set, is none. */
static int64_t sse_until_of(gh_view root)
{
    int64_t now = gh_clock_wall_s();
    int64_t until = 0;

    return gh_view_to_int64(member_of(root, "sseUntil"), now + 1, now + SSE_S, &until) == GH_OK ? until : 0;
}

gh_status gh_server_memory_load(const char *state_dir, const char *key, gh_server_memory *memory)
{
    gh_buf text = GH_BUF_INIT(FILE_MAX);
    char *path = NULL;
    gh_view era, root;
    bool changed;
    gh_status status;

    memset(memory, 0, sizeof(*memory));
    status = path_of(state_dir, key, &path);
    if (status != GH_OK) {
        goto out;
    }
    if (gh_file_read(path, &text, NULL) != GH_OK ||
        gh_json_gate(gh_buf_view(&text), &GH_JSON_LIMITS_DOCUMENT, NULL) != GH_OK) {
        status = GH_ERR_NOT_FOUND;
        goto out;
    }
    root = gh_buf_view(&text);
    era = member_of(root, "era");
    memory->only = gh_json_slice_is(era, GH_VIEW_LIT("legacy"))   ? GH_MCP_ERA_LEGACY
                   : gh_json_slice_is(era, GH_VIEW_LIT("modern")) ? GH_MCP_ERA_MODERN
                                                                  : GH_MCP_ERA_UNKNOWN;
    memory->sse_until = sse_until_of(root);
    status = gh_server_memory_note(memory, member_of(root, "capabilities"), member_of(root, "serverInfo"),
                                   member_of(root, "instructions"), &changed);
    if (status != GH_OK) {
        gh_server_memory_clear(memory);
    }

out:
    gh_buf_free(&text);
    free(path);
    return status;
}

static void add(gh_buf *out, const char *name, const char *raw)
{
    if (raw != NULL) {
        (void)gh_buf_appendf(out, ",\"%s\":", name);
        (void)gh_buf_append_cstr(out, raw);
    }
}

gh_status gh_server_memory_save(const char *state_dir, const char *key, const gh_server_memory *memory,
                                gh_error *error)
{
    static const char *const ERAS[] = {"both", "legacy", "modern"};
    gh_buf text = GH_BUF_INIT(FILE_MAX);
    char *path = NULL;
    gh_status status = gh_file_make_private_dir(state_dir, true, error);

    if (status == GH_OK) {
        status = path_of(state_dir, key, &path);
    }
    if (status == GH_OK) {
        (void)gh_buf_appendf(&text, "{\"era\":\"%s\"", ERAS[memory->only]);
        add(&text, "capabilities", memory->capabilities);
        add(&text, "serverInfo", memory->server_info);
        add(&text, "instructions", memory->instructions);
        if (memory->sse_until > 0) {
            (void)gh_buf_appendf(&text, ",\"sseUntil\":%lld", (long long)memory->sse_until);
        }
        status = gh_buf_append_cstr(&text, "}\n");
    }
    if (status == GH_OK) {
        status = gh_file_write_private(path, gh_buf_view(&text), error);
    }
    gh_buf_free(&text);
    free(path);
    return status;
}
