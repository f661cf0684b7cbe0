#include "server/auth/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/config/options.h"
#include "shared/core/digest.h"
#include "shared/core/file.h"
#include "shared/core/random.h"
#include "shared/net/base64.h"

/* A sealed text is base64url of: version, nonce, ciphertext, tag. The version counts as authenticated data. A
 * random nonce of 96 bits is good for 2^32 texts under one key (NIST SP 800-38D, 8.3); a login and a refresh
 * every ten minutes for a thousand people use that up in 80 years. */
#define VERSION 1
#define KEY_LEN 32
#define NONCE_LEN 12
#define TAG_LEN 16
#define OVERHEAD (1 + NONCE_LEN + TAG_LEN)
#define PLAIN_MAX ((size_t)1 << 20)
#define CONTEXT_MAX ((size_t)1 << 16)

struct gh_sealer {
    unsigned char seal_key[KEY_LEN];
    unsigned char root_key[KEY_LEN]; /* of the keys that are derived later */
    char fingerprint[GH_SHA256_TEXT_MAX];
};

/* The key itself is used for nothing but to derive one key for each purpose. */
static gh_status derive(gh_view key, gh_sealer *sealer)
{
    unsigned char mark[GH_SHA256_LEN];
    gh_status status = gh_hmac_sha256(key, GH_VIEW_LIT("gatehouse sealing v1"), sealer->seal_key);
    if (status == GH_OK) {
        status = gh_hmac_sha256(key, GH_VIEW_LIT("gatehouse derivation v1"), sealer->root_key);
    }
    if (status == GH_OK) {
        status = gh_hmac_sha256(key, GH_VIEW_LIT("gatehouse fingerprint v1"), mark);
    }
    if (status == GH_OK) {
        status = gh_sha256_text(gh_view_make((const char *)mark, sizeof mark), sealer->fingerprint);
        gh_wipe(mark, sizeof mark);
    }
    return status;
}

gh_status gh_sealer_new(gh_view key, gh_sealer **sealer)
{
    if (key.len != KEY_LEN) {
        return GH_ERR_INVALID;
    }
    gh_sealer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_status status = derive(key, made);
    if (status != GH_OK) {
        gh_sealer_free(made);
        return status;
    }
    *sealer = made;
    return GH_OK;
}

void gh_sealer_free(gh_sealer *sealer)
{
    if (sealer != NULL) {
        gh_wipe(sealer, sizeof *sealer);
        free(sealer);
    }
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_hex(gh_view text, unsigned char key[KEY_LEN])
{
    if (text.len != (size_t)KEY_LEN * 2) {
        return false;
    }
    for (size_t i = 0; i < KEY_LEN; i++) {
        int high = digit_of(text.ptr[2 * i]);
        int low = digit_of(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        key[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

static gh_status new_key_text(char text[KEY_LEN * 2 + 2])
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char key[KEY_LEN];
    gh_status status = gh_random_bytes(key, sizeof key);
    for (size_t i = 0; status == GH_OK && i < KEY_LEN; i++) {
        text[2 * i] = DIGITS[key[i] >> 4];
        text[2 * i + 1] = DIGITS[key[i] & 15];
    }
    text[KEY_LEN * 2] = '\n';
    text[KEY_LEN * 2 + 1] = '\0';
    gh_wipe(key, sizeof key);
    return status;
}

static void sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    free(folder);
}

/* The whole file appears under its name at once, and never in place of one that another process made in the
 * meantime: link() does both. Where a file system has no links, only the first is kept. */
static bool publish(const char *draft, const char *path)
{
    if (link(draft, path) == 0) {
        return true;
    }
    bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
    return no_links && rename(draft, path) == 0;
}

static gh_status create_file(const char *path, gh_error *error)
{
    char text[KEY_LEN * 2 + 2];
    char *mark = NULL;
    gh_buf draft = GH_BUF_INIT(PATH_MAX);
    gh_status status = new_key_text(text);
    if (status == GH_OK) {
        status = gh_random_token(9, &mark);
    }
    if (status != GH_OK || gh_buf_appendf(&draft, "%s.%s", path, mark) != GH_OK) {
        status = gh_error_set(error, status == GH_OK ? GH_ERR_NOMEM : status,
                              "a key for %s could not be made (%s)", path, gh_status_text(status));
        goto out;
    }
    status = gh_file_write_private(gh_buf_cstr(&draft), gh_view_make(text, KEY_LEN * 2 + 1), error);
    if (status != GH_OK) {
        goto out;
    }
    if (!publish(gh_buf_cstr(&draft), path) && errno != EEXIST) {
        status = gh_error_set(error, GH_ERR_IO, "cannot create %s: %s", path, strerror(errno));
    }
    (void)unlink(gh_buf_cstr(&draft));
    sync_folder_of(path);
out:
    gh_wipe(text, sizeof text);
    gh_wipe_free(mark);
    gh_buf_free(&draft);
    return status;
}

gh_status gh_sealer_open(const char *path, bool create, gh_sealer **sealer, gh_error *error)
{
    unsigned char key[KEY_LEN];
    gh_secret *text = NULL;
    bool mounted = gh_option_is_secret_mount(path);
    gh_status status = gh_file_read_secret(path, mounted, &text, error);
    if (status == GH_ERR_NOT_FOUND && create) {
        /* Somebody else may have made it since. */
        status = access(path, F_OK) == 0 ? GH_OK : create_file(path, error);
        if (status == GH_OK) {
            status = gh_file_read_secret(path, mounted, &text, error);
        }
    }
    if (status != GH_OK) {
        return status;
    }
    if (read_hex(gh_view_trim(gh_secret_view(text)), key)) {
        status = gh_sealer_new(gh_view_make((const char *)key, sizeof key), sealer);
        if (status != GH_OK) {
            (void)gh_error_set(error, status, "the key in %s could not be used (%s)", path,
                               gh_status_text(status));
        }
    } else {
        status = gh_error_set(error, GH_ERR_INVALID,
                              "%s does not hold a key: it must be 64 hexadecimal digits; restore it from a "
                              "backup, or make one with: openssl rand -hex 32",
                              path);
    }
    gh_wipe(key, sizeof key);
    gh_secret_free(text);
    return status;
}

/* Encrypts or decrypts all of `in` into `out` (same length). */
static gh_status run_cipher(const gh_sealer *sealer, bool encrypt, const unsigned char *nonce,
                            gh_view context, gh_view in, unsigned char *out, unsigned char tag[TAG_LEN])
{
    static const unsigned char version = VERSION;
    int len = 0;
    int last = 0;
    gh_status status = GH_ERR_CRYPTO;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL) {
        return GH_ERR_NOMEM;
    }
    bool good = EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, sealer->seal_key, nonce, encrypt) == 1 &&
                EVP_CipherUpdate(cipher, NULL, &len, &version, 1) == 1;
    if (good && context.len > 0) {
        good =
            EVP_CipherUpdate(cipher, NULL, &len, (const unsigned char *)context.ptr, (int)context.len) == 1;
    }
    len = 0;
    if (good && in.len > 0) {
        good = EVP_CipherUpdate(cipher, out, &len, (const unsigned char *)in.ptr, (int)in.len) == 1;
    }
    if (good && !encrypt) {
        good = EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1;
    }
    if (good) {
        unsigned char rest[TAG_LEN]; /* stays empty: GCM has no blocks to fill */
        bool finished = EVP_CipherFinal_ex(cipher, rest, &last) == 1;
        status = finished && (size_t)len == in.len ? GH_OK : GH_ERR_DENIED;
    }
    if (status == GH_OK && encrypt && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) != 1) {
        status = GH_ERR_CRYPTO;
    }
    EVP_CIPHER_CTX_free(cipher);
    return status;
}

gh_status gh_sealer_seal(const gh_sealer *sealer, gh_view context, gh_view plain, gh_buf *out)
{
    if (plain.len > PLAIN_MAX || context.len > CONTEXT_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    size_t len = plain.len + OVERHEAD;
    unsigned char *sealed = malloc(len);
    if (sealed == NULL) {
        return GH_ERR_NOMEM;
    }
    sealed[0] = VERSION;
    gh_status status = gh_random_bytes(sealed + 1, NONCE_LEN);
    if (status == GH_OK) {
        status = run_cipher(sealer, true, sealed + 1, context, plain, sealed + 1 + NONCE_LEN,
                            sealed + len - TAG_LEN);
    }
    if (status == GH_OK) {
        status = gh_base64url_encode(gh_view_make((const char *)sealed, len), out);
    }
    free(sealed);
    return status;
}

gh_status gh_sealer_open_text(const gh_sealer *sealer, gh_view context, gh_view sealed, gh_secret **plain)
{
    gh_buf bytes = GH_BUF_INIT(PLAIN_MAX + OVERHEAD);
    unsigned char tag[TAG_LEN];
    char *text = NULL;
    size_t len = 0;
    gh_status status = context.len > CONTEXT_MAX ? GH_ERR_DENIED : gh_base64url_decode(sealed, &bytes);
    if (status != GH_OK) {
        status = status == GH_ERR_NOMEM ? GH_ERR_NOMEM : GH_ERR_DENIED;
        goto out;
    }
    if (bytes.len < OVERHEAD || bytes.data[0] != VERSION) {
        status = GH_ERR_DENIED;
        goto out;
    }
    len = bytes.len - OVERHEAD;
    text = malloc(len + 1);
    if (text == NULL) {
        status = GH_ERR_NOMEM;
        goto out;
    }
    memcpy(tag, bytes.data + bytes.len - TAG_LEN, TAG_LEN);
    status = run_cipher(sealer, false, (const unsigned char *)bytes.data + 1, context,
                        gh_view_make(bytes.data + 1 + NONCE_LEN, len), (unsigned char *)text, tag);
    if (status == GH_OK) {
        *plain = gh_secret_new(gh_view_make(text, len));
        status = *plain == NULL ? GH_ERR_NOMEM : GH_OK;
    }
out:
    if (text != NULL) {
        gh_wipe(text, len + 1);
        free(text);
    }
    gh_buf_free(&bytes);
    return status;
}

gh_status gh_sealer_derive(const gh_sealer *sealer, const char *label, unsigned char out[32])
{
    gh_view root = gh_view_make((const char *)sealer->root_key, sizeof sealer->root_key);
    return gh_hmac_sha256(root, gh_view_of(label), out);
}

gh_status gh_sealer_fingerprint(const gh_sealer *sealer, char out[44])
{
    memcpy(out, sealer->fingerprint, sizeof sealer->fingerprint);
    return GH_OK;
}
