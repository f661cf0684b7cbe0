#include "server/mcp/cursor.h"

#include <string.h>

#include "shared/core/digest.h"
#include "shared/core/secret.h"
#include "shared/net/base64.h"

#define PURPOSE "gatehouse list cursor 1"
#define BODY_LEN 9
#define MAC_LEN 16
#define CURSOR_LEN (BODY_LEN + MAC_LEN)
#define CURSOR_TEXT_LEN 34 /* of CURSOR_LEN bytes in base64url */

static void write_body(unsigned kind, uint64_t last, char body[BODY_LEN])
{
    body[0] = (char)(unsigned char)kind;
    for (size_t i = 0; i < 8; i++) {
        body[1 + i] = (char)(unsigned char)(last >> (56 - 8 * i));
    }
}

static uint64_t read_number(const char *body)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++) {
        number = number << 8 | (unsigned char)body[1 + i];
    }
    return number;
}

/* The purpose keeps the key's other uses, if it has any, apart from this one. */
static gh_status sign(gh_view key, const char body[BODY_LEN], char mac[MAC_LEN])
{
    char signed_text[sizeof PURPOSE + BODY_LEN];
    unsigned char whole[GH_SHA256_LEN];
    memcpy(signed_text, PURPOSE, sizeof PURPOSE);
    memcpy(signed_text + sizeof PURPOSE, body, BODY_LEN);
    gh_status status = gh_hmac_sha256(key, gh_view_make(signed_text, sizeof signed_text), whole);
    if (status == GH_OK) {
        memcpy(mac, whole, MAC_LEN);
    }
    return status;
}

gh_status gh_mcp_cursor_write(gh_view key, unsigned kind, uint64_t last, gh_buf *out)
{
    char cursor[CURSOR_LEN];
    write_body(kind, last, cursor);
    gh_status status = sign(key, cursor, cursor + BODY_LEN);
    return status == GH_OK ? gh_base64url_encode(gh_view_make(cursor, sizeof cursor), out) : status;
}

gh_status gh_mcp_cursor_read(gh_view key, unsigned kind, gh_view text, uint64_t *last)
{
    if (text.len != CURSOR_TEXT_LEN) {
        return GH_ERR_INVALID;
    }
    char mac[MAC_LEN];
    gh_buf plain = GH_BUF_INIT(CURSOR_LEN);
    gh_status status = gh_base64url_decode(text, &plain);
    if (status != GH_OK || plain.len != CURSOR_LEN) {
        status = status == GH_ERR_NOMEM ? status : GH_ERR_INVALID;
        goto out;
    }
    status = sign(key, plain.data, mac);
    if (status != GH_OK) {
        goto out;
    }
    if (!gh_equal_constant_time(gh_view_make(mac, MAC_LEN), gh_view_make(plain.data + BODY_LEN, MAC_LEN)) ||
        (unsigned char)plain.data[0] != kind) {
        status = GH_ERR_INVALID;
        goto out;
    }
    *last = read_number(plain.data);
out:
    gh_buf_free(&plain);
    return status;
}
