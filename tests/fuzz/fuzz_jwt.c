/* Tokens from strangers: nothing that this process did not sign is ever accepted. */
#include "server/auth/jwt.h"
#include "tests/fuzz/fuzz.h"

static gh_keyset *keys(void)
{
    static gh_keyset *set;
    if (set == NULL) {
        gh_key *key = NULL;
        GH_FUZZ_REQUIRE(gh_key_generate("ES256", &key, NULL) == GH_OK);
        GH_FUZZ_REQUIRE(gh_keyset_new(&key, 1, &set) == GH_OK);
        gh_key_free(key);
    }
    return set;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    gh_jwt_rules rules = {.issuer = "http://localhost:8080",
                          .audience = "http://localhost:8080/mcp",
                          .type = "at+jwt",
                          .keys = keys()};
    cJSON *claims = NULL;
    gh_key *key = NULL;
    gh_keyset *set = NULL;
    GH_FUZZ_REQUIRE(gh_jwt_verify(text, &rules, &claims, NULL) != GH_OK);
    (void)gh_jwt_might_pass(text, &rules);
    if (gh_key_from_jwk(text, &key, NULL) == GH_OK) {
        GH_FUZZ_REQUIRE(!gh_key_is_private(key));
        gh_key_free(key);
    }
    if (gh_keyset_parse(text, &set, NULL, NULL) == GH_OK) {
        gh_keyset_free(set);
    }
    return 0;
}
