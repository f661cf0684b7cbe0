/* What a template is made of. Private to toolfile. */
#ifndef GH_SERVER_TOOLFILE_TEMPLATE_PRIVATE_H
#define GH_SERVER_TOOLFILE_TEMPLATE_PRIVATE_H

#include "server/toolfile/template.h"

#define GH_TEMPLATE_DEPTH_MAX 64 /* of a value that is written, as the JSON gate has it */

typedef enum gh_template_part_kind {
    GH_PART_TEXT,
    GH_PART_ARGUMENT, /* `text` is its name */
    GH_PART_PERSON    /* `text` is its name with '@' */
} gh_template_part_kind;

typedef struct gh_template_part {
    gh_template_part_kind kind;
    gh_view text;
    size_t person; /* offset of the member of gh_principal */
} gh_template_part;

struct gh_template {
    char *written; /* as it came */
    char *text;    /* what parts point into */
    gh_template_part *parts;
    size_t count;
};

/* One variable and nothing else? */
bool gh_template_is_variable(const gh_template *made);

/* template_value.c: what a variable stands for. */
typedef struct gh_template_value {
    gh_view name;  /* for messages */
    gh_view plain; /* text, when `json` is empty */
    gh_view json;  /* a raw slice */
} gh_template_value;

/* False when it is absent or null; in the latter case `json` is that null. */
bool gh_template_find(const gh_template_part *part, const gh_template_values *values,
                      gh_template_value *value);
/* Appends the text of a string, number or boolean; others are GH_ERR_INVALID. */
GH_MUST_USE gh_status gh_template_scalar(const gh_template_value *value, gh_buf *out, gh_error *error);
/* Is it an array or an object? */
bool gh_template_is_compound(const gh_template_value *value);
/* Appends the elements, or names and values in turn, each encoded as `place` wants it, with `separator` in
 * between; nothing for an empty one. */
GH_MUST_USE gh_status gh_template_join(const gh_template_value *value, gh_template_place place,
                                       const char *separator, gh_buf *out, gh_error *error);
/* Appends a text as it is written in `place`. */
GH_MUST_USE gh_status gh_template_escape(gh_view name, gh_view text, gh_template_place place, gh_buf *out,
                                         gh_error *error);

/* Forgets what was appended since `len`. */
void gh_template_undo(gh_buf *out, size_t len);

/* A '.' or '..' between slashes or backslashes, plainly or after percent-decoding up to three times, with or
 * without ";parameters" behind it, as servers in front of the API might read it. */
bool gh_template_has_dot_segment(gh_view path);

#endif
