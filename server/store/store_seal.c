/* Signing keys and secrets on their way to and from the disk. */
#include "server/store/store_private.h"
#include "shared/core/log.h"

#define SEALED_MAX ((size_t)64 * 1024)
#define LABEL_MAX ((size_t)512)

gh_status gh_store_seal(const gh_store *store, const char *kind, const char *name, const gh_secret *plain,
                        gh_secret **kept, bool *sealed)
{
    gh_buf label = GH_BUF_INIT(LABEL_MAX);
    gh_buf text = GH_BUF_INIT(SEALED_MAX);
    gh_view bytes = gh_secret_view(plain);
    gh_status status = GH_OK;
    bool seals = store->sealing.seal != NULL;
    if (seals) {
        status = gh_buf_appendf(&label, "%s%s", kind, name);
        if (status == GH_OK) {
            status = store->sealing.seal(store->sealing.context, gh_buf_view(&label), bytes, &text);
        }
        bytes = gh_buf_view(&text);
    }
    if (status == GH_OK) {
        *kept = gh_secret_new(bytes);
        *sealed = seals;
        status = *kept == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&label);
    gh_buf_free(&text);
    return status;
}

gh_status gh_store_unseal(const gh_store *store, const char *kind, const char *name, const gh_secret *kept,
                          bool sealed, gh_secret **plain)
{
    gh_buf label = GH_BUF_INIT(LABEL_MAX);
    gh_status status = GH_OK;
    if (!sealed) {
        *plain = gh_secret_new(gh_secret_view(kept));
        return *plain == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    status = gh_buf_appendf(&label, "%s%s", kind, name);
    if (status == GH_OK) {
        status = store->sealing.unseal == NULL
                     ? GH_ERR_DENIED
                     : store->sealing.unseal(store->sealing.context, gh_buf_view(&label),
                                             gh_secret_view(kept), plain);
    }
    if (status == GH_ERR_DENIED) {
        gh_log_error("The entry '%s' of the store was not sealed with the key of --secret-key-file, or was "
                     "changed since.",
                     gh_buf_cstr(&label));
    }
    gh_buf_free(&label);
    return status;
}
