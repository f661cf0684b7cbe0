#include "server/oauth/device_code.h"

#include <string.h>

#include "server/oauth/browser.h"
#include "shared/core/clock.h"
#include "shared/core/random.h"

static const char ALPHABET[] = "BCDFGHJKLMNPQRSTVWXZ";
#define LETTERS (sizeof ALPHABET - 1)
#define TYPED_MAX 64 /* bytes; more is no slip of the finger */

gh_status gh_user_code_new(char out[GH_USER_CODE_LEN + 1])
{
    size_t len = 0;
    while (len < GH_USER_CODE_LEN) {
        unsigned char bytes[2 * GH_USER_CODE_LEN];
        gh_status status = gh_random_bytes(bytes, sizeof bytes);
        if (status != GH_OK) {
            return status;
        }
        for (size_t i = 0; i < sizeof bytes && len < GH_USER_CODE_LEN; i++) {
            /* The rest of the range would make some letters likelier. */
            if (bytes[i] < 256 / LETTERS * LETTERS) {
                out[len++] = ALPHABET[bytes[i] % LETTERS];
            }
        }
        gh_wipe(bytes, sizeof bytes);
    }
    out[len] = '\0';
    return GH_OK;
}

bool gh_user_code_read(gh_view typed, char out[GH_USER_CODE_LEN + 1])
{
    size_t len = 0;
    if (typed.len > TYPED_MAX) {
        return false;
    }
    for (size_t i = 0; i < typed.len; i++) {
        char c = typed.ptr[i];
        if (c == '-' || c == ' ' || c == '\t' || c == '.' || c == '_') {
            continue;
        }
        if (c >= 'a' && c <= 'z') {
            c = (char)(c - 'a' + 'A');
        }
        if (c == '\0' || strchr(ALPHABET, c) == NULL || len == GH_USER_CODE_LEN) {
            return false;
        }
        out[len++] = c;
    }
    out[len] = '\0';
    return len == GH_USER_CODE_LEN;
}

void gh_user_code_show(const char code[GH_USER_CODE_LEN + 1], char out[GH_USER_CODE_SHOWN + 1])
{
    const size_t half = GH_USER_CODE_LEN / 2;
    memcpy(out, code, half);
    out[half] = '-';
    memcpy(out + half + 1, code + half, GH_USER_CODE_LEN - half + 1);
}

gh_status gh_user_code_hash(const gh_oauth_server *server, const char *code, char out[GH_SHA256_TEXT_MAX])
{
    gh_buf text = GH_BUF_INIT(64);
    (void)gh_buf_append_cstr(&text, "user code\n");
    (void)gh_buf_append_cstr(&text, code);
    gh_status status = gh_buf_status(&text);
    if (status == GH_OK) {
        status = gh_hmac_text(server->csrf_secret, gh_buf_view(&text), out);
    }
    gh_buf_wipe_free(&text);
    return status;
}

gh_status gh_device_code_new(int64_t expires_at, char **code)
{
    char *token = NULL;
    gh_buf text = GH_BUF_INIT(GH_DEVICE_CODE_MAX);
    gh_status status = gh_random_token(GH_OAUTH_TOKEN_BYTES, &token);
    if (status == GH_OK) {
        status = gh_buf_reserve(&text, GH_DEVICE_CODE_MAX);
    }
    if (status == GH_OK) {
        (void)gh_buf_appendf(&text, "%s.%lld", token, (long long)expires_at);
        *code = gh_buf_steal(&text);
        status = *code == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_wipe_free(token);
    gh_buf_wipe_free(&text);
    return status;
}

bool gh_device_code_is_over(const char *code)
{
    int64_t expires_at = 0;
    gh_view text = gh_view_of(code);
    size_t dot = gh_view_find(text, '.');
    return dot < text.len && gh_oauth_is_token(gh_view_make(text.ptr, dot)) &&
           gh_view_to_int64(gh_view_make(text.ptr + dot + 1, text.len - dot - 1), 0, INT64_MAX,
                            &expires_at) == GH_OK &&
           expires_at <= gh_clock_wall_s();
}
