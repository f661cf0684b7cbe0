#include "server/http/share.h"

#include <stdlib.h>

#include "shared/core/cond.h"

/* One user's seats. It is there as long as there is one: who waits has one, too, for with none he would be
 * let in. */
struct gh_share_user {
    gh_share_user *next; /* of the same bucket */
    uint64_t key;
    gh_share_seat *seats;
    size_t taken;
    size_t streams; /* among them */
};

gh_status gh_share_init(gh_share *share, const gh_share_bounds *bounds)
{
    *share = (gh_share){.bounds = *bounds};
    return pthread_mutex_init(&share->lock, NULL) == 0 ? GH_OK : GH_ERR_NOMEM;
}

void gh_share_clear(gh_share *share)
{
    (void)pthread_mutex_destroy(&share->lock);
}

static gh_share_user **bucket_of(gh_share *share, uint64_t key)
{
    return &share->users[(key ^ key >> 32) % GH_SHARE_BUCKETS];
}

static gh_share_user *find_or_add(gh_share *share, uint64_t key, const gh_principal *principal)
{
    gh_share_user **bucket = bucket_of(share, key);
    for (gh_share_user *at = *bucket; at != NULL; at = at->next) {
        if (at->key == key && gh_principal_same_user(at->seats->principal, principal)) {
            return at;
        }
    }
    gh_share_user *fresh = calloc(1, sizeof *fresh);
    if (fresh != NULL) {
        fresh->key = key;
        fresh->next = *bucket;
        *bucket = fresh;
    }
    return fresh;
}

static void drop_if_empty(gh_share *share, gh_share_user *user)
{
    if (user->taken > 0) {
        return;
    }
    gh_share_user **at = bucket_of(share, user->key);
    while (*at != user) {
        at = &(*at)->next;
    }
    *at = user->next;
    free(user);
}

static size_t left_of(size_t total, size_t taken)
{
    return total > taken ? total - taken : 0;
}

static bool has_few_calls(const gh_share *share, const gh_share_user *user)
{
    size_t calls = user->taken - user->streams;
    return calls == 0 || (calls == 1 && left_of(share->bounds.workers.total, share->taken) > 1);
}

static gh_share_answer judge_worker(const gh_share *share, const gh_share_user *user)
{
    const gh_fair of = share->bounds.workers;
    if (user->taken == 0 || gh_fair_allows(of, user->taken, left_of(of.total, share->taken))) {
        return GH_SHARE_IN;
    }
    return user->taken >= of.alone ? GH_SHARE_FULL : GH_SHARE_LEFT;
}

static gh_share_answer judge_stream(const gh_share *share, const gh_share_user *user)
{
    const gh_fair of = share->bounds.streams;
    size_t left = left_of(of.total, share->streams);
    if (user->streams >= share->bounds.max_streams_user) {
        return GH_SHARE_STREAMS;
    }
    return left == 0 || gh_fair_allows(of, user->streams, left) ? GH_SHARE_IN : GH_SHARE_STREAMS_LEFT;
}

static gh_share_answer judge(const gh_share *share, const gh_share_user *user, bool stream)
{
    if (user == NULL) {
        return GH_SHARE_FULL;
    }
    if (!stream && has_few_calls(share, user)) {
        return GH_SHARE_IN;
    }
    gh_share_answer answer = judge_worker(share, user);
    return stream && answer == GH_SHARE_IN ? judge_stream(share, user) : answer;
}

static void sit(gh_share *share, gh_share_user *user, gh_share_seat *seat)
{
    seat->user = user;
    seat->next = user->seats;
    if (seat->next != NULL) {
        seat->next->previous = seat;
    }
    user->seats = seat;
    user->taken++;
    share->taken++;
    user->streams += seat->stream ? 1 : 0;
    share->streams += seat->stream ? 1 : 0;
}

static gh_share_answer try_to_sit(gh_share *share, gh_share_seat *seat)
{
    uint64_t key = gh_principal_user_key(seat->principal);
    gh_share_user *user = find_or_add(share, key, seat->principal);
    gh_share_answer answer = judge(share, user, seat->stream);
    if (answer == GH_SHARE_IN) {
        sit(share, user, seat);
    } else if (user != NULL) {
        seat->user = user->taken > 0 ? user : NULL;
        drop_if_empty(share, user);
    }
    return answer;
}

static void append(gh_share *share, gh_share_seat *seat)
{
    seat->next = NULL;
    seat->previous = share->last;
    *(share->last == NULL ? &share->first : &share->last->next) = seat;
    share->last = seat;
    seat->waits = true;
}

static void take_out(gh_share *share, gh_share_seat *seat)
{
    *(seat->previous == NULL ? &share->first : &seat->previous->next) = seat->next;
    *(seat->next == NULL ? &share->last : &seat->next->previous) = seat->previous;
    seat->next = NULL;
    seat->previous = NULL;
    seat->waits = false;
}

/* Only a place given back lets somebody in who was refused, so nobody needs to ask but here. */
static void seat_who_waits(gh_share *share)
{
    for (gh_share_seat *at = share->first, *next; at != NULL; at = next) {
        next = at->next;
        if (judge(share, at->user, false) == GH_SHARE_IN) {
            take_out(share, at);
            sit(share, at->user, at);
            (void)pthread_cond_signal(&at->given);
        }
    }
}

/* With the lock held. */
static bool wait_for_seat(gh_share *share, gh_share_seat *seat, bool (*may_wait)(const void *context),
                          const void *context)
{
    gh_deadline end = gh_deadline_in(share->bounds.wait_ms);
    if (gh_cond_init(&seat->given) != GH_OK) {
        return false;
    }
    append(share, seat);
    while (seat->waits && !gh_deadline_passed(end) && may_wait(context)) {
        (void)gh_cond_wait_until(&seat->given, &share->lock,
                                 gh_deadline_earlier(end, gh_deadline_in(GH_SHARE_TICK_MS)));
    }
    bool sits = !seat->waits;
    if (!sits) {
        take_out(share, seat);
    }
    (void)pthread_cond_destroy(&seat->given);
    return sits;
}

gh_share_answer gh_share_enter(gh_share *share, gh_share_seat *seat, const gh_principal *principal,
                               bool stream)
{
    *seat = (gh_share_seat){.principal = principal, .stream = stream};
    (void)pthread_mutex_lock(&share->lock);
    gh_share_answer answer = try_to_sit(share, seat);
    (void)pthread_mutex_unlock(&share->lock);
    return answer;
}

gh_share_answer gh_share_enter_call(gh_share *share, gh_share_seat *seat, const gh_principal *principal,
                                    bool (*may_wait)(const void *context), const void *context)
{
    *seat = (gh_share_seat){.principal = principal};
    (void)pthread_mutex_lock(&share->lock);
    gh_share_answer answer = try_to_sit(share, seat);
    if (answer != GH_SHARE_IN && seat->user != NULL && share->bounds.wait_ms > 0 &&
        wait_for_seat(share, seat, may_wait, context)) {
        answer = GH_SHARE_IN;
    }
    (void)pthread_mutex_unlock(&share->lock);
    return answer;
}

void gh_share_leave(gh_share *share, gh_share_seat *seat)
{
    (void)pthread_mutex_lock(&share->lock);
    gh_share_user *user = seat->user;
    *(seat->previous == NULL ? &user->seats : &seat->previous->next) = seat->next;
    if (seat->next != NULL) {
        seat->next->previous = seat->previous;
    }
    user->taken--;
    share->taken--;
    user->streams -= seat->stream ? 1 : 0;
    share->streams -= seat->stream ? 1 : 0;
    seat_who_waits(share);
    drop_if_empty(share, user);
    (void)pthread_mutex_unlock(&share->lock);
}
