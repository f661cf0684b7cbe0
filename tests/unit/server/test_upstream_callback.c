#include "tests/unit/server/upstream_fixture.h"

static fixture *F;
static trip T;

static void open_all(void)
{
    clock_stop();
    F = upstream_open();
    T = trip_to_provider(F);
}

static void close_all(void)
{
    upstream_close(F);
}

/* A page that sends nobody anywhere, asked the provider nothing and repeats nothing of it. */
static void expect_page(reply r, int status)
{
    assert_page(&r, status);
    ck_assert_ptr_null(strstr(reply_body(&r), "upstream"));
    reply_clear(&r);
    ck_assert_int_eq(P.exchanges, 0);
}

static void expect_error(reply r, const char *error)
{
    assert_redirect_error(&r, CALLBACK "?", error, "st");
    ck_assert_int_eq(r.status, 302);
    ck_assert_ptr_null(strstr(r.location, "upstream"));
    reply_clear(&r);
}

static reply callback(const char *query)
{
    return trip_callback_with(&T, query, T.cookie);
}

START_TEST(the_way_back_leads_to_the_client_with_code_state_and_issuer)
{
    char found[256];
    reply r = trip_return(&T);
    ck_assert_int_eq(r.status, 302);
    ck_assert_int_eq(strncmp(r.location, CALLBACK "?", strlen(CALLBACK) + 1), 0);
    location_param(&r, "state", found, sizeof found);
    ck_assert_str_eq(found, "st");
    location_param(&r, "iss", found, sizeof found);
    ck_assert_str_eq(found, ISSUER);
    location_param(&r, "code", T.l.code, sizeof T.l.code);
    ck_assert_uint_eq(strlen(T.l.code), 43);
    ck_assert_str_eq(P.code, "provider-code");
    reply_clear(&r);
}
END_TEST

/* Signs in with `claims` and gives the claims of the token that comes of it. */
static cJSON *sign_in(const char *claims)
{
    P.claims = claims;
    trip_start(&T, CALLBACK, "st");
    trip_approve(&T);
    trip_finish(&T);
    tokens t = tokens_of(&T.l);
    return token_claims(F, t.access);
}

START_TEST(the_token_says_who_the_provider_says_it_is)
{
    cJSON *claims = sign_in(ALICE);
    ck_assert_str_eq(gh_json_get_string(claims, "iss"), ISSUER);
    ck_assert_str_eq(gh_json_get_string(claims, "sub"), "user-1");
    ck_assert_str_eq(gh_json_get_string(claims, "name"), "Alice");
    ck_assert_str_eq(gh_json_get_string(claims, "email"), "alice@example.com");
    cJSON_Delete(claims);
}
END_TEST

START_TEST(names_and_addresses_are_taken_when_they_can_be_shown)
{
    cJSON *claims = sign_in("{\"sub\":\"u\",\"preferred_username\":\"akadmin\",\"email\":[\"a@b.example\"]}");
    ck_assert_str_eq(gh_json_get_string(claims, "name"), "akadmin");
    ck_assert_ptr_null(gh_json_get(claims, "email"));
    cJSON_Delete(claims);
    claims = sign_in("{\"sub\":\"u\",\"name\":\"Al\\u202eice\\n B\",\"email\":\"not an address\"}");
    ck_assert_str_eq(gh_json_get_string(claims, "name"), "Alice B");
    ck_assert_ptr_null(gh_json_get(claims, "email"));
    cJSON_Delete(claims);
    claims = sign_in("{\"sub\":\"u\",\"name\":7}");
    ck_assert_ptr_null(gh_json_get(claims, "name"));
    cJSON_Delete(claims);
}
END_TEST

static const char *const NOBODY[] = {
    "{}",
    "{\"sub\":\"\"}",
    "{\"sub\":7}",
    "{\"sub\":\"a\\u0007b\"}",
    "{\"sub\":\"\xc3\xa4\"}",
    "{\"sub\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
};

START_TEST(a_login_of_nobody_is_an_error)
{
    P.claims = NOBODY[_i];
    expect_error(trip_return(&T), "server_error");
    ck_assert_uint_eq(count_grants(F), 0);
}
END_TEST

START_TEST(the_tokens_of_the_provider_are_kept_sealed)
{
    char grant[64];
    gh_upstream_tokens kept;
    memset(&kept, 0, sizeof kept);
    trip_finish(&T);
    tokens t = tokens_of(&T.l);
    grant_of(F, t.access, grant, sizeof grant);
    ck_assert_int_eq(gh_store_upstream_tokens_get(F->store, grant, &kept), GH_OK);
    ck_assert_ptr_null(strstr(kept.sealed, "first-"));
    ck_assert_uint_gt(strlen(kept.sealed), 40);
    ck_assert_int_eq(kept.expires_at, gh_clock_wall_s() + 300);
    ck_assert_ptr_null(strstr(t.access, "first-"));
    gh_upstream_tokens_clear(&kept);
}
END_TEST

static const char *const BAD_QUERIES[] = {
    "",
    "code=c",
    "code=c&state=",
    "code=c&state=short",
    "code=c&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "code=c&state=%ff",
    "error=access_denied",
    "error=access_denied&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

START_TEST(a_state_that_was_never_given_out_is_a_page_and_changes_nothing)
{
    expect_page(callback(BAD_QUERIES[_i]), 400);
    trip_finish(&T);
}
END_TEST

START_TEST(a_doubled_parameter_is_a_page_and_changes_nothing)
{
    char *query = form("code", "c", "state", T.state, "state", T.state, NULL);
    expect_page(callback(query), 400);
    free(query);
    query = form("code", "c", "code", "d", "state", T.state, NULL);
    expect_page(callback(query), 400);
    free(query);
    query = form("state", T.state, NULL);
    expect_page(callback(query), 400);
    free(query);
    trip_finish(&T);
}
END_TEST

START_TEST(nobody_ends_a_login_from_another_browser)
{
    trip other = {.l = {.f = F}};
    memcpy(other.l.client, T.l.client, sizeof other.l.client);
    trip_start(&other, CALLBACK, "st");
    struct gh_idp before = P;
    trip_approve(&other);
    P = before;
    ck_assert_str_ne(other.cookie, T.cookie);
    char *query = form("error", "access_denied", "state", T.state, NULL);
    expect_page(trip_callback_with(&T, query, other.cookie), 400);
    expect_page(trip_callback_with(&T, query, NULL), 400);
    expect_page(trip_callback_with(&T, query, "gh_idp_8080=x"), 400);
    expect_page(trip_callback_with(&T, query, T.l.cookie), 400);
    free(query);
    trip_finish(&T);
}
END_TEST

START_TEST(a_state_works_once)
{
    trip_finish(&T);
    P.exchanges = 0;
    expect_page(trip_return(&T), 400);
    ck_assert_uint_eq(count_grants(F), 1);
}
END_TEST

START_TEST(a_state_lives_ten_minutes)
{
    trip late = T;
    trip_start(&late, CALLBACK, "st");
    clock_forward(599);
    trip_approve(&late);
    clock_forward(2);
    expect_page(trip_return(&T), 400);
    clock_forward(597);
    trip_finish(&late);
}
END_TEST

START_TEST(an_approval_that_was_given_twice_leads_to_one_login)
{
    trip again = T;
    trip_approve(&again);
    trip_finish(&again);
    P.exchanges = 0;
    expect_page(trip_return(&T), 400);
    ck_assert_uint_eq(count_grants(F), 1);
}
END_TEST

START_TEST(two_tabs_of_a_browser_work_side_by_side)
{
    trip second = {.l = {.f = F}};
    memcpy(second.l.client, T.l.client, sizeof second.l.client);
    memcpy(second.l.cookie, T.l.cookie, sizeof second.l.cookie);
    struct gh_idp first_asked = P;
    trip_start(&second, CALLBACK, "s2");
    trip_approve(&second);
    struct gh_idp second_asked = P;
    ck_assert_str_eq(second.cookie, T.cookie);
    P = first_asked;
    trip_finish(&T);
    P = second_asked;
    trip_finish(&second);
    ck_assert_str_ne(T.l.code, second.l.code);
}
END_TEST

START_TEST(an_answer_of_another_issuer_is_a_page_and_changes_nothing)
{
    static const char *const others[] = {"https://evil.example/",
                                         "https://auth.example.com/application/o/gatehouse"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char *query = form("code", "c", "state", T.state, "iss", others[i], NULL);
        expect_page(callback(query), 400);
        free(query);
    }
    P.says_issuer = true;
    expect_page(trip_return(&T), 400);
    char *query = form("code", "c", "state", T.state, "iss", PROVIDER, NULL);
    reply r = callback(query);
    ck_assert_int_eq(r.status, 302);
    location_param(&r, "code", T.l.code, sizeof T.l.code);
    ck_assert_str_ne(T.l.code, "");
    reply_clear(&r);
    free(query);
}
END_TEST

static const char *const ERRORS[][2] = {
    {"access_denied", "access_denied"},
    {"temporarily_unavailable", "temporarily_unavailable"},
    {"server_error", "server_error"},
    {"invalid_scope", "server_error"},
    {"invalid_request", "server_error"},
    {"interaction_required", "server_error"},
    {"<script>upstream</script>", "server_error"},
};

START_TEST(an_error_of_the_provider_becomes_one_of_ours)
{
    char *query = form("error", ERRORS[_i][0], "error_description", PROVIDER_WORDS, "state", T.state, NULL);
    expect_error(callback(query), ERRORS[_i][1]);
    ck_assert_int_eq(P.exchanges, 0);
    expect_page(callback(query), 400);
    free(query);
}
END_TEST

START_TEST(a_code_beside_an_error_is_not_used)
{
    char *query = form("error", "access_denied", "code", "c", "state", T.state, NULL);
    expect_error(callback(query), "access_denied");
    ck_assert_int_eq(P.exchanges, 0);
    free(query);
}
END_TEST

START_TEST(a_code_that_the_provider_refuses_is_an_error)
{
    P.exchange_status = GH_ERR_DENIED;
    expect_error(trip_return(&T), "server_error");
    ck_assert_uint_eq(count_grants(F), 0);
}
END_TEST

START_TEST(an_outage_of_the_provider_is_told_as_one)
{
    P.exchange_status = GH_ERR_UNAVAILABLE;
    expect_error(trip_return(&T), "temporarily_unavailable");
    ck_assert_uint_eq(count_grants(F), 0);
}
END_TEST

START_TEST(a_provider_that_is_not_found_yet_costs_nothing)
{
    P.state = GH_IDP_WAITING;
    expect_page(trip_return(&T), 503);
    P.state = GH_IDP_READY;
    trip_finish(&T);
}
END_TEST

typedef struct claim_case {
    const char *claims;
    bool enters;
} claim_case;

static const claim_case CLAIM_CASES[] = {
    {"{\"sub\":\"u\",\"groups\":[\"staff\",\"mcp\"]}", true},
    {"{\"sub\":\"u\",\"groups\":\"mcp\"}", true},
    {"{\"sub\":\"u\",\"groups\":[\"mcp-readers\"]}", false},
    {"{\"sub\":\"u\",\"groups\":\"staff mcp\"}", false},
    {"{\"sub\":\"u\",\"groups\":[]}", false},
    {"{\"sub\":\"u\",\"groups\":[[\"mcp\"]]}", false},
    {"{\"sub\":\"u\",\"groups\":{\"mcp\":true}}", false},
    {"{\"sub\":\"u\",\"Groups\":[\"mcp\"]}", false},
    {"{\"sub\":\"u\"}", false},
};

START_TEST(who_lacks_a_required_claim_is_told_so)
{
    char *rule = gh_text_dup("groups=mcp");
    char found[256];
    fixture *f = upstream_open_at(ISSUER, RESOURCE, &(gh_text_list){&rule, 1});
    trip t = trip_to_provider(f);
    P.claims = CLAIM_CASES[_i].claims;
    if (CLAIM_CASES[_i].enters) {
        trip_finish(&t);
    } else {
        reply r = trip_return(&t);
        assert_redirect_error(&r, CALLBACK "?", "access_denied", "st");
        location_param(&r, "error_description", found, sizeof found);
        ck_assert_str_eq(found, "Your account is not allowed to use this server; ask whoever runs it.");
        reply_clear(&r);
        ck_assert_uint_eq(count_grants(f), 0);
        ck_assert_str_eq(P.revoked, "first-refresh-1");
    }
    upstream_close(f);
    free(rule);
}
END_TEST

START_TEST(every_required_claim_counts)
{
    char *rules[] = {gh_text_dup("groups=mcp"), gh_text_dup("tier=gold")};
    fixture *f = upstream_open_at(ISSUER, RESOURCE, &(gh_text_list){rules, 2});
    trip t = trip_to_provider(f);
    P.claims = "{\"sub\":\"u\",\"groups\":[\"mcp\"]}";
    reply r = trip_return(&t);
    assert_redirect_error(&r, CALLBACK "?", "access_denied", "st");
    reply_clear(&r);
    P.claims = "{\"sub\":\"u\",\"groups\":[\"mcp\"],\"tier\":\"gold\"}";
    trip_start(&t, CALLBACK, "st");
    trip_approve(&t);
    trip_finish(&t);
    upstream_close(f);
    free(rules[0]);
    free(rules[1]);
}
END_TEST

static gh_status take_outage(gh_store *store, const char *hash, gh_upstream_login *taken)
{
    (void)store;
    (void)hash;
    (void)taken;
    return GH_ERR_UNAVAILABLE;
}

static gh_status grant_outage(gh_store *store, const gh_grant *grant, const gh_code *code)
{
    (void)store;
    (void)grant;
    (void)code;
    return GH_ERR_UNAVAILABLE;
}

static gh_status put_outage(gh_store *store, const gh_upstream_tokens *kept)
{
    (void)store;
    (void)kept;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(an_outage_before_the_state_is_used_can_be_tried_again)
{
    const gh_store_ops *whole = F->store->ops;
    F->ops.upstream_login_take = take_outage;
    F->store->ops = &F->ops;
    expect_page(trip_return(&T), 503);
    F->store->ops = whole;
    trip_finish(&T);
}
END_TEST

START_TEST(an_outage_at_the_grant_is_told_to_the_client)
{
    const gh_store_ops *whole = F->store->ops;
    F->ops.grant_add = grant_outage;
    F->store->ops = &F->ops;
    expect_error(trip_return(&T), "temporarily_unavailable");
    F->store->ops = whole;
    ck_assert_str_eq(P.revoked, "first-refresh-1");
}
END_TEST

START_TEST(a_grant_whose_provider_tokens_cannot_be_kept_goes_again)
{
    const gh_store_ops *whole = F->store->ops;
    F->ops.upstream_tokens_put = put_outage;
    F->store->ops = &F->ops;
    expect_error(trip_return(&T), "temporarily_unavailable");
    F->store->ops = whole;
    ck_assert_uint_eq(count_grants(F), 0);
}
END_TEST

START_TEST(without_a_provider_there_is_no_way_back)
{
    fixture *f = fixture_open();
    reply r = get(f, gh_oauth_handle_callback, "code=c&state=s", NULL);
    assert_page(&r, 400);
    reply_clear(&r);
    fixture_close(f);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

int main(void)
{
    Suite *suite = suite_create("upstream_callback");
    TCase *tc = tcase_create("upstream_callback");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, the_way_back_leads_to_the_client_with_code_state_and_issuer);
    tcase_add_test(tc, the_token_says_who_the_provider_says_it_is);
    tcase_add_test(tc, names_and_addresses_are_taken_when_they_can_be_shown);
    tcase_add_loop_test(tc, a_login_of_nobody_is_an_error, 0, COUNT(NOBODY));
    tcase_add_test(tc, the_tokens_of_the_provider_are_kept_sealed);
    tcase_add_loop_test(tc, a_state_that_was_never_given_out_is_a_page_and_changes_nothing, 0,
                        COUNT(BAD_QUERIES));
    tcase_add_test(tc, a_doubled_parameter_is_a_page_and_changes_nothing);
    tcase_add_test(tc, nobody_ends_a_login_from_another_browser);
    tcase_add_test(tc, a_state_works_once);
    tcase_add_test(tc, a_state_lives_ten_minutes);
    tcase_add_test(tc, an_approval_that_was_given_twice_leads_to_one_login);
    tcase_add_test(tc, two_tabs_of_a_browser_work_side_by_side);
    tcase_add_test(tc, an_answer_of_another_issuer_is_a_page_and_changes_nothing);
    tcase_add_loop_test(tc, an_error_of_the_provider_becomes_one_of_ours, 0, COUNT(ERRORS));
    tcase_add_test(tc, a_code_beside_an_error_is_not_used);
    tcase_add_test(tc, a_code_that_the_provider_refuses_is_an_error);
    tcase_add_test(tc, an_outage_of_the_provider_is_told_as_one);
    tcase_add_test(tc, a_provider_that_is_not_found_yet_costs_nothing);
    tcase_add_test(tc, an_outage_before_the_state_is_used_can_be_tried_again);
    tcase_add_test(tc, an_outage_at_the_grant_is_told_to_the_client);
    tcase_add_test(tc, a_grant_whose_provider_tokens_cannot_be_kept_goes_again);
    suite_add_tcase(suite, tc);
    TCase *own = tcase_create("own fixture");
    tcase_add_checked_fixture(own, clock_stop, NULL);
    tcase_add_loop_test(own, who_lacks_a_required_claim_is_told_so, 0, COUNT(CLAIM_CASES));
    tcase_add_test(own, every_required_claim_counts);
    tcase_add_test(own, without_a_provider_there_is_no_way_back);
    suite_add_tcase(suite, own);
    return gh_suite_run(suite);
}
