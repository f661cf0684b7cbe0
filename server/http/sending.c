#include "server/http/sending.h"

/* Replies up to this size fit into a socket's send buffer; only larger ones can be held up for long. */
#define STEP ((size_t)64 * 1024)
#define LEAST_MS 10000
#define BYTES_PER_MS 32

gh_deadline gh_sending_deadline(const gh_transaction_setting *setting, size_t len)
{
    int64_t least = setting->write_timeout_ms > 0 ? setting->write_timeout_ms : LEAST_MS;
    return gh_deadline_in(least + (int64_t)(len / BYTES_PER_MS));
}

static gh_status send_steps(const gh_transaction_peer *peer, gh_view bytes)
{
    gh_status status = GH_OK;
    for (size_t sent = 0; status == GH_OK && sent < bytes.len; sent += STEP) {
        size_t rest = bytes.len - sent;
        if (peer->expect != NULL) {
            (void)peer->expect(peer->context, GH_EXPECTS_TAKING);
        }
        status = peer->write(peer->context, gh_view_make(bytes.ptr + sent, rest < STEP ? rest : STEP));
    }
    return status;
}

gh_status gh_sending_reply(const gh_transaction_setting *setting, const gh_transaction_peer *peer,
                           gh_view bytes)
{
    gh_watch watch;
    if (bytes.len <= STEP) {
        return send_steps(peer, bytes);
    }
    gh_watchdog_add(setting->watchdog, &watch, peer->name, GH_WATCH_WRITE,
                    gh_sending_deadline(setting, bytes.len));
    gh_status status = send_steps(peer, bytes);
    return gh_watchdog_remove(setting->watchdog, &watch) ? GH_ERR_TIMEOUT : status;
}
