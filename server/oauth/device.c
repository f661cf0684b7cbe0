#include "server/oauth/device.h"

#include <stdlib.h>
#include <string.h>

#include "server/oauth/page.h"
#include "shared/core/log.h"

struct gh_device_limits {
    gh_throttle *attempts;
    gh_throttle_table *attempts_by_address;
    gh_throttle_table *starts_by_address;
};

gh_device_limits *gh_device_limits_new(void)
{
    gh_device_limits *limits = calloc(1, sizeof *limits);
    if (limits == NULL) {
        return NULL;
    }
    limits->attempts = gh_throttle_new_with(GH_DEVICE_ATTEMPTS, GH_THROTTLE_WINDOW_MS);
    limits->attempts_by_address =
        gh_throttle_table_new(GH_DEVICE_ATTEMPTS_PER_ADDRESS, GH_THROTTLE_WINDOW_MS);
    limits->starts_by_address = gh_throttle_table_new(GH_DEVICE_STARTS_PER_ADDRESS, GH_THROTTLE_WINDOW_MS);
    if (limits->attempts == NULL || limits->attempts_by_address == NULL ||
        limits->starts_by_address == NULL) {
        gh_device_limits_free(limits);
        return NULL;
    }
    return limits;
}

void gh_device_limits_free(gh_device_limits *limits)
{
    if (limits != NULL) {
        gh_throttle_free(limits->attempts);
        gh_throttle_table_free(limits->attempts_by_address);
        gh_throttle_table_free(limits->starts_by_address);
        free(limits);
    }
}

bool gh_device_may_start(gh_device_limits *limits, gh_view address, int64_t *retry_after_s)
{
    return gh_throttle_table_enter(limits->starts_by_address, address, retry_after_s);
}

/* The address first: whom its own limit stops takes no place from the others. */
bool gh_device_may_try(gh_device_limits *limits, gh_view address, int64_t *retry_after_s)
{
    if (!gh_throttle_table_enter(limits->attempts_by_address, address, retry_after_s)) {
        return false;
    }
    if (gh_throttle_enter(limits->attempts, retry_after_s)) {
        return true;
    }
    gh_throttle_table_forgive(limits->attempts_by_address, address);
    return false;
}

void gh_device_tried_well(gh_device_limits *limits, gh_view address)
{
    gh_throttle_table_forgive(limits->attempts_by_address, address);
    gh_throttle_forgive(limits->attempts);
}

bool gh_device_is_target(const char *redirect_uri)
{
    return redirect_uri != NULL && strcmp(redirect_uri, GH_DEVICE_TARGET) == 0;
}

gh_status gh_device_keep(const gh_oauth_server *server, const gh_flow *flow, const gh_grant *grant)
{
    return gh_store_device_decide(server->store, flow->state, grant);
}

void gh_device_answer_done(gh_response *response)
{
    gh_page_message(response, 200, "Your device is connected",
                    "You allowed the access. The device notices within a few seconds.",
                    "Go back to your device. You can close this page.");
}

static bool is_waiting(const gh_oauth_server *server, const char *user_code_hash)
{
    gh_device device;
    memset(&device, 0, sizeof device);
    gh_status status = gh_store_device_by_user_code(server->store, user_code_hash, &device);
    bool waiting = status == GH_OK ? device.state == GH_DEVICE_PENDING : status != GH_ERR_NOT_FOUND;
    gh_device_clear(&device);
    return waiting;
}

static void page_over(gh_response *response)
{
    gh_page_message(response, 400, "This code is over",
                    "It was decided on already, in another tab or browser, or it has expired.",
                    "If your device still waits, start the sign-in there again.");
}

static void deny(const gh_oauth_server *server, const char *user_code_hash, const char *description,
                 gh_response *response)
{
    gh_status status = gh_store_device_decide(server->store, user_code_hash, NULL);
    if (status == GH_ERR_NOT_FOUND) {
        page_over(response);
        return;
    }
    if (status != GH_OK) {
        gh_log_warn("a device was denied, and could not be told: %s", gh_status_text(status));
    }
    gh_page_message(response, 200, "The device gets no access", description,
                    "You can close this page. If that was not what you meant, start the sign-in on your "
                    "device again.");
}

void gh_device_answer_error(const gh_oauth_server *server, const char *user_code_hash, const char *error,
                            const char *description, gh_response *response)
{
    if (strcmp(error, "access_denied") == 0) {
        deny(server, user_code_hash, description, response);
    } else if (!is_waiting(server, user_code_hash)) {
        page_over(response);
    } else {
        bool outage = strcmp(error, "temporarily_unavailable") == 0;
        if (outage) {
            gh_response_header_cstr(response, "Retry-After", GH_OAUTH_RETRY_AFTER);
        }
        gh_page_message(response, outage ? 503 : 500, "The device is not connected yet", description,
                        "While the code on your device is still valid, open the address that it shows and "
                        "enter the code again.");
    }
}
