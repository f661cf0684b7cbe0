/* Fair parts of what there is only so much of: the dynamic threshold of Choudhury and Hahne ("Dynamic Queue
 * Length Thresholds for Shared-Memory Packet Switches", 1998). Somebody may take one more as long as what he
 * then holds is at most so many times what is then left: one alone gets `alone`, and several who take
 * whatever they can get the same each. Nothing is taken away again, so the first of them could leave little
 * to the next and he nothing to a third: the last eighth is for who holds one at most (as he may for a moment
 * when he has just given one back), the very last for who holds none. Pure. */
#ifndef GH_SHARED_CORE_FAIR_H
#define GH_SHARED_CORE_FAIR_H

#include <stdbool.h>
#include <stddef.h>

typedef struct gh_fair {
    size_t total; /* that there are */
    size_t alone; /* that one may have while nobody else has any, at least 1; `total`: no bound */
} gh_fair;

/* `held`: by who asks for one more; `left`: by all, the one that is asked for included. */
bool gh_fair_allows(gh_fair of, size_t held, size_t left);

#endif
