/* libyaml's events, written as JSON while they come: nothing is kept but the open containers, the keys of the
 * open mappings and where each anchor's text lies. */
#include "server/openapi/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "server/openapi/yaml_keys.h"
#include "shared/json/access.h"

typedef struct yaml_anchor {
    char *name;
    size_t start, end; /* in the JSON; end is 0 while it is open */
    size_t members, height;
} yaml_anchor;

typedef struct yaml_level {
    bool mapping, value_next;
    size_t count;     /* members or elements */
    size_t first_key; /* in keys */
    size_t height;    /* of the highest container within */
    size_t anchor;    /* index + 1, or 0 */
} yaml_level;

typedef struct yaml_writer {
    gh_buf *out;
    const gh_json_limits *limits;
    yaml_level levels[GH_JSON_DEPTH_MAX];
    size_t depth, members, documents, aliases;
    gh_yaml_keys keys;
    yaml_anchor anchors[GH_YAML_ANCHORS_MAX];
    size_t anchor_count;
    size_t line;
    gh_error *error;
} yaml_writer;

static gh_status refuse(const yaml_writer *writer, const char *why)
{
    return gh_error_set(writer->error, GH_ERR_PARSE, "line %zu: %s", writer->line, why);
}

static gh_status over(const yaml_writer *writer, const char *what)
{
    return gh_error_set(writer->error, GH_ERR_TOO_LARGE, "line %zu: %s", writer->line, what);
}

static gh_status no_memory(const yaml_writer *writer)
{
    return gh_error_set(writer->error, GH_ERR_NOMEM, "not enough memory for the YAML");
}

/* --- keys --- */

static gh_status write_key(yaml_writer *writer, gh_view text)
{
    yaml_level *level = &writer->levels[writer->depth - 1];
    if (gh_view_eq_cstr(text, "<<")) {
        return refuse(writer, "merge keys (<<) are not in YAML 1.2: write the members out");
    }
    if (level->count++ > 0) {
        (void)gh_buf_append_char(writer->out, ',');
    }
    size_t offset = writer->out->len;
    (void)gh_json_write_string(writer->out, text);
    if (!gh_yaml_keys_add(&writer->keys, offset, writer->out->len - offset, writer->line)) {
        return no_memory(writer);
    }
    level->value_next = true;
    if (level->count > writer->limits->object_members) {
        return over(writer, "too many members in one mapping");
    }
    return gh_buf_append_char(writer->out, ':');
}

/* --- values --- */

static bool is_key(const yaml_writer *writer)
{
    const yaml_level *level = writer->depth > 0 ? &writer->levels[writer->depth - 1] : NULL;
    return level != NULL && level->mapping && !level->value_next;
}

static gh_status begin_value(yaml_writer *writer)
{
    if (is_key(writer)) {
        return refuse(writer, "a key must be text");
    }
    if (writer->depth > 0) {
        yaml_level *level = &writer->levels[writer->depth - 1];
        if (!level->mapping && level->count++ > 0) {
            (void)gh_buf_append_char(writer->out, ',');
        }
        level->value_next = false;
    }
    if (++writer->members > writer->limits->members) {
        return over(writer, "too many members and elements in all");
    }
    return GH_OK;
}

static void raise_height(yaml_writer *writer, size_t height)
{
    if (writer->depth > 0 && writer->levels[writer->depth - 1].height < height) {
        writer->levels[writer->depth - 1].height = height;
    }
}

static gh_status add_anchor(yaml_writer *writer, const yaml_char_t *name, size_t *index)
{
    *index = 0;
    if (name == NULL) {
        return GH_OK;
    }
    if (writer->anchor_count == GH_YAML_ANCHORS_MAX) {
        return over(writer, "too many anchors");
    }
    yaml_anchor *anchor = &writer->anchors[writer->anchor_count];
    *anchor = (yaml_anchor){gh_text_dup((const char *)name), writer->out->len, 0, writer->members, 0};
    if (anchor->name == NULL) {
        return no_memory(writer);
    }
    *index = ++writer->anchor_count;
    return GH_OK;
}

static void close_anchor(yaml_writer *writer, size_t index, size_t height)
{
    if (index > 0) {
        yaml_anchor *anchor = &writer->anchors[index - 1];
        anchor->end = writer->out->len;
        anchor->members = writer->members - anchor->members;
        anchor->height = height;
    }
}

static gh_status on_alias(yaml_writer *writer, const char *name)
{
    gh_status status = begin_value(writer);
    const yaml_anchor *found = NULL;
    if (++writer->aliases > GH_YAML_ALIASES_MAX) {
        return over(writer, "too many aliases");
    }
    for (size_t i = writer->anchor_count; i > 0 && found == NULL; i--) {
        if (strcmp(writer->anchors[i - 1].name, name) == 0) {
            found = &writer->anchors[i - 1];
        }
    }
    if (status != GH_OK) {
        return status;
    }
    if (found == NULL || found->end == 0) {
        return refuse(writer, found == NULL ? "an alias of no anchor" : "an alias within what it stands for");
    }
    writer->members += found->members;
    if (writer->members > writer->limits->members) {
        return over(writer, "too many members and elements, with what aliases stand for");
    }
    if (writer->depth + found->height > writer->limits->depth) {
        return over(writer, "nested too deeply, with what aliases stand for");
    }
    raise_height(writer, found->height);
    size_t len = found->end - found->start;
    if (gh_buf_reserve(writer->out, writer->out->len + len) != GH_OK) { /* before the text may move */
        return writer->out->status;
    }
    return gh_buf_append(writer->out, writer->out->data + found->start, len);
}

static const char *core_tag(const yaml_char_t *tag)
{
    static const char PREFIX[] = "tag:yaml.org,2002:";
    const char *text = (const char *)tag;
    if (text == NULL) {
        return "";
    }
    if (strcmp(text, "!") == 0) {
        return "!";
    }
    return strncmp(text, PREFIX, sizeof PREFIX - 1) == 0 ? text + sizeof PREFIX - 1 : NULL;
}

static bool tag_allows(const char *tag, gh_yaml_kind kind)
{
    return (strcmp(tag, "null") == 0 && kind == GH_YAML_NULL) ||
           (strcmp(tag, "bool") == 0 && kind == GH_YAML_BOOL) ||
           (strcmp(tag, "int") == 0 && kind == GH_YAML_INT) ||
           (strcmp(tag, "float") == 0 && (kind == GH_YAML_FLOAT || kind == GH_YAML_INT));
}

static gh_status write_scalar(yaml_writer *writer, gh_view text, const char *tag, bool plain)
{
    gh_yaml_kind kind = gh_yaml_kind_of(text);
    if (tag == NULL) {
        return refuse(writer, "a tag that JSON has no word for");
    }
    if (strcmp(tag, "!") == 0 || strcmp(tag, "str") == 0 || (tag[0] == '\0' && !plain)) {
        kind = GH_YAML_STRING;
    } else if (tag[0] != '\0' && !tag_allows(tag, kind)) {
        return refuse(writer, "the value is not what its tag says");
    }
    if (kind == GH_YAML_BEYOND) {
        return refuse(writer, "a number that JSON cannot say; quote it if it is text");
    }
    return kind == GH_YAML_STRING ? gh_json_write_string(writer->out, text)
                                  : gh_yaml_write_plain(text, kind, writer->out);
}

static gh_status on_scalar(yaml_writer *writer, const yaml_event_t *event)
{
    gh_view text = gh_view_make((const char *)event->data.scalar.value, event->data.scalar.length);
    const char *tag = core_tag(event->data.scalar.tag);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    size_t anchor = 0;
    if (gh_view_find(text, '\0') != text.len) {
        return refuse(writer, "text with a NUL");
    }
    if (is_key(writer)) {
        return event->data.scalar.anchor == NULL ? write_key(writer, text)
                                                 : refuse(writer, "a key cannot have an anchor here");
    }
    gh_status status = begin_value(writer);
    if (status == GH_OK) {
        status = add_anchor(writer, event->data.scalar.anchor, &anchor);
    }
    if (status == GH_OK) {
        status = write_scalar(writer, text, tag, plain);
    }
    if (status == GH_OK) {
        close_anchor(writer, anchor, 0);
    }
    return status;
}

static gh_status on_start(yaml_writer *writer, bool mapping, const yaml_char_t *anchor,
                          const yaml_char_t *tag_text)
{
    const char *tag = core_tag(tag_text);
    size_t index = 0;
    gh_status status = begin_value(writer);
    if (status == GH_OK && (tag == NULL || (strcmp(tag, "") != 0 && strcmp(tag, "!") != 0 &&
                                            strcmp(tag, mapping ? "map" : "seq") != 0))) {
        status = refuse(writer, "a tag that JSON has no word for");
    }
    if (status == GH_OK && writer->depth >= writer->limits->depth) {
        status = over(writer, "nested too deeply");
    }
    if (status == GH_OK) {
        status = add_anchor(writer, anchor, &index);
    }
    if (status != GH_OK) {
        return status;
    }
    writer->levels[writer->depth++] = (yaml_level){mapping, false, 0, writer->keys.count, 0, index};
    return gh_buf_append_char(writer->out, mapping ? '{' : '[');
}

static gh_status on_end(yaml_writer *writer)
{
    yaml_level level = writer->levels[writer->depth - 1];
    gh_status status = level.mapping
                           ? gh_yaml_keys_check(&writer->keys, level.first_key, writer->out, writer->error)
                           : GH_OK;
    if (status == GH_OK) {
        status = gh_buf_append_char(writer->out, level.mapping ? '}' : ']');
    }
    writer->depth--;
    close_anchor(writer, level.anchor, level.height + 1);
    raise_height(writer, level.height + 1);
    return status;
}

/* --- events --- */

static gh_status on_event(yaml_writer *writer, const yaml_event_t *event)
{
    writer->line = event->start_mark.line + 1;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++writer->documents > 1 ? refuse(writer, "a second document starts here") : GH_OK;
    case YAML_ALIAS_EVENT:
        return on_alias(writer, (const char *)event->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        return on_scalar(writer, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(writer, false, event->data.sequence_start.anchor, event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return on_start(writer, true, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(writer);
    default:
        return GH_OK;
    }
}

static gh_status parser_error(const yaml_parser_t *parser, gh_error *error)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the YAML");
    }
    const char *problem = parser->problem != NULL ? parser->problem : "not YAML";
    bool tab = strcmp(problem, "found character that cannot start any token") == 0;
    return gh_error_set(error, GH_ERR_PARSE, "line %zu: %s%s", parser->problem_mark.line + 1, problem,
                        tab ? " (tabs do not indent; @, ` and % need quotes)" : "");
}

static bool open_parser(yaml_parser_t *parser, gh_view text)
{
    if (!yaml_parser_initialize(parser)) {
        return false;
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)text.ptr, text.len);
    return true;
}

static gh_status write_all(yaml_writer *writer, yaml_parser_t *parser)
{
    gh_status status = GH_OK;
    bool done = false;
    while (status == GH_OK && !done) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            return parser_error(parser, writer->error);
        }
        done = event.type == YAML_STREAM_END_EVENT;
        status = on_event(writer, &event);
        yaml_event_delete(&event);
        if (gh_buf_status(writer->out) == GH_ERR_NOMEM) {
            status = no_memory(writer);
        } else if (gh_buf_status(writer->out) != GH_OK || writer->out->len > writer->limits->size) {
            status = over(writer, "too large");
        }
    }
    if (status == GH_OK && writer->documents == 0) {
        writer->line = 1;
        status = refuse(writer, "there is nothing");
    }
    return status;
}

gh_status gh_yaml_to_json(gh_view text, const gh_json_limits *limits, gh_buf *out, gh_error *error)
{
    gh_status status = GH_ERR_NOMEM;
    yaml_parser_t parser;
    yaml_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL || !open_parser(&parser, text)) {
        free(writer);
        return gh_error_set(error, status, "not enough memory for the YAML");
    }
    writer->out = out;
    writer->limits = limits;
    writer->error = error;
    status = write_all(writer, &parser);
    yaml_parser_delete(&parser);
    for (size_t i = 0; i < writer->anchor_count; i++) {
        free(writer->anchors[i].name);
    }
    free(writer->keys.items);
    free(writer);
    return status;
}

bool gh_yaml_has_scalar(gh_view text, const char *name)
{
    yaml_parser_t parser;
    size_t depth = 0;
    bool found = false, done = false, value = false, named = false;
    if (!open_parser(&parser, text)) {
        return false;
    }
    while (!done && !found) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            break;
        }
        bool starts = event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT;
        bool ends = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        bool scalar = event.type == YAML_SCALAR_EVENT;
        if (depth == 0 && (scalar || event.type == YAML_SEQUENCE_START_EVENT)) {
            done = true;
        } else if (depth == 1 && (scalar || starts || event.type == YAML_ALIAS_EVENT)) {
            found = value && named && scalar;
            named = !value && scalar && strcmp((const char *)event.data.scalar.value, name) == 0;
            value = !value;
        }
        depth = starts ? depth + 1 : depth;
        depth = ends && depth > 0 ? depth - 1 : depth;
        done = done || event.type == YAML_STREAM_END_EVENT || depth > GH_JSON_DEPTH_MAX;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return found;
}
