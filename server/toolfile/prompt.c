/* Prompts. */
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/toolfile_private.h"

#define PROMPTS_MAX 10000
#define MESSAGES_MAX 100
#define NAMES_MAX ((size_t)64 * 1024)

typedef enum prompt_member { ARGUMENTS = GH_COMMON_COUNT, MESSAGES, MEMBERS } prompt_member;

static const gh_toolfile_member ROWS[MEMBERS] = {
    GH_TOOLFILE_COMMON_ROWS(true),
    [ARGUMENTS] = {"arguments", GH_TOOLFILE_ARRAY, false},
    [MESSAGES] = {"messages", GH_TOOLFILE_ARRAY, true},
};

/* --- arguments --- */

typedef enum argument_member { NAME, TITLE, DESCRIPTION, REQUIRED, ARGUMENT_MEMBERS } argument_member;

static const gh_toolfile_member ARGUMENT[ARGUMENT_MEMBERS] = {
    [NAME] = {"name", GH_TOOLFILE_STRING, true},
    [TITLE] = {"title", GH_TOOLFILE_STRING, false},
    [DESCRIPTION] = {"description", GH_TOOLFILE_STRING, false},
    [REQUIRED] = {"required", GH_TOOLFILE_BOOL, false},
};

static bool is_listed(const gh_buf *names, const char *name)
{
    for (size_t at = 0; at < names->len; at += strlen(names->data + at) + 1) {
        if (strcmp(names->data + at, name) == 0) {
            return true;
        }
    }
    return false;
}

static gh_status read_argument(gh_toolfile_reader *reader, gh_view object, gh_buf *names)
{
    gh_view values[ARGUMENT_MEMBERS];
    char *name = NULL;
    if (gh_json_slice_type(object) != GH_JSON_OBJECT) {
        return gh_toolfile_refuse(reader, object, "arguments must be an array of objects");
    }
    gh_status status = gh_toolfile_members(reader, "arguments", object, ARGUMENT, ARGUMENT_MEMBERS, values);
    if (status == GH_OK) {
        status = gh_toolfile_word(reader, values[NAME], "arguments: name", GH_TOOLFILE_NAME_MAX, &name);
    }
    if (status == GH_OK && is_listed(names, name)) {
        status = gh_toolfile_refuse(reader, values[NAME], "arguments: %.64s is there twice", name);
    }
    if (status == GH_OK && gh_buf_append(names, name, strlen(name) + 1) != GH_OK) {
        status = gh_toolfile_refuse(reader, object, "there are too many arguments");
    }
    free(name);
    return status;
}

static gh_status read_arguments(gh_toolfile_reader *reader, gh_view array, gh_buf *names)
{
    gh_json_iter iter;
    gh_view value = {NULL, 0};
    gh_status status = GH_OK;
    for (bool more = gh_json_iter_start(array, &iter);
         status == GH_OK && more && gh_json_iter_next(&iter, NULL, &value);) {
        status = read_argument(reader, value, names);
    }
    return status;
}

/* --- messages --- */

typedef enum message_member { ROLE, TEXT, CONTENT, MESSAGE_MEMBERS } message_member;

static const gh_toolfile_member MESSAGE[MESSAGE_MEMBERS] = {
    [ROLE] = {"role", GH_TOOLFILE_STRING, true},
    [TEXT] = {"text", GH_TOOLFILE_STRING, false},
    [CONTENT] = {"content", GH_TOOLFILE_OBJECT, false},
};

static gh_status check_block(gh_toolfile_reader *reader, gh_view content)
{
    static const char *const TYPES[] = {"text", "image", "audio", "resource", "resource_link"};
    gh_view type = {NULL, 0};
    if (gh_json_slice_member(content, "type", &type)) {
        for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
            if (gh_json_slice_is(type, gh_view_of(TYPES[i]))) {
                return GH_OK;
            }
        }
    }
    return gh_toolfile_refuse(
        reader, content,
        "messages: content needs a type: \"text\", \"image\", \"audio\", \"resource\" or "
        "\"resource_link\"");
}

static gh_status read_content(gh_toolfile_reader *reader, gh_view value,
                              const gh_toolfile_arguments *arguments, gh_json_template **content)
{
    gh_error why = {GH_OK, ""};
    gh_status status = check_block(reader, value);
    if (status == GH_OK) {
        status = gh_toolfile_pass_on(reader, value, gh_json_template_new(value, content, &why),
                                     "messages: content", &why);
    }
    return status == GH_OK
               ? gh_toolfile_check_json_variables(reader, value, "messages: content", *content, arguments)
               : status;
}

static gh_status read_message(gh_toolfile_reader *reader, gh_view object,
                              const gh_toolfile_arguments *arguments, gh_prompt_message *message)
{
    gh_view values[MESSAGE_MEMBERS];
    if (gh_json_slice_type(object) != GH_JSON_OBJECT) {
        return gh_toolfile_refuse(reader, object, "messages must be an array of objects");
    }
    gh_status status = gh_toolfile_members(reader, "messages", object, MESSAGE, MESSAGE_MEMBERS, values);
    if (status != GH_OK) {
        return status;
    }
    message->role = gh_json_slice_is(values[ROLE], GH_VIEW_LIT("user"))        ? "user"
                    : gh_json_slice_is(values[ROLE], GH_VIEW_LIT("assistant")) ? "assistant"
                                                                               : NULL;
    if (message->role == NULL) {
        return gh_toolfile_refuse(reader, values[ROLE], "messages: role must be \"user\" or \"assistant\"");
    }
    if ((values[TEXT].ptr != NULL) == (values[CONTENT].ptr != NULL)) {
        return gh_toolfile_refuse(reader, object, "messages: each needs either \"text\" or \"content\"");
    }
    if (values[CONTENT].ptr != NULL) {
        return read_content(reader, values[CONTENT], arguments, &message->content);
    }
    status = gh_toolfile_template(reader, values[TEXT], "messages: text", &message->text);
    return status == GH_OK ? gh_toolfile_check_variables(reader, values[TEXT], "messages: text",
                                                         message->text, arguments, false)
                           : status;
}

static gh_status read_messages(gh_toolfile_reader *reader, gh_view array,
                               const gh_toolfile_arguments *arguments, gh_entry *entry)
{
    gh_json_iter iter;
    gh_view value = {NULL, 0};
    gh_status status = GH_OK;
    size_t count = gh_toolfile_count(array);
    if (count == 0 || count > MESSAGES_MAX) {
        return gh_toolfile_refuse(reader, array, "messages must be 1 to %d", MESSAGES_MAX);
    }
    entry->messages = calloc(count, sizeof *entry->messages);
    if (entry->messages == NULL) {
        return gh_toolfile_no_memory(reader);
    }
    (void)gh_json_iter_start(array, &iter);
    while (status == GH_OK && entry->message_count < count && gh_json_iter_next(&iter, NULL, &value)) {
        status = read_message(reader, value, arguments, &entry->messages[entry->message_count++]);
    }
    return status;
}

/* --- all of it --- */

static gh_status fill(gh_toolfile_reader *reader, gh_view object, const gh_view *values, gh_entry *entry,
                      gh_buf *names)
{
    gh_status status = gh_toolfile_fill_common(reader, values, entry);
    if (status == GH_OK) {
        status = gh_toolfile_take_name(reader, GH_ENTRY_PROMPT, entry->name, object);
    }
    if (status == GH_OK && values[ARGUMENTS].ptr != NULL) {
        status = read_arguments(reader, values[ARGUMENTS], names);
    }
    if (status == GH_OK) {
        status = gh_toolfile_json(reader, values[ARGUMENTS], "arguments", &entry->arguments);
    }
    if (status == GH_OK && gh_buf_append_char(names, '\0') != GH_OK) {
        status = gh_toolfile_no_memory(reader);
    }
    if (status == GH_OK) {
        const gh_toolfile_arguments arguments = {.listed = names->data, .noun = "the prompt's arguments"};
        status = read_messages(reader, values[MESSAGES], &arguments, entry);
    }
    return status;
}

static gh_status read_prompt(gh_toolfile_reader *reader, gh_view object)
{
    gh_view values[MEMBERS];
    gh_view name = {NULL, 0};
    gh_buf names = GH_BUF_INIT(NAMES_MAX);
    gh_status status = GH_OK;
    gh_toolfile_set_item(reader, "prompt", NULL);
    if (reader->kept->set.entry_count >= GH_TOOLFILE_TOOLS_MAX + 2 * PROMPTS_MAX) {
        return gh_toolfile_refuse(reader, object, "there are too many prompts");
    }
    gh_entry *entry = gh_toolfile_add_entry(reader, GH_ENTRY_PROMPT, object);
    if (entry == NULL) {
        return GH_ERR_NOMEM;
    }
    if (gh_json_slice_member(object, "name", &name) && gh_json_slice_type(name) == GH_JSON_STRING) {
        status = gh_toolfile_text(reader, name, "name", GH_TOOLFILE_TEXT_MAX, &entry->name);
        gh_toolfile_set_item(reader, "prompt", entry->name);
    }
    if (status == GH_OK) {
        status = gh_toolfile_members(reader, "", object, ROWS, MEMBERS, values);
    }
    if (status == GH_OK) {
        status = fill(reader, object, values, entry, &names);
    }
    gh_buf_free(&names);
    return status;
}

gh_status gh_toolfile_read_prompts(gh_toolfile_reader *reader, gh_view array)
{
    return gh_toolfile_each(reader, array, "prompts", read_prompt);
}
