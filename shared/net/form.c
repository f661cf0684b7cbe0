#include "shared/net/form.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/secret.h"
#include "shared/net/url.h"

typedef struct form_field {
    char *name;
    char *value;
} form_field;

struct gh_form {
    form_field fields[GH_FORM_FIELDS_MAX];
    size_t count;
};

static gh_status decode_part(gh_view text, char **out)
{
    /* Room for everything at once: a value may be a secret, and growing would leave copies behind. */
    gh_buf buf = GH_BUF_INIT(text.len);
    gh_status status = gh_buf_reserve(&buf, text.len);
    if (status == GH_OK) {
        status = gh_url_decode(text, true, &buf);
    }
    if (status == GH_OK && !gh_text_is_utf8(gh_buf_view(&buf))) {
        status = GH_ERR_PARSE;
    }
    if (status == GH_OK) {
        *out = gh_view_dup(gh_buf_view(&buf));
        status = *out == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_wipe_free(&buf);
    return status;
}

static gh_status add_field(gh_form *form, gh_view text, gh_error *error)
{
    if (form->count == GH_FORM_FIELDS_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "the form has more than %d fields", GH_FORM_FIELDS_MAX);
    }
    size_t equals = gh_view_find(text, '=');
    gh_view value = GH_VIEW_LIT("");
    if (equals < text.len) {
        value = gh_view_make(text.ptr + equals + 1, text.len - equals - 1);
    }
    form_field *field = &form->fields[form->count++];
    gh_status status = decode_part(gh_view_make(text.ptr, equals), &field->name);
    if (status == GH_OK) {
        status = decode_part(value, &field->value);
    }
    if (status == GH_ERR_PARSE) {
        return gh_error_set(error, status, "the form holds a broken escape, a NUL or invalid UTF-8");
    }
    return status == GH_OK ? GH_OK : gh_error_set(error, status, "not enough memory for the form");
}

gh_status gh_form_parse(gh_view text, gh_form **form, gh_error *error)
{
    gh_form *parsed = calloc(1, sizeof *parsed);
    if (parsed == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the form");
    }
    gh_status status = GH_OK;
    gh_view rest = text;
    gh_view part;
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL) {
        status = gh_error_set(error, GH_ERR_PARSE, "the form holds a broken escape, a NUL or invalid UTF-8");
    }
    while (status == GH_OK && text.len > 0 && gh_view_next(&rest, '&', &part)) {
        if (part.len > 0) {
            status = add_field(parsed, part, error);
        }
    }
    if (status != GH_OK) {
        gh_form_free(parsed);
        return status;
    }
    *form = parsed;
    return GH_OK;
}

void gh_form_free(gh_form *form)
{
    if (form == NULL) {
        return;
    }
    for (size_t i = 0; i < form->count; i++) {
        free(form->fields[i].name);
        gh_wipe_free(form->fields[i].value);
    }
    free(form);
}

const char *gh_form_get_nth(const gh_form *form, const char *name, size_t index)
{
    size_t seen = 0;
    for (size_t i = 0; i < form->count; i++) {
        const form_field *field = &form->fields[i];
        if (field->value[0] != '\0' && strcmp(field->name, name) == 0 && seen++ == index) {
            return field->value;
        }
    }
    return NULL;
}

const char *gh_form_get(const gh_form *form, const char *name)
{
    return gh_form_get_nth(form, name, 0);
}

size_t gh_form_count(const gh_form *form, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < form->count; i++) {
        const form_field *field = &form->fields[i];
        count += field->value[0] != '\0' && strcmp(field->name, name) == 0 ? 1U : 0U;
    }
    return count;
}

/* Fields without a value count here: `code=&code=x` is a repetition all the same. */
bool gh_form_has_duplicate(const gh_form *form, const char **name)
{
    for (size_t i = 1; i < form->count; i++) {
        const char *candidate = form->fields[i].name;
        if (strcmp(candidate, "resource") == 0) {
            continue;
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(form->fields[k].name, candidate) == 0) {
                if (name != NULL) {
                    *name = candidate;
                }
                return true;
            }
        }
    }
    return false;
}

gh_status gh_form_add(gh_buf *out, const char *name, const char *value)
{
    if (value == NULL) {
        return gh_buf_status(out);
    }
    if (out->len > 0 && out->data[out->len - 1] != '?') {
        (void)gh_buf_append_char(out, '&');
    }
    (void)gh_url_encode(gh_view_of(name), out);
    (void)gh_buf_append_char(out, '=');
    return gh_url_encode(gh_view_of(value), out);
}
