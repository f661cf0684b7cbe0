#include <check.h>
#include <string.h>

#include "bridge/login/policy.h"
#include "tests/support/suite.h"

typedef struct row {
    const char *from, *to;
    bool allow_http;
    gh_status expected;
} row;

static const row ROWS[] = {
    {"http://localhost:8080/mcp", "http://localhost:8080/token", false, GH_OK},
    {"http://localhost:8080/mcp", "http://127.0.0.1:9000/token", false, GH_OK},
    {"http://localhost:8080/mcp", "https://id.example.org/token", false, GH_OK},
    {"http://localhost:8080/mcp", "http://id.example.org/token", false, GH_ERR_DENIED},
    {"http://localhost:8080/mcp", "http://id.example.org/token", true, GH_OK},
    {"https://mcp.example.org/mcp", "https://id.example.org/token", false, GH_OK},
    {"https://mcp.example.org/mcp", "http://id.example.org/token", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "https://localhost/token", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "http://127.0.0.1:8080/token", true, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "https://[::1]/token", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "https://169.254.169.254/latest", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "https://[fe80::1]/token", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "https://0.0.0.0/token", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "https://x.localhost/token", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "https://[::ffff:127.0.0.1]/token", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "file:///etc/passwd", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "https://user@id.example.org/", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "https://id.example.org/#x", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "javascript:alert(1)", false, GH_ERR_DENIED},
    {"https://mcp.example.org/mcp", "not a url", false, GH_ERR_DENIED},
};

START_TEST(a_server_leads_only_where_it_may)
{
    const row *tested = &ROWS[_i];
    gh_error error = {GH_OK, ""};
    gh_status status =
        gh_policy_check(tested->from, tested->to, "token endpoint", tested->allow_http, &error);
    ck_assert_msg(status == tested->expected, "%s -> %s: %d", tested->from, tested->to, (int)status);
    if (status != GH_OK) {
        ck_assert_ptr_nonnull(strstr(error.message, "token endpoint"));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tests = tcase_create("policy");
    tcase_add_loop_test(tests, a_server_leads_only_where_it_may, 0, (int)(sizeof(ROWS) / sizeof(ROWS[0])));
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
