/* A device that signs in, and the person's browser beside it. */
#ifndef GH_TESTS_DEVICE_FIXTURE_H
#define GH_TESTS_DEVICE_FIXTURE_H

#include "tests/unit/server/oauth_fixture.h"

#define DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"
#define DEVICE_CLIENT_JSON                                                                                   \
    "{\"client_name\":\"Kitchen <TV>\",\"grant_types\":[\"" DEVICE_GRANT "\",\"refresh_token\"]}"

/* `browser.client` is the device's; the rest of `browser` is the person's. */
typedef struct device {
    login browser;
    char code[256];
    char user_code[64];
} device;

static inline reply post_start(fixture *f, const char *client, const char *scope, const char *resource)
{
    char *body = form("client_id", client, "scope", scope, "resource", resource, NULL);
    reply r = post(f, gh_oauth_handle_device_authorization, body, NULL);
    free(body);
    return r;
}

static inline void device_start(device *d, const char *scope)
{
    reply r = post_start(d->browser.f, d->browser.client, scope, RESOURCE);
    ck_assert_msg(r.status == 200, "%d %s", r.status, reply_body(&r));
    json_member(&r, "device_code", d->code, sizeof d->code);
    json_member(&r, "user_code", d->user_code, sizeof d->user_code);
    reply_clear(&r);
}

static inline device device_open(fixture *f)
{
    device d = {.browser = {.f = f}};
    register_json(f, DEVICE_CLIENT_JSON, d.browser.client, sizeof d.browser.client);
    device_start(&d, NULL);
    return d;
}

/* The page where the code is entered; its form's token and cookie are remembered. */
static inline reply device_page(device *d, const char *user_code)
{
    char *query = form("user_code", user_code, NULL);
    reply r = get(d->browser.f, gh_oauth_handle_device, query, d->browser.cookie);
    free(query);
    ck_assert_msg(r.status == 200, "%d %s", r.status, reply_body(&r));
    keep_cookie(&d->browser, &r);
    hidden_field(&r, "csrf", d->browser.csrf, sizeof d->browser.csrf);
    return r;
}

static inline reply device_enter(const device *d, const char *user_code)
{
    char *body = form("csrf", d->browser.csrf, "user_code", user_code, NULL);
    reply r = post(d->browser.f, gh_oauth_handle_device, body, d->browser.cookie);
    free(body);
    return r;
}

/* From the code to the login page. */
static inline void device_begin_login(device *d)
{
    reply r = device_page(d, NULL);
    reply_clear(&r);
    r = device_enter(d, d->user_code);
    ck_assert_msg(r.status == 303, "%d %s", r.status, reply_body(&r));
    ck_assert_int_eq(strncmp(r.location, "/authorize/login?flow=", 22), 0);
    location_param(&r, "flow", d->browser.flow, sizeof d->browser.flow);
    reply_clear(&r);
    char *query = form("flow", d->browser.flow, NULL);
    r = get(d->browser.f, gh_oauth_handle_login, query, d->browser.cookie);
    free(query);
    ck_assert_int_eq(r.status, 200);
    hidden_field(&r, "csrf", d->browser.csrf, sizeof d->browser.csrf);
    reply_clear(&r);
}

/* From the code to the consent page. */
static inline void device_begin(device *d)
{
    device_begin_login(d);
    login_sign_in(&d->browser, "Alice", "alice@example.com");
    login_read_consent(&d->browser);
}

static inline reply device_poll_as(const device *d, const char *client, const char *code)
{
    char *body = form("grant_type", DEVICE_GRANT, "client_id", client, "device_code", code, NULL);
    reply r = post_token(d->browser.f, body);
    free(body);
    return r;
}

static inline reply device_poll(const device *d)
{
    return device_poll_as(d, d->browser.client, d->code);
}

static inline void device_expect(const device *d, const char *error)
{
    reply r = device_poll(d);
    assert_error(&r, 400, error);
    assert_header(&r, "Cache-Control", "no-store");
    reply_clear(&r);
}

#endif
