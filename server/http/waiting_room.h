/* The waiting room: connections that were accepted and wait for a worker. In a crowd, those on which no whole
 * request has come within GH_PATIENCE_MS are shut for reading, so that a worker is done with each at once and
 * the ones behind it, which have a request, are served. For the thread of patience.h only. */
#ifndef GH_SERVER_HTTP_WAITING_ROOM_H
#define GH_SERVER_HTTP_WAITING_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GH_PATIENCE_MS 200

typedef struct gh_waiting_room gh_waiting_room;

/* `port`: where clients connect to. `descriptors`: no more are ever open. NULL when memory runs out. */
gh_waiting_room *gh_waiting_room_new(uint16_t port, size_t descriptors);
void gh_waiting_room_free(gh_waiting_room *room); /* NULL is fine */

/* Before each look: that the peer with this port is no longer in the room, a worker has it. */
void gh_waiting_room_served(gh_waiting_room *room, uint16_t peer_port);
/* Goes over every descriptor; then forgets who is served. */
void gh_waiting_room_look(gh_waiting_room *room);

#endif
