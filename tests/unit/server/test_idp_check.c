#include "tests/unit/server/idp_fixture.h"

static provider p;

static void setup(void)
{
    provider_start(&p);
}

static void teardown(void)
{
    provider_stop(&p);
}

typedef struct lines {
    char text[4096]; /* "+what\n" or "-what: detail | remedy\n" */
} lines;

static void report(void *context, bool good, const char *what, const char *detail, const char *remedy)
{
    lines *all = context;
    size_t used = strlen(all->text);
    ck_assert_ptr_nonnull(detail);
    ck_assert((remedy == NULL) == good);
    ck_assert_str_ne(detail, "");
    if (good) {
        (void)snprintf(all->text + used, sizeof all->text - used, "+%s\n", what);
    } else {
        ck_assert_str_ne(remedy, "");
        (void)snprintf(all->text + used, sizeof all->text - used, "-%s: %s | %s\n", what, detail, remedy);
    }
}

static gh_status check(const gh_idp_options *options, lines *all)
{
    memset(all, 0, sizeof *all);
    gh_idp *idp = idp_new(options);
    gh_status status = gh_idp_check(idp, report, all);
    gh_idp_free(idp);
    return status;
}

static char *authorize_target(size_t request)
{
    gh_view head = gh_http_fixture_head(p.fixture, request);
    gh_view target;
    (void)gh_view_next(&head, ' ', &target);
    (void)gh_view_next(&head, ' ', &target);
    return gh_view_dup(target);
}

/* The authorization request has a state of its own, so that its reply fits every path and comes last. */
static void answer_authorization(int status, const char *location)
{
    char *header = location == NULL ? text_of("%s", "") : text_of("Location: %s\r\n", location);
    provider_raw(&p, "GET", NULL,
                 text_of("HTTP/1.1 %d Status\r\n%sContent-Length: 0\r\n\r\n", status, header), false);
    free(header);
}

START_TEST(all_good_is_a_list_of_ticks)
{
    lines all;
    gh_idp_options options = idp_options(&p);
    provider_good(&p);
    answer_authorization(302, CALLBACK "?error=login_required&state=x");
    ck_assert_int_eq(check(&options, &all), GH_OK);
    ck_assert_str_eq(all.text, "+reachable\n+issuer\n+endpoints\n+PKCE\n+algorithm\n+keys\n+redirect URI\n");
    char *target = authorize_target(provider_find(&p, "GET " PROVIDER_AUTHORIZE));
    ck_assert_ptr_nonnull(strstr(target, "prompt=none"));
    ck_assert_ptr_nonnull(strstr(target, "code_challenge_method=S256"));
    ck_assert_ptr_nonnull(strstr(target, "redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fcallback"));
    free(target);
}
END_TEST

static const struct {
    bool renamed;
    const char *announced;
    const char *says;
    bool good;
} NAMES[] = {
    {true, "true", "-issuer in answers: ", false},
    {true, "false", "+issuer in answers\n", true},
    {false, "true", NULL, true},
};

START_TEST(a_renamed_provider_must_not_name_itself_in_its_answers)
{
    lines all;
    const gh_idp_options options = {.issuer = p.issuer, .renamed = NAMES[_i].renamed};
    char *members =
        text_of(GOOD_PKCE ",\"authorization_response_iss_parameter_supported\":%s", NAMES[_i].announced);
    provider_document(&p, p.issuer, members, false);
    provider_keys(&p, &p.key, 1, false);
    ck_assert_int_eq(check(&options, &all) == GH_OK, NAMES[_i].good);
    ck_assert_int_eq(strstr(all.text, "issuer in answers") != NULL, NAMES[_i].says != NULL);
    ck_assert(NAMES[_i].says == NULL || strstr(all.text, NAMES[_i].says) != NULL);
    ck_assert(NAMES[_i].good || strstr(all.text, "--auth proxy") != NULL);
    free(members);
}
END_TEST

START_TEST(without_logins_there_is_no_redirect_uri_to_check)
{
    lines all;
    const gh_idp_options options = {.issuer = p.issuer};
    provider_good(&p);
    ck_assert_int_eq(check(&options, &all), GH_OK);
    ck_assert_str_eq(all.text, "+reachable\n+issuer\n+endpoints\n+algorithm\n+keys\n");
}
END_TEST

static const struct {
    int status;
    const char *location;
    const char *says; /* NULL: fine */
} ANSWERS[] = {
    {200, NULL, NULL}, /* a login page */
    {302, "/if/flow/default-authentication-flow/?next=x", NULL},
    {303, CALLBACK "?error=interaction_required", NULL},
    {302, CALLBACK "?code=abc", NULL},
    {400, NULL, "-redirect URI: "},
    {403, NULL, "-redirect URI: "},
    {500, NULL, "500"},
    {302, CALLBACK "?error=invalid_scope", "invalid_scope"},
    {302, CALLBACK "?error=unauthorized_client", "unauthorized_client"},
};

START_TEST(the_redirect_uri_is_tried_out)
{
    lines all;
    gh_idp_options options = idp_options(&p);
    provider_good(&p);
    answer_authorization(ANSWERS[_i].status, ANSWERS[_i].location);
    gh_status status = check(&options, &all);
    if (ANSWERS[_i].says == NULL) {
        ck_assert_int_eq(status, GH_OK);
        ck_assert_ptr_nonnull(strstr(all.text, "+redirect URI\n"));
    } else {
        ck_assert_int_ne(status, GH_OK);
        ck_assert_msg(strstr(all.text, ANSWERS[_i].says) != NULL, "%s", all.text);
        ck_assert_ptr_nonnull(strstr(all.text, "add exactly this redirect URI (strict): " CALLBACK));
    }
}
END_TEST

START_TEST(who_cannot_be_reached_gets_one_cross)
{
    lines all;
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)gh_http_fixture_free_port());
    const gh_idp_options options = {.issuer = url};
    ck_assert_int_ne(check(&options, &all), GH_OK);
    ck_assert_ptr_nonnull(strstr(all.text, "-reachable: "));
    ck_assert_ptr_nonnull(strstr(all.text, "connection refused"));
    ck_assert_ptr_null(strchr(all.text, '+'));
}
END_TEST

START_TEST(everything_that_is_wrong_is_listed_at_once)
{
    lines all;
    gh_idp_options options = idp_options(&p);
    char *document = text_of(
        "{\"issuer\":\"https://elsewhere.example/\",\"authorization_endpoint\":\"%s" PROVIDER_AUTHORIZE
        "\",\"token_endpoint\":\"http://a.example/token\",\"jwks_uri\":\"%s" PROVIDER_JWKS
        "\",\"id_token_signing_alg_values_supported\":[\"HS256\"]}",
        p.base, p.base);
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 200, document, false);
    provider_reply(&p, "GET", PROVIDER_JWKS, 200, "{}", false);
    answer_authorization(400, NULL);
    ck_assert_int_ne(check(&options, &all), GH_OK);
    ck_assert_ptr_nonnull(strstr(all.text, "+reachable\n-issuer: "));
    static const char *const crosses[] = {
        "-endpoints: ", "-PKCE: ", "-algorithm: ", "-keys: ", "-redirect URI: "};
    for (size_t i = 0; i < sizeof crosses / sizeof crosses[0]; i++) {
        ck_assert_msg(strstr(all.text, crosses[i]) != NULL, "%s in %s", crosses[i], all.text);
    }
    ck_assert_ptr_nonnull(strstr(all.text, "Signing Key"));
    free(document);
}
END_TEST

START_TEST(an_unsafe_authorization_endpoint_is_not_asked)
{
    lines all;
    gh_idp_options options = idp_options(&p);
    char *document =
        text_of("{\"issuer\":\"%s\",\"authorization_endpoint\":\"file:///etc/passwd\","
                "\"token_endpoint\":\"%s/t\",\"jwks_uri\":\"%s" PROVIDER_JWKS "\"," GOOD_PKCE "}",
                p.issuer, p.base, p.base);
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 200, document, false);
    provider_keys(&p, &p.key, 1, false);
    ck_assert_int_ne(check(&options, &all), GH_OK);
    ck_assert_ptr_nonnull(strstr(all.text, "-endpoints: "));
    ck_assert_ptr_null(strstr(all.text, "redirect URI"));
    free(document);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idp_check");
    TCase *tests = tcase_create("idp_check");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, all_good_is_a_list_of_ticks);
    tcase_add_test(tests, without_logins_there_is_no_redirect_uri_to_check);
    tcase_add_loop_test(tests, a_renamed_provider_must_not_name_itself_in_its_answers, 0,
                        sizeof NAMES / sizeof NAMES[0]);
    tcase_add_loop_test(tests, the_redirect_uri_is_tried_out, 0, (int)(sizeof ANSWERS / sizeof ANSWERS[0]));
    tcase_add_test(tests, who_cannot_be_reached_gets_one_cross);
    tcase_add_test(tests, everything_that_is_wrong_is_listed_at_once);
    tcase_add_test(tests, an_unsafe_authorization_endpoint_is_not_asked);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
