/* From sources to a set. Upstreams of all sources are read first, because requests point to them. */
#include <search.h>
#include <stdlib.h>

#include "server/toolfile/toolfile_private.h"
#include "shared/json/gate.h"

#define SOURCES_MAX 1000

/* As much as 10,000 tools need. */
const gh_json_limits GH_TOOLFILE_LIMITS = {GH_TOOLFILE_MAX, GH_JSON_DEPTH_MAX, 4000000, 20000};

typedef enum top_member {
    SCHEMA,
    UPSTREAMS,
    SCOPES,
    TOOLS,
    RESOURCES,
    TEMPLATES,
    PROMPTS,
    OPENAPI,
    TOPS
} top_member;

static const gh_toolfile_member TOP[TOPS] = {
    [SCHEMA] = {"$schema", GH_TOOLFILE_STRING, false},
    [UPSTREAMS] = {"upstreams", GH_TOOLFILE_OBJECT, false},
    [SCOPES] = {"scopes", GH_TOOLFILE_OBJECT, false},
    [TOOLS] = {"tools", GH_TOOLFILE_ARRAY, false},
    [RESOURCES] = {"resources", GH_TOOLFILE_ARRAY, false},
    [TEMPLATES] = {"resourceTemplates", GH_TOOLFILE_ARRAY, false},
    [PROMPTS] = {"prompts", GH_TOOLFILE_ARRAY, false},
    [OPENAPI] = {"openapi", GH_TOOLFILE_ARRAY, false},
};

static void begin(gh_toolfile_reader *reader, const gh_toolfile_source *source, const char *label)
{
    reader->source = source;
    reader->label = label;
    reader->counted = 0;
    reader->line = 1;
    reader->item[0] = '\0';
}

static gh_status check_grammar(gh_toolfile_reader *reader)
{
    gh_error why = {GH_OK, ""};
    size_t at = 0;
    gh_view text = reader->source->text;
    if (text.len > GH_TOOLFILE_MAX) {
        return gh_error_set(reader->error, GH_ERR_INVALID, "%s is larger than %zu MiB", reader->label,
                            GH_TOOLFILE_MAX / 1024 / 1024);
    }
    gh_status status = gh_json_gate_at(text, &GH_TOOLFILE_LIMITS, &at, &why);
    if (status == GH_ERR_NOMEM) {
        return gh_toolfile_no_memory(reader);
    }
    return status == GH_OK ? GH_OK
                           : gh_toolfile_refuse(reader, gh_view_make(text.ptr + at, 0), "%s", why.message);
}

static gh_status first_pass(gh_toolfile_reader *reader)
{
    gh_view tops[TOPS] = {{NULL, 0}};
    gh_status status = check_grammar(reader);
    if (status == GH_OK) {
        status = gh_toolfile_members(reader, "the file", gh_view_trim(reader->source->text), TOP, TOPS, tops);
    }
    if (status == GH_OK && tops[UPSTREAMS].ptr != NULL) {
        status = gh_toolfile_read_upstreams(reader, tops[UPSTREAMS]);
    }
    if (status == GH_OK && tops[OPENAPI].ptr != NULL) {
        status = gh_toolfile_each_description(reader, tops[OPENAPI], NULL, NULL);
    }
    return status;
}

static gh_status second_pass(gh_toolfile_reader *reader)
{
    static const struct {
        top_member member;
        gh_status (*read)(gh_toolfile_reader *reader, gh_view value);
    } PARTS[] = {
        {SCOPES, gh_toolfile_read_scope_rules},  {TOOLS, gh_toolfile_read_tools},
        {RESOURCES, gh_toolfile_read_resources}, {TEMPLATES, gh_toolfile_read_templates},
        {PROMPTS, gh_toolfile_read_prompts},
    };
    gh_view tops[TOPS] = {{NULL, 0}};
    gh_status status =
        gh_toolfile_members(reader, "the file", gh_view_trim(reader->source->text), TOP, TOPS, tops);
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0] && status == GH_OK; i++) {
        reader->item[0] = '\0';
        if (tops[PARTS[i].member].ptr != NULL) {
            status = PARTS[i].read(reader, tops[PARTS[i].member]);
        }
    }
    return status;
}

gh_status gh_toolset_read(const gh_toolfile_source *sources, size_t count, gh_toolset **set, gh_error *error)
{
    gh_toolfile_reader reader = {.error = error};
    gh_toolset_kept *kept = calloc(1, sizeof *kept);
    gh_status status = GH_ERR_NOMEM;
    if (count > SOURCES_MAX) {
        free(kept);
        return gh_error_set(error, GH_ERR_INVALID, "there are more than %d tools files", SOURCES_MAX);
    }
    if (kept == NULL || (kept->labels = calloc(count + 1, sizeof *kept->labels)) == NULL) {
        free(kept);
        return gh_error_set(error, status, "tools files cannot be read: out of memory");
    }
    atomic_init(&kept->refs, 1);
    reader.kept = kept;
    status = GH_OK;
    for (size_t i = 0; i < count && status == GH_OK; i++) {
        char *label = gh_text_dup(sources[i].label);
        kept->labels[kept->label_count++] = label;
        begin(&reader, &sources[i], label != NULL ? label : "a tools file");
        status = label != NULL ? first_pass(&reader) : gh_toolfile_no_memory(&reader);
    }
    for (size_t i = 0; i < count && status == GH_OK; i++) {
        begin(&reader, &sources[i], kept->labels[i]);
        status = second_pass(&reader);
    }
    tdestroy(reader.taken, free);
    free(reader.secrets);
    if (status != GH_OK) {
        gh_toolset_clear(kept);
        return status;
    }
    *set = &kept->set;
    return GH_OK;
}

gh_toolset *gh_toolset_hold(gh_toolset *set)
{
    gh_toolset_kept *kept = (gh_toolset_kept *)set;
    (void)atomic_fetch_add_explicit(&kept->refs, 1, memory_order_relaxed);
    return set;
}

void gh_toolset_release(gh_toolset *set)
{
    gh_toolset_kept *kept = (gh_toolset_kept *)set;
    if (kept != NULL && atomic_fetch_sub_explicit(&kept->refs, 1, memory_order_acq_rel) == 1) {
        gh_toolset_clear(kept);
    }
}

gh_status gh_toolfile_descriptions(const gh_toolfile_source *source, gh_toolfile_take *take, void *context,
                                   gh_error *error)
{
    gh_toolfile_reader reader = {.error = error};
    gh_view tops[TOPS] = {{NULL, 0}};
    begin(&reader, source, source->label);
    gh_status status = check_grammar(&reader);
    if (status == GH_OK) {
        status = gh_toolfile_members(&reader, "the file", gh_view_trim(source->text), TOP, TOPS, tops);
    }
    if (status == GH_OK && tops[OPENAPI].ptr != NULL) {
        status = gh_toolfile_each_description(&reader, tops[OPENAPI], take, context);
    }
    return status;
}
