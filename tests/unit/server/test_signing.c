#include "tests/unit/server/oauth_fixture.h"

#include "server/auth/jwt.h"

static fixture *F;

static void open_all(void)
{
    clock_stop();
    F = fixture_open();
}

static void close_all(void)
{
    fixture_close(F);
}

/* What `gatehouse keys rotate` does, in another process. */
static void rotate(int64_t retired_before)
{
    gh_key *key = NULL;
    gh_stored_key stored;
    memset(&stored, 0, sizeof stored);
    ck_assert_int_eq(gh_key_generate("ES256", &key, NULL), GH_OK);
    ck_assert_int_eq(gh_key_to_pem(key, &stored.pem), GH_OK);
    stored.kid = gh_text_dup(gh_key_kid(key));
    stored.alg = gh_text_dup(gh_key_alg(key));
    stored.created_at = gh_clock_wall_s();
    stored.active = true;
    ck_assert_int_eq(gh_store_key_rotate(F->store, &stored, retired_before), GH_OK);
    gh_stored_key_clear(&stored);
    gh_key_free(key);
}

static void reload(void)
{
    gh_error error = {0};
    ck_assert_msg(gh_oauth_server_reload_keys(F->server, &error) == GH_OK, "%s", error.message);
}

static gh_status verify(const char *token)
{
    cJSON *claims = NULL;
    gh_keyset *keys = gh_oauth_server_keys(F->server);
    const gh_jwt_rules rules = {.issuer = ISSUER, .audience = RESOURCE, .type = "at+jwt", .keys = keys};
    gh_status status = gh_jwt_verify(gh_view_of(token), &rules, &claims, NULL);
    cJSON_Delete(claims);
    gh_keyset_free(keys);
    return status;
}

static size_t count_published(void)
{
    cJSON *json = NULL;
    reply r = get(F, gh_oauth_handle_jwks, "", NULL);
    ck_assert_int_eq(r.status, 200);
    ck_assert_int_eq(gh_json_parse(gh_buf_view(&r.raw.body), &GH_JSON_LIMITS_DOCUMENT, &json, NULL), GH_OK);
    size_t count = (size_t)cJSON_GetArraySize(gh_json_get_array(json, "keys"));
    ck_assert_ptr_null(strstr(reply_body(&r), "\"d\""));
    cJSON_Delete(json);
    reply_clear(&r);
    return count;
}

/* The header of a compact JWS, which names the key. */
static size_t header_length(const char *token)
{
    return strcspn(token, ".");
}

START_TEST(after_a_rotation_the_new_key_signs_and_the_old_one_verifies)
{
    login l = login_all(F);
    tokens before = tokens_of(&l);
    rotate(0);
    reload();
    login_start(&l, CALLBACK, "st");
    login_finish(&l);
    tokens after = tokens_of(&l);
    ck_assert_int_ne(strncmp(before.access, after.access, header_length(before.access)), 0);
    ck_assert_int_eq(verify(before.access), GH_OK);
    ck_assert_int_eq(verify(after.access), GH_OK);
    ck_assert_uint_eq(count_published(), 2);
}
END_TEST

START_TEST(a_key_that_was_removed_verifies_no_more)
{
    login l = login_all(F);
    tokens before = tokens_of(&l);
    rotate(0);
    clock_forward(86400);
    rotate(gh_clock_wall_s() - 1);
    clock_forward(86400);
    rotate(gh_clock_wall_s() - 1);
    reload();
    ck_assert_int_ne(verify(before.access), GH_OK);
}
END_TEST

START_TEST(without_a_change_the_set_stays_the_very_same)
{
    gh_keyset *before = gh_oauth_server_keys(F->server);
    reload();
    gh_keyset *after = gh_oauth_server_keys(F->server);
    ck_assert_ptr_eq(before, after);
    gh_keyset_free(before);
    gh_keyset_free(after);
}
END_TEST

START_TEST(a_set_that_is_in_use_outlives_the_change)
{
    gh_keyset *before = gh_oauth_server_keys(F->server);
    rotate(0);
    reload();
    ck_assert_uint_eq(gh_keyset_count(before), 1);
    gh_keyset_free(before);
}
END_TEST

static gh_status keys_outage(gh_store *store, gh_stored_key **keys, size_t *count)
{
    (void)store;
    (void)keys;
    (void)count;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(an_outage_leaves_the_keys_as_they_were)
{
    gh_error error = {0};
    const gh_store_ops *whole = F->store->ops;
    login l = login_all(F);
    tokens before = tokens_of(&l);
    F->ops.keys = keys_outage;
    F->store->ops = &F->ops;
    ck_assert_int_eq(gh_oauth_server_reload_keys(F->server, &error), GH_ERR_UNAVAILABLE);
    ck_assert_str_ne(error.message, "");
    F->store->ops = whole;
    ck_assert_int_eq(verify(before.access), GH_OK);
    ck_assert_uint_eq(count_published(), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signing");
    TCase *tc = tcase_create("signing");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, after_a_rotation_the_new_key_signs_and_the_old_one_verifies);
    tcase_add_test(tc, a_key_that_was_removed_verifies_no_more);
    tcase_add_test(tc, without_a_change_the_set_stays_the_very_same);
    tcase_add_test(tc, a_set_that_is_in_use_outlives_the_change);
    tcase_add_test(tc, an_outage_leaves_the_keys_as_they_were);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
