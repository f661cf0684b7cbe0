#include "server/mcp/outbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/cond.h"

typedef struct message {
    struct message *next;
    uint64_t number;
    size_t len;
    char text[];
} message;

typedef enum stage { OPEN, CLOSED, OVERFLOWN, RESPONDED } stage;

struct gh_mcp_outbox {
    atomic_size_t holders;
    gh_mcp_outbox_options options;
    pthread_mutex_t lock; /* for all that follows */
    pthread_cond_t changed;
    message *oldest;
    message *newest;
    size_t count;
    size_t bytes;
    uint64_t numbers;   /* the last that was given */
    uint64_t read;      /* up to here somebody has had them */
    uint64_t forgotten; /* up to here they are gone */
    stage stage;
    message *response; /* numbered, but not in the list; NULL when it is empty */
    uint64_t response_number;
    int http_status;
    uint64_t readers;   /* that there have been */
    uint64_t reader;    /* 0: nobody */
    uint64_t position;  /* the reader has had them up to here */
    message *following; /* what the reader gets next; NULL when there is nothing yet */
    bool let_go;        /* once the reader has had them up to let_go_after */
    uint64_t let_go_after;
    uint32_t retry_ms;
};

gh_status gh_mcp_outbox_new(const gh_mcp_outbox_options *options, gh_mcp_outbox **outbox)
{
    gh_mcp_outbox *fresh = calloc(1, sizeof *fresh);

    if (!fresh) {
        return GH_ERR_NOMEM;
    }
    if (pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free(fresh);
        return GH_ERR_NOMEM;
    }
    if (gh_cond_init(&fresh->changed) != GH_OK) {
        (void)pthread_mutex_destroy(&fresh->lock);
        free(fresh);
        return GH_ERR_NOMEM;
    }
    fresh->options = *options;
    atomic_init(&fresh->holders, 1);
    *outbox = fresh;
    return GH_OK;
}

gh_mcp_outbox *gh_mcp_outbox_hold(gh_mcp_outbox *outbox)
{
    (void)atomic_fetch_add(&outbox->holders, 1);
    return outbox;
}

void gh_mcp_outbox_release(gh_mcp_outbox *outbox)
{
    if (!outbox || atomic_fetch_sub(&outbox->holders, 1) != 1) {
        return;
    }
    while (outbox->oldest) {
        message *next = outbox->oldest->next;
        free(outbox->oldest);
        outbox->oldest = next;
    }
    free(outbox->response);
    (void)pthread_cond_destroy(&outbox->changed);
    (void)pthread_mutex_destroy(&outbox->lock);
    free(outbox);
}

static message *copy_message(gh_view text)
{
    message *copy = text.len < SIZE_MAX - sizeof *copy ? malloc(sizeof *copy + text.len) : NULL;

    if (copy) {
        copy->next = NULL;
        copy->len = text.len;
        memcpy(copy->text, text.ptr, text.len);
    }
    return copy;
}

/* --- with the lock held --- */

static void forget_oldest(gh_mcp_outbox *outbox)
{
    message *gone = outbox->oldest;

    outbox->oldest = gone->next;
    if (!outbox->oldest) {
        outbox->newest = NULL;
    }
    if (outbox->following == gone) {
        outbox->following = gone->next;
    }
    outbox->count--;
    outbox->bytes -= gone->len;
    outbox->forgotten = gone->number;
    free(gone);
}

/* Sets the bounds right for one more; false when that cannot be done. */
static bool make_room(gh_mcp_outbox *outbox, size_t len)
{
    if (outbox->options.max_messages == 0 || len > outbox->options.max_bytes) {
        return false;
    }
    while (outbox->count >= outbox->options.max_messages || outbox->bytes > outbox->options.max_bytes - len) {
        if (outbox->oldest->number > outbox->read && !outbox->options.shed) {
            return false;
        }
        forget_oldest(outbox);
    }
    return true;
}

static void append(gh_mcp_outbox *outbox, message *fresh)
{
    fresh->number = ++outbox->numbers;
    *(outbox->newest ? &outbox->newest->next : &outbox->oldest) = fresh;
    outbox->newest = fresh;
    outbox->count++;
    outbox->bytes += fresh->len;
    if (!outbox->following) {
        outbox->following = fresh;
    }
}

static void end(gh_mcp_outbox *outbox, stage how)
{
    outbox->stage = how;
    (void)pthread_cond_broadcast(&outbox->changed);
}

/* --- those who write --- */

gh_status gh_mcp_outbox_put(gh_mcp_outbox *outbox, gh_view text)
{
    gh_status status = GH_OK;
    message *fresh = NULL;

    if (text.len == 0) {
        return GH_ERR_INVALID;
    }
    /* Copied before the lock is taken; what is far too large is not copied at all. */
    if (text.len <= outbox->options.max_bytes) {
        fresh = copy_message(text);
        if (!fresh) {
            return GH_ERR_NOMEM;
        }
    }
    (void)pthread_mutex_lock(&outbox->lock);
    if (outbox->stage != OPEN) {
        status = GH_ERR_CLOSED;
    } else if (!fresh || !make_room(outbox, text.len)) {
        status = GH_ERR_TOO_LARGE;
        end(outbox, OVERFLOWN);
    } else {
        append(outbox, fresh);
        fresh = NULL;
        (void)pthread_cond_broadcast(&outbox->changed);
    }
    (void)pthread_mutex_unlock(&outbox->lock);
    free(fresh);
    return status;
}

bool gh_mcp_outbox_finish(gh_mcp_outbox *outbox, int http_status, gh_view text)
{
    message *response = text.len > 0 ? copy_message(text) : NULL;
    bool first = false;

    (void)pthread_mutex_lock(&outbox->lock);
    first = outbox->stage == OPEN;
    if (first) {
        /* Without memory for the text the client hears at least that something failed. */
        outbox->http_status = text.len > 0 && !response ? 500 : http_status;
        outbox->response = response;
        outbox->response_number = ++outbox->numbers;
        response = NULL;
        end(outbox, RESPONDED);
    }
    (void)pthread_mutex_unlock(&outbox->lock);
    free(response);
    return first;
}

void gh_mcp_outbox_close(gh_mcp_outbox *outbox)
{
    (void)pthread_mutex_lock(&outbox->lock);
    if (outbox->stage == OPEN) {
        end(outbox, CLOSED);
    }
    (void)pthread_mutex_unlock(&outbox->lock);
}

bool gh_mcp_outbox_ended(gh_mcp_outbox *outbox)
{
    (void)pthread_mutex_lock(&outbox->lock);
    bool ended = outbox->stage != OPEN;
    (void)pthread_mutex_unlock(&outbox->lock);
    return ended;
}

size_t gh_mcp_outbox_size(gh_mcp_outbox *outbox)
{
    (void)pthread_mutex_lock(&outbox->lock);
    size_t size = outbox->bytes + (outbox->response ? outbox->response->len : 0);
    (void)pthread_mutex_unlock(&outbox->lock);
    return size;
}

void gh_mcp_outbox_let_go(gh_mcp_outbox *outbox, uint32_t retry_ms)
{
    (void)pthread_mutex_lock(&outbox->lock);
    if (outbox->stage == OPEN && (outbox->reader != 0 || outbox->readers == 0)) {
        outbox->let_go = true;
        outbox->let_go_after = outbox->numbers;
        outbox->retry_ms = retry_ms;
        (void)pthread_cond_broadcast(&outbox->changed);
    }
    (void)pthread_mutex_unlock(&outbox->lock);
}

/* --- who reads --- */

uint64_t gh_mcp_outbox_nearest(gh_mcp_outbox *outbox, uint64_t number)
{
    (void)pthread_mutex_lock(&outbox->lock);
    uint64_t from = number == GH_MCP_OUTBOX_UNREAD ? outbox->read : number;
    uint64_t nearest = from > outbox->forgotten ? from : outbox->forgotten;
    (void)pthread_mutex_unlock(&outbox->lock);
    return nearest;
}

gh_status gh_mcp_outbox_attach(gh_mcp_outbox *outbox, uint64_t number, uint64_t *reader)
{
    gh_status status = GH_ERR_NOT_FOUND;

    (void)pthread_mutex_lock(&outbox->lock);
    if (number == GH_MCP_OUTBOX_UNREAD) {
        number = outbox->read;
    } else if (number < outbox->forgotten || number > outbox->numbers) {
        goto out;
    }
    /* Only the first reader may have been told to let go before it came. */
    outbox->let_go = outbox->let_go && outbox->readers == 0;
    outbox->reader = ++outbox->readers;
    outbox->position = number;
    outbox->following = outbox->oldest;
    while (outbox->following && outbox->following->number <= number) {
        outbox->following = outbox->following->next;
    }
    *reader = outbox->reader;
    (void)pthread_cond_broadcast(&outbox->changed);
    status = GH_OK;
out:
    (void)pthread_mutex_unlock(&outbox->lock);
    return status;
}

static void had(gh_mcp_outbox *outbox, uint64_t number)
{
    outbox->position = number;
    if (number > outbox->read) {
        outbox->read = number;
    }
}

static gh_mcp_taken take_message(gh_mcp_outbox *outbox, gh_mcp_item *item)
{
    message *next = outbox->following;

    if (gh_buf_append(&item->text, next->text, next->len) != GH_OK) {
        return GH_MCP_TAKEN_LOST;
    }
    item->number = next->number;
    had(outbox, next->number);
    outbox->following = next->next;
    if (!outbox->options.keep) {
        /* A reader that attached anew without them has left older ones, which nobody can ask for now. */
        while (outbox->oldest && outbox->oldest->number <= item->number) {
            forget_oldest(outbox);
        }
    }
    return GH_MCP_TAKEN_MESSAGE;
}

static gh_mcp_taken take_response(gh_mcp_outbox *outbox, gh_mcp_item *item)
{
    const message *response = outbox->response;

    if (response && gh_buf_append(&item->text, response->text, response->len) != GH_OK) {
        return GH_MCP_TAKEN_LOST;
    }
    item->number = outbox->response_number;
    item->http_status = outbox->http_status;
    had(outbox, item->number);
    return GH_MCP_TAKEN_LAST;
}

/* What there is for this reader now; GH_MCP_TAKEN_NOTHING: to be waited for. */
static gh_mcp_taken take_now(gh_mcp_outbox *outbox, uint64_t reader, gh_mcp_item *item)
{
    if (reader == 0 || reader != outbox->reader) {
        return GH_MCP_TAKEN_OVER;
    }
    if (outbox->following && !(outbox->let_go && outbox->following->number > outbox->let_go_after)) {
        return take_message(outbox, item);
    }
    if (outbox->let_go) {
        outbox->let_go = false;
        item->retry_ms = outbox->retry_ms;
        return GH_MCP_TAKEN_LET_GO;
    }
    if (outbox->stage == RESPONDED && outbox->position < outbox->response_number) {
        return take_response(outbox, item);
    }
    if (outbox->stage == OVERFLOWN) {
        return GH_MCP_TAKEN_LOST;
    }
    return outbox->stage == OPEN ? GH_MCP_TAKEN_NOTHING : GH_MCP_TAKEN_END;
}

gh_mcp_taken gh_mcp_outbox_take(gh_mcp_outbox *outbox, uint64_t reader, gh_deadline deadline,
                                gh_mcp_item *item)
{
    gh_mcp_taken taken = GH_MCP_TAKEN_NOTHING;

    item->number = 0;
    item->http_status = 0;
    item->retry_ms = 0;
    gh_buf_clear(&item->text);
    (void)pthread_mutex_lock(&outbox->lock);
    do {
        taken = take_now(outbox, reader, item);
    } while (taken == GH_MCP_TAKEN_NOTHING && gh_cond_wait_until(&outbox->changed, &outbox->lock, deadline));
    if (taken == GH_MCP_TAKEN_NOTHING) {
        taken = take_now(outbox, reader, item); /* it may have come with the last moment */
    }
    (void)pthread_mutex_unlock(&outbox->lock);
    return taken;
}

void gh_mcp_outbox_detach(gh_mcp_outbox *outbox, uint64_t reader)
{
    (void)pthread_mutex_lock(&outbox->lock);
    if (reader != 0 && outbox->reader == reader) {
        outbox->reader = 0;
        outbox->let_go = false;
        (void)pthread_cond_broadcast(&outbox->changed);
    }
    (void)pthread_mutex_unlock(&outbox->lock);
}
