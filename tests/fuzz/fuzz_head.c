/* A request head as a socket brings it: what the guard lets through has one meaning. With it what else is
 * read of a head: Host, the address that a proxy adds. */
#include "server/http/address.h"
#include "server/http/guard.h"
#include "server/http/head_error.h"
#include "server/http/proxies.h"
#include "server/http/site.h"
#include "tests/fuzz/fuzz.h"

static gh_view next_word(gh_view *line)
{
    gh_view word = {NULL, 0};
    (void)gh_view_next(line, ' ', &word);
    return word;
}

/* As loosely as civetweb does. */
static void read_wire(gh_view text, gh_wire *wire)
{
    gh_view line;
    *wire = (gh_wire){.header_count = 0};
    if (!gh_view_next(&text, '\n', &line)) {
        return;
    }
    wire->method = next_word(&line);
    gh_view target = next_word(&line);
    wire->version = next_word(&line);
    size_t question = 0;
    while (question < target.len && target.ptr[question] != '?') {
        question++;
    }
    wire->target = gh_view_make(target.ptr, question);
    if (question < target.len) {
        wire->query = gh_view_make(target.ptr + question + 1, target.len - question - 1);
    }
    while (wire->header_count < GH_WIRE_HEADERS_MAX && gh_view_next(&text, '\n', &line)) {
        gh_view name;
        if (gh_view_next(&line, ':', &name)) {
            wire->headers[wire->header_count++] = (gh_header){.name = name, .value = gh_view_trim(line)};
        }
    }
}

static size_t count(const gh_wire *wire, const char *name)
{
    size_t found = 0;
    for (size_t i = 0; i < wire->header_count; i++) {
        found += gh_view_eq_nocase(wire->headers[i].name, gh_view_of(name)) ? 1 : 0;
    }
    return found;
}

static void read_addresses(gh_view text)
{
    char *networks[] = {(char[]){"127.0.0.0/8"}, (char[]){"fd00::/8"}};
    const gh_text_list list = {networks, 2};
    gh_site *site = NULL;
    gh_proxies *proxies = NULL;
    GH_FUZZ_REQUIRE(gh_site_new("http://localhost:8080", NULL, &site, NULL) == GH_OK);
    GH_FUZZ_REQUIRE(gh_proxies_new(&list, &proxies, NULL) == GH_OK);
    bool is_ours = gh_view_eq_nocase(text, GH_VIEW_LIT("localhost:8080"));
    GH_FUZZ_REQUIRE(is_ours || gh_site_check_host(site, text) != GH_SITE_HOST_OURS);
    GH_FUZZ_REQUIRE(!gh_site_is_own_origin(site, text) || gh_view_eq_cstr(text, gh_site_origin(site)));
    (void)gh_proxies_client(proxies, GH_VIEW_LIT("127.0.0.1"), text);
    char *copy = gh_view_dup(text); /* NULL when there is a NUL in it */
    if (copy != NULL) {
        gh_address address;
        (void)gh_address_parse(copy, &address, NULL);
        char *one[] = {copy};
        const gh_text_list typed = {one, 1};
        gh_proxies *more = NULL;
        if (gh_proxies_new(&typed, &more, NULL) == GH_OK) {
            gh_proxies_free(more);
        }
        (void)gh_head_error_part(copy);
        free(copy);
    }
    gh_proxies_free(proxies);
    gh_site_free(site);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    gh_wire wire;
    read_wire(text, &wire);
    gh_guard_verdict verdict = gh_guard_check(&wire, true);
    if (verdict.status == 0) {
        size_t hosts = count(&wire, "Host");
        GH_FUZZ_REQUIRE(hosts == 1 || (hosts == 0 && gh_view_eq_cstr(wire.version, "1.0")));
        GH_FUZZ_REQUIRE(count(&wire, "Content-Length") + count(&wire, "Transfer-Encoding") <= 1);
        GH_FUZZ_REQUIRE(count(&wire, "Authorization") <= 1 && count(&wire, "Origin") <= 1);
    } else {
        GH_FUZZ_REQUIRE(verdict.status >= 400 && verdict.status < 600 && verdict.description != NULL);
    }
    GH_FUZZ_REQUIRE(gh_guard_check(&wire, false).status != 0);
    read_addresses(text);
    return 0;
}
