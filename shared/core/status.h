/* Status codes and the error that a person reads.
 *
 * Every fallible function returns a gh_status and is GH_MUST_USE; outputs come last in its parameter
 * list and are only valid on GH_OK. Where the cause must reach a person, the function also takes a
 * `gh_error *` (may be NULL) and fills it with one sentence on what happened and what to do next.
 * All of this is safe from any thread; a gh_error belongs to its caller.
 */
#ifndef GH_SHARED_CORE_STATUS_H
#define GH_SHARED_CORE_STATUS_H

#define GH_MUST_USE __attribute__((warn_unused_result))
#define GH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

typedef enum gh_status {
    GH_OK = 0,
    GH_ERR_NOMEM,       /* out of memory, or a buffer reached its ceiling by our own doing */
    GH_ERR_INVALID,     /* a value is not of the form that was asked for */
    GH_ERR_PARSE,       /* text that does not follow its grammar */
    GH_ERR_TOO_LARGE,   /* over a limit: size, depth, count */
    GH_ERR_NOT_FOUND,   /* no such thing; never used for an outage */
    GH_ERR_CONFLICT,    /* exists already, used already, changed meanwhile */
    GH_ERR_EXPIRED,     /* was valid once */
    GH_ERR_DENIED,      /* understood and refused */
    GH_ERR_TIMEOUT,     /* a deadline passed */
    GH_ERR_CLOSED,      /* the peer, or we, closed it */
    GH_ERR_CANCELLED,   /* somebody asked for it to stop */
    GH_ERR_IO,          /* the operating system or a device failed; errno told why */
    GH_ERR_CRYPTO,      /* OpenSSL failed at something that should work */
    GH_ERR_UNSUPPORTED, /* this build, platform or peer cannot */
    GH_ERR_UNAVAILABLE  /* an outage: try again later */
} gh_status;

/* A constant name such as "too large"; never NULL. */
const char *gh_status_text(gh_status status);

#define GH_ERROR_MESSAGE_MAX 512

typedef struct gh_error {
    gh_status status;
    char message[GH_ERROR_MESSAGE_MAX]; /* UTF-8, no newline, no secret */
} gh_error;

/* Formats into `error` (ignored when NULL), truncating at a character boundary; control characters
 * become '?'. Returns `status`, so that `return gh_error_set(...)` reads well. */
gh_status gh_error_set(gh_error *error, gh_status status, const char *format, ...) GH_PRINTF(3, 4);

#endif
