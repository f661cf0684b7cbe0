#include <errno.h>
#include <string.h>

#include "shared/net/http_internal.h"

static const char *connect_cause(long os_error)
{
    switch (os_error) {
    case ECONNREFUSED:
        return "connection refused";
    case ENETUNREACH:
        return "network unreachable";
    case EHOSTUNREACH:
        return "host unreachable";
    case ETIMEDOUT:
        return "no answer";
    default:
        return "no connection";
    }
}

static gh_status could_not_connect(const gh_http_transfer *transfer, gh_error *error)
{
    long os_error = 0;
    if (transfer->refused) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "the address of %s is not public and must not be connected to", transfer->where);
    }
    (void)gh_curl()->easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_error);
    return gh_error_set(error, GH_ERR_UNAVAILABLE, "could not connect to %s (%s): is the server running?",
                        transfer->where, connect_cause(os_error));
}

static gh_status tls_failed(const gh_http_transfer *transfer, CURLcode code, gh_error *error)
{
    const char *cause =
        transfer->curl_error[0] != '\0' ? transfer->curl_error : gh_curl()->easy_strerror(code);
    if (code == CURLE_SSL_CACERT_BADFILE) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "could not read the certificate authorities for %s: check the CA file",
                            transfer->where);
    }
    if (code == CURLE_SSL_CERTPROBLEM) {
        return gh_error_set(error, GH_ERR_INVALID, "could not use the client certificate for %s (%s)",
                            transfer->where, cause);
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "the certificate of %s was not accepted (%s): check the host name, or name the "
                            "CA that signed it",
                            transfer->where, cause);
    }
    return gh_error_set(error, GH_ERR_UNAVAILABLE,
                        "could not set up TLS with %s (%s): does the server speak https there, or only http?",
                        transfer->where, cause);
}

static gh_status stopped_by_us(const gh_http_transfer *transfer, gh_error *error)
{
    if (transfer->abort_status == GH_ERR_TOO_LARGE && !transfer->abort_by_caller) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "the reply of %s is larger than allowed",
                            transfer->where);
    }
    if (transfer->abort_status == GH_ERR_PARSE && !transfer->abort_by_caller) {
        return gh_error_set(error, GH_ERR_PARSE, "the reply of %s is not valid HTTP", transfer->where);
    }
    return gh_error_set(error, transfer->abort_status, "the reply of %s could not be used (%s)",
                        transfer->where, gh_status_text(transfer->abort_status));
}

static gh_status timed_out(const gh_http_transfer *transfer, gh_error *error)
{
    if (!transfer->connected) {
        return gh_error_set(error, GH_ERR_TIMEOUT,
                            "could not connect to %s in time: is the server reachable from here?",
                            transfer->where);
    }
    return gh_error_set(error, GH_ERR_TIMEOUT, "%s did not answer in time", transfer->where);
}

static gh_status explain(const gh_http_transfer *transfer, CURLcode code, gh_error *error)
{
    const char *where = transfer->where;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return could_not_connect(transfer, error);
    case CURLE_COULDNT_RESOLVE_HOST:
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "could not find the host of %s: check the name and the network", where);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "could not find the proxy for %s: check http_proxy and https_proxy", where);
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(transfer, error);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR:
        return tls_failed(transfer, code, error);
    case CURLE_SEND_FAIL_REWIND: /* curl would have sent the body again */
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
        return gh_error_set(error, GH_ERR_CLOSED, "%s closed the connection without a reply", where);
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return gh_error_set(error, GH_ERR_CLOSED, "%s closed the connection before its reply was complete",
                            where);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return gh_error_set(error, GH_ERR_PARSE, "the reply of %s is not valid HTTP", where);
    case CURLE_OUT_OF_MEMORY:
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the request to %s", where);
    default:
        return gh_error_set(error, GH_ERR_IO, "the request to %s failed (%s)", where,
                            gh_curl()->easy_strerror(code));
    }
}

void gh_http_result_fill(gh_http_transfer *transfer, CURLcode code, gh_http_result *result)
{
    memset(result, 0, sizeof *result);
    result->http_status = transfer->http_status;
    if (transfer->abort_status != GH_OK) {
        result->status = stopped_by_us(transfer, &result->error);
    } else if (code != CURLE_OK) {
        result->status = explain(transfer, code, &result->error);
    } else if (!transfer->head_done) {
        result->status = explain(transfer, CURLE_WEIRD_SERVER_REPLY, &result->error);
    }
    result->maybe_delivered = result->status != GH_OK && transfer->connected;
}

void gh_http_result_timeout(const gh_http_transfer *transfer, gh_http_result *result)
{
    memset(result, 0, sizeof *result);
    result->status = timed_out(transfer, &result->error);
    result->http_status = transfer->http_status;
    result->maybe_delivered = transfer->connected;
}
