/* The access log: one line when a request arrives and one when its reply went out. Query strings, headers and
 * bodies are never logged. Thread-safe. */
#ifndef GH_SERVER_HTTP_ACCESS_LOG_H
#define GH_SERVER_HTTP_ACCESS_LOG_H

#include <stdint.h>

#include "shared/core/text.h"
#include "shared/net/trace.h"

/* `[HTTP REQUEST] Method: POST | Path: /mcp | RemoteAddr: 127.0.0.1:42086`. Port 0 is left out (a client that
 * a proxy named has none); an IPv6 address gets its brackets. A `trace`
 * that is not empty (NULL is fine) adds its two ids. */
void gh_access_log_request(gh_view method, gh_view path, gh_view host, uint16_t port, const gh_trace *trace);
/* `[HTTP RESPONSE] Method: POST | Path: /mcp | Status: 401 | Duration: 13.98µs`. The status
 * GH_ACCESS_LOG_CLIENT_LEFT is no reply's: the client hung up before there was one, which a note says. */
#define GH_ACCESS_LOG_CLIENT_LEFT 499
void gh_access_log_response(gh_view method, gh_view path, int status, int64_t duration_ns,
                            const gh_trace *trace);

#endif
