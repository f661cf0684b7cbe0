/* Text that a server chose, made fit for a terminal. Thread-safe. */
#ifndef GH_BRIDGE_PRINTABLE_H
#define GH_BRIDGE_PRINTABLE_H

#include "shared/core/bytes.h"

/* Appends `text`, with '?' for what could steer a terminal or make text read as something else: control
 * characters (C1 too), line separators, bidirectional marks, bytes that are not UTF-8. */
void gh_printable_append(gh_buf *out, const char *text);

#endif
