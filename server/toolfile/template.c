/* Reading templates. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/template_private.h"

#define SHOWN 64 /* bytes of a name in a message */

typedef struct person_variable {
    const char *name;
    size_t offset;
} person_variable;

static const person_variable PERSON[] = {
    {"@subject", offsetof(gh_principal, subject)},  {"@issuer", offsetof(gh_principal, issuer)},
    {"@name", offsetof(gh_principal, name)},        {"@email", offsetof(gh_principal, email)},
    {"@client", offsetof(gh_principal, client_id)},
};

static int shown(gh_view text)
{
    return (int)(text.len < SHOWN ? text.len : SHOWN);
}

/* --- names --- */

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '$' || (unsigned char)c >= 0x80;
}

static bool is_argument_name(gh_view name)
{
    gh_view rest = name;
    gh_view word;
    while (gh_view_next(&rest, '.', &word)) {
        if (word.len == 0) {
            return false;
        }
        for (size_t i = 0; i < word.len; i++) {
            if (!is_name_character(word.ptr[i])) {
                return false;
            }
        }
    }
    return name.len > 0;
}

static gh_status read_variable(gh_view name, gh_template_part *part, gh_error *error)
{
    part->text = name;
    part->kind = GH_PART_ARGUMENT;
    if (is_argument_name(name)) {
        return GH_OK;
    }
    for (size_t i = 0; i < sizeof PERSON / sizeof PERSON[0]; i++) {
        if (gh_view_eq_cstr(name, PERSON[i].name)) {
            part->kind = GH_PART_PERSON;
            part->person = PERSON[i].offset;
            return GH_OK;
        }
    }
    if (name.len > 0 && name.ptr[0] == '@') {
        return gh_error_set(error, GH_ERR_INVALID,
                            "{%.*s} is not known: there are {@subject}, {@issuer}, {@name}, {@email} and "
                            "{@client}, and none for a token, which is never passed on",
                            shown(name), name.ptr);
    }
    return gh_error_set(error, GH_ERR_INVALID,
                        "{%.*s} is no variable: its name must be letters, digits, '_', '-', '$' and single "
                        "dots; write {{ and }} for braces",
                        shown(name), name.ptr);
}

/* --- parts --- */

/* Room for everything that the text can be cut into. */
static size_t parts_at_most(gh_view text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '{' ? 2 : 0;
    }
    return count;
}

/* Appends literal text; `made->text` has room for all of it. */
static void add_text(gh_template *made, char *at, char c)
{
    gh_template_part *last = made->count > 0 ? &made->parts[made->count - 1] : NULL;
    if (last == NULL || last->kind != GH_PART_TEXT) {
        last = &made->parts[made->count++];
        last->kind = GH_PART_TEXT;
        last->text = gh_view_make(at, 0);
    }
    *at = c;
    last->text.len++;
}

static gh_status add_variable(gh_template *made, char *at, gh_view name, gh_error *error)
{
    if (name.len > 0) {
        memcpy(at, name.ptr, name.len);
    }
    return read_variable(gh_view_make(at, name.len), &made->parts[made->count++], error);
}

static gh_status cut(gh_template *made, gh_view text, gh_error *error)
{
    char *to = made->text;
    size_t variables = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c != '{' && c != '}') {
            add_text(made, to++, c);
            continue;
        }
        if (i + 1 < text.len && text.ptr[i + 1] == c) {
            add_text(made, to++, c);
            i++;
            continue;
        }
        gh_view rest = gh_view_make(text.ptr + i + 1, text.len - i - 1);
        size_t end = gh_view_find(rest, '}');
        if (c == '}' || end == rest.len) {
            return gh_error_set(error, GH_ERR_INVALID,
                                "there is a '%c' without its '%c'; write %c%c for a brace", c,
                                c == '{' ? '}' : '{', c, c);
        }
        if (++variables > GH_TEMPLATE_VARIABLES_MAX) {
            return gh_error_set(error, GH_ERR_INVALID, "there are more than %d variables in one text",
                                GH_TEMPLATE_VARIABLES_MAX);
        }
        gh_status status = add_variable(made, to, gh_view_make(rest.ptr, end), error);
        if (status != GH_OK) {
            return status;
        }
        to += end;
        i += end + 1;
    }
    return GH_OK;
}

gh_status gh_template_new(gh_view text, gh_template **made, gh_error *error)
{
    gh_status status = GH_ERR_NOMEM;
    gh_template *fresh = NULL;
    if (text.len > GH_TEMPLATE_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "a text with variables may have %d bytes, not %zu",
                            GH_TEMPLATE_MAX, text.len);
    }
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "there is a NUL byte in the text");
    }
    fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL || (fresh->written = gh_view_dup(text)) == NULL ||
        (fresh->text = malloc(text.len + 1)) == NULL ||
        (fresh->parts = calloc(parts_at_most(text), sizeof *fresh->parts)) == NULL) {
        goto out;
    }
    status = cut(fresh, text, error);
    if (status == GH_OK) {
        *made = fresh;
        fresh = NULL;
    }
out:
    gh_template_free(fresh);
    return status;
}

void gh_template_free(gh_template *made)
{
    if (made != NULL) {
        free(made->parts);
        free(made->text);
        free(made->written);
        free(made);
    }
}

const char *gh_template_text(const gh_template *made)
{
    return made->written;
}

void gh_template_names(const gh_template *made, bool (*each)(void *context, gh_view name), void *context)
{
    for (size_t i = 0; i < made->count; i++) {
        if (made->parts[i].kind == GH_PART_ARGUMENT && !each(context, made->parts[i].text)) {
            return;
        }
    }
}

bool gh_template_is_variable(const gh_template *made)
{
    return made->count == 1 && made->parts[0].kind != GH_PART_TEXT;
}
