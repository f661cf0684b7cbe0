/* openapi_convert FILE [--base URL] [--upstream NAME] [--json] [PATTERN...]: the tools file that is made of a
 * description on standard output, and on standard error a line for each thing that it cannot say. With
 * --json: the YAML as JSON. For tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi.h"
#include "server/openapi/yaml.h"
#include "shared/core/file.h"

static void report(void *context, const char *where, const char *what)
{
    (void)context;
    (void)fprintf(stderr, "%s: %s\n", where, what);
}

static const char *value_of(int argc, char **argv, int *i)
{
    return *i + 1 < argc ? argv[++*i] : "";
}

int main(int argc, char **argv)
{
    static const gh_json_limits LIMITS = {(size_t)32 * 1024 * 1024, GH_JSON_DEPTH_MAX, 1500000, 20000};
    char **patterns = calloc((size_t)argc, sizeof *patterns);
    gh_text_list select = {patterns, 0};
    gh_openapi_options options = {.label = argc > 1 ? argv[1] : "", .select = &select};
    gh_buf text = GH_BUF_INIT(GH_OPENAPI_MAX);
    gh_buf made = GH_BUF_INIT((size_t)32 * 1024 * 1024);
    gh_error error = {GH_OK, ""};
    bool json = false;
    int code = 1;
    if (patterns == NULL) {
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--base") == 0) {
            options.base = value_of(argc, argv, &i);
        } else if (strcmp(argv[i], "--upstream") == 0) {
            options.upstream = value_of(argc, argv, &i);
        } else if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else {
            patterns[select.count++] = argv[i];
        }
    }
    gh_status status = gh_file_read(options.label, &text, &error);
    if (status == GH_OK && json) {
        status = gh_yaml_to_json(gh_buf_view(&text), &LIMITS, &made, &error);
    } else if (status == GH_OK) {
        status = gh_openapi_convert(gh_buf_view(&text), &options, report, NULL, &made, &error);
    }
    if (status == GH_OK) {
        (void)fwrite(made.data, 1, made.len, stdout);
        code = 0;
    } else {
        (void)fprintf(stderr, "%s\n", error.message);
    }
    gh_buf_free(&text);
    gh_buf_free(&made);
    free(patterns);
    return code;
}
