/* IP addresses, and which of them strangers' names may lead to. Thread-safe. */
#ifndef GH_SHARED_NET_ADDRESS_H
#define GH_SHARED_NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* True for what the public Internet is made of: none of the special-purpose blocks of the IANA registries
 * (loopback, private, link-local, shared, documentation, multicast...), and for IPv6 nothing that carries an
 * IPv4 address. False for other families. */
bool gh_address_is_public(const struct sockaddr *address);

#endif
