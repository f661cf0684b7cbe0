#include <check.h>
#include <stdlib.h>

#include "server/auth/principal.h"
#include "tests/support/suite.h"

static char alice[] = "alice", bob[] = "bob", one[] = "https://one", two[] = "https://two",
            cursor[] = "cursor", other[] = "other", scope[] = "mcp mcp:admin offline_access",
            mail[] = "a@example.org";

START_TEST(an_identity_is_issuer_subject_and_client)
{
    gh_principal a = {.issuer = one, .subject = alice, .client_id = cursor, .expires_at = 1};
    gh_principal b = {.issuer = one, .subject = alice, .client_id = cursor, .email = mail, .expires_at = 2};
    ck_assert(gh_principal_same(&a, &b));
    b.subject = bob;
    ck_assert(!gh_principal_same(&a, &b));
    b.subject = alice;
    b.issuer = two;
    ck_assert(!gh_principal_same(&a, &b));
    b.issuer = one;
    b.client_id = other;
    ck_assert(!gh_principal_same(&a, &b));
    b.client_id = NULL;
    ck_assert(!gh_principal_same(&a, &b));
    a.client_id = NULL;
    ck_assert(gh_principal_same(&a, &b));
    ck_assert(!gh_principal_same(&a, NULL));
    ck_assert(!gh_principal_same(NULL, NULL));
}
END_TEST

START_TEST(a_scope_is_a_whole_word)
{
    gh_principal a = {.scope = scope};
    ck_assert(gh_principal_has_scope(&a, GH_VIEW_LIT("mcp")));
    ck_assert(gh_principal_has_scope(&a, GH_VIEW_LIT("mcp:admin")));
    ck_assert(gh_principal_has_scope(&a, GH_VIEW_LIT("offline_access")));
    ck_assert(!gh_principal_has_scope(&a, GH_VIEW_LIT("mc")));
    ck_assert(!gh_principal_has_scope(&a, GH_VIEW_LIT("admin")));
    ck_assert(!gh_principal_has_scope(&a, GH_VIEW_LIT("MCP")));
    ck_assert(!gh_principal_has_scope(&a, GH_VIEW_LIT("")));
    ck_assert(!gh_principal_has_scope(NULL, GH_VIEW_LIT("mcp")));
    a.scope = NULL;
    ck_assert(!gh_principal_has_scope(&a, GH_VIEW_LIT("mcp")));
}
END_TEST

START_TEST(freeing_takes_every_part_and_null)
{
    gh_principal_free(NULL);
    gh_principal *a = calloc(1, sizeof(*a));
    ck_assert_ptr_nonnull(a);
    a->issuer = gh_text_dup(one);
    a->subject = gh_text_dup(alice);
    a->name = gh_text_dup(alice);
    a->email = gh_text_dup(mail);
    a->client_id = gh_text_dup(cursor);
    a->scope = gh_text_dup(scope);
    a->grant_id = gh_text_dup(other);
    gh_principal_free(a); /* the leak checker of the sanitizer build asserts the rest */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("principal");
    TCase *tests = tcase_create("principal");
    tcase_add_test(tests, an_identity_is_issuer_subject_and_client);
    tcase_add_test(tests, a_scope_is_a_whole_word);
    tcase_add_test(tests, freeing_takes_every_part_and_null);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
