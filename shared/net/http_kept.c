/* Connections that are used again. */
#include <poll.h>
#include <string.h>

#include "shared/net/http_internal.h"

void gh_http_kept_note(const gh_http_transfer *transfer)
{
    gh_http_client *client = transfer->client;
    gh_http_kept made = {CURL_SOCKET_BAD, 0};
    if (gh_curl()->easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &made.fd) != CURLE_OK ||
        gh_curl()->easy_getinfo(transfer->easy, CURLINFO_LOCAL_PORT, &made.local_port) != CURLE_OK ||
        made.fd == CURL_SOCKET_BAD || made.local_port <= 0) {
        return;
    }
    for (size_t i = 0; i < GH_HTTP_KEPT_MAX; i++) {
        if (client->kept[i].local_port == made.local_port) {
            client->kept[i] = made;
            return;
        }
    }
    client->kept[client->kept_next] = made;
    client->kept_next = (client->kept_next + 1) % GH_HTTP_KEPT_MAX;
}

bool gh_http_kept_is_soiled(const gh_http_transfer *transfer, long local_port)
{
    const gh_http_client *client = transfer->client;
    long opened = 0;
    if (gh_curl()->easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &opened) != CURLE_OK || opened > 0 ||
        (client->multiplexes && strncmp(transfer->url, "https:", 6) == 0)) {
        return false;
    }
    for (size_t i = 0; i < GH_HTTP_KEPT_MAX; i++) {
        if (local_port > 0 && client->kept[i].local_port == local_port) {
            struct pollfd now = {.fd = client->kept[i].fd, .events = POLLIN};
            return poll(&now, 1, 0) > 0;
        }
    }
    return false;
}
