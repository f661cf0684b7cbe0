/* Challenges, metadata documents and discovery: text from servers that nobody here chose. */
#include "shared/oauth/challenge.h"
#include "shared/oauth/discovery.h"
#include "shared/oauth/metadata.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    gh_challenge challenge;
    gh_resource_metadata resource;
    gh_server_metadata server;
    gh_discovery discovery;
    if (gh_challenge_parse(text, &challenge) == GH_OK) {
        gh_challenge_clear(&challenge);
    }
    if (gh_resource_metadata_parse(text, &resource, NULL) == GH_OK) {
        GH_FUZZ_REQUIRE(resource.resource != NULL);
        gh_resource_metadata_clear(&resource);
    }
    if (gh_server_metadata_parse(text, &server, NULL) == GH_OK) {
        GH_FUZZ_REQUIRE(server.issuer != NULL);
        gh_server_metadata_clear(&server);
    }
    if (gh_discovery_issuer(text, &discovery, NULL) == GH_OK) {
        gh_discovery_clear(&discovery);
    }
    if (gh_discovery_resource(text, &discovery, NULL) == GH_OK) {
        gh_discovery_clear(&discovery);
    }
    return 0;
}
