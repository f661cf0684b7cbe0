#include "server/auth/claims.h"

#include <string.h>

#include "shared/core/text.h"
#include "shared/json/access.h"

#define NAME_MAX_LEN 255

static const cJSON *member(const cJSON *object, gh_view name)
{
    char text[NAME_MAX_LEN + 1];
    if (!cJSON_IsObject(object) || name.len == 0 || name.len > NAME_MAX_LEN) {
        return NULL;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return gh_json_get(object, text);
}

static const cJSON *find_claim(const cJSON *claims, gh_view name)
{
    const cJSON *found = member(claims, name);
    gh_view rest = name;
    gh_view part;
    if (found != NULL || gh_view_find(name, '.') == name.len) {
        return found;
    }
    found = claims;
    while (found != NULL && gh_view_next(&rest, '.', &part)) {
        found = member(found, part);
    }
    return found;
}

static bool is_value(const cJSON *item, gh_view value)
{
    if (cJSON_IsBool(item)) {
        return gh_view_eq_cstr(value, cJSON_IsTrue(item) ? "true" : "false");
    }
    return cJSON_IsString(item) && gh_view_eq_cstr(value, item->valuestring);
}

static bool holds(const cJSON *claims, gh_view rule)
{
    size_t equals = gh_view_find(rule, '=');
    if (equals == 0 || equals + 1 >= rule.len) {
        return false;
    }
    gh_view value = gh_view_make(rule.ptr + equals + 1, rule.len - equals - 1);
    const cJSON *claim = find_claim(claims, gh_view_make(rule.ptr, equals));
    const cJSON *element = NULL;
    if (!cJSON_IsArray(claim)) {
        return is_value(claim, value);
    }
    cJSON_ArrayForEach(element, claim)
    {
        if (cJSON_IsString(element) && gh_view_eq_cstr(value, element->valuestring)) {
            return true;
        }
    }
    return false;
}

bool gh_claims_allow(const cJSON *claims, const char *const *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!holds(claims, gh_view_of(rules[i]))) {
            return false;
        }
    }
    return true;
}

bool gh_claims_rule_is_valid(const char *rule)
{
    gh_view text = gh_view_of(rule);
    size_t equals = gh_view_find(text, '=');
    return equals > 0 && equals <= NAME_MAX_LEN && equals + 1 < text.len && gh_text_is_utf8(text) &&
           !gh_text_has_control(text);
}
