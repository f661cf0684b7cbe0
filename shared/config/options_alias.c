/* Other spellings of options, on the command line only. */
#include <stdio.h>

#include "shared/config/options_private.h"

#define VALUE_MAX 128

const gh_option_alias *gh_option_find_alias(const gh_option_table *table, gh_view name)
{
    for (size_t i = 0; i < table->alias_count; i++) {
        if (gh_view_eq_cstr(name, table->aliases[i].name)) {
            return &table->aliases[i];
        }
    }
    return NULL;
}

static bool is_number(gh_view text)
{
    int64_t number = 0;

    return gh_view_to_int64(text, 0, INT64_MAX, &number) == GH_OK;
}

gh_status gh_option_apply_alias(gh_option_loader *loader, const gh_option_alias *alias, gh_option_match match,
                                gh_view text, const char *where)
{
    char with_unit[VALUE_MAX];
    gh_view value = alias->value != NULL ? gh_view_of(alias->value) : text;

    if (alias->unit != NULL && is_number(value) && value.len + 2 < sizeof(with_unit)) {
        (void)snprintf(with_unit, sizeof(with_unit), "%.*s%s", (int)value.len, value.ptr, alias->unit);
        value = gh_view_of(with_unit);
    }
    return gh_option_apply(loader, match, value, where);
}
