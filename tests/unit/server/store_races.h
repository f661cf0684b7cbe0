/* Eight threads that want the same things of one store. */
#ifndef GH_TESTS_STORE_RACES_H
#define GH_TESTS_STORE_RACES_H

#include "tests/unit/server/store_fixture.h"

#define RACE_THREADS 8
#define RACE_ROUNDS 20 /* at the most */

/* What a thread does in a round: GH_OK when it won. */
typedef gh_status (*race_act)(gh_store *store, int thread, int round);

typedef struct racer {
    gh_store *store;
    race_act act;
    int thread;
    int rounds;
    gh_status loss;
    atomic_int *winners; /* of each round */
    atomic_int *failures;
} racer;

static inline void *race_rounds(void *argument)
{
    const racer *self = argument;
    for (int round = 0; round < self->rounds; round++) {
        gh_status status = self->act(self->store, self->thread, round);
        if (status == GH_OK) {
            atomic_fetch_add(&self->winners[round], 1);
        } else if (status != self->loss) {
            atomic_fetch_add(self->failures, 1);
        }
    }
    return NULL;
}

/* Counts who won in each round; everybody else must have got `loss`. */
static inline void race(gh_store *store, int rounds, race_act act, gh_status loss,
                        atomic_int winners[RACE_ROUNDS])
{
    atomic_int failures = 0;
    pthread_t threads[RACE_THREADS];
    racer racers[RACE_THREADS];
    ck_assert_int_le(rounds, RACE_ROUNDS);
    for (int i = 0; i < RACE_THREADS; i++) {
        racers[i] = (racer){store, act, i, rounds, loss, winners, &failures};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, race_rounds, &racers[i]), 0);
    }
    for (int i = 0; i < RACE_THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_int_eq(failures, 0);
}

/* In each round exactly one wins. */
static inline void assert_one_winner(gh_store *store, int rounds, race_act act, gh_status loss)
{
    atomic_int winners[RACE_ROUNDS] = {0};
    race(store, rounds, act, loss, winners);
    for (int round = 0; round < rounds; round++) {
        ck_assert_int_eq(winners[round], 1);
    }
}

#endif
