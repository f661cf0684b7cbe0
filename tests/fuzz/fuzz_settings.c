/* The server's settings: a line per command-line argument; what follows an empty line is the configuration
 * file. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/options.h"
#include "tests/fuzz/fuzz.h"

#define ARGUMENTS 16

static char path[64];

static bool write_file(gh_view text, int *fd)
{
    *fd = memfd_create("settings", MFD_CLOEXEC);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", *fd);
    return *fd >= 0 && (text.len == 0 || write(*fd, text.ptr, text.len) == (ssize_t)text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gh_view text = gh_fuzz_view(data, size);
    gh_view line;
    char *arguments[ARGUMENTS + 4] = {(char[]){"gatehouse"}, (char[]){"--config"}, path};
    int count = 3;
    while (count < ARGUMENTS && gh_view_next(&text, '\n', &line) && line.len > 0) {
        /* Files of this machine are not for reading here; and no argument has a NUL. */
        char *copy = memchr(line.ptr, '/', line.len) == NULL ? gh_view_dup(line) : NULL;
        if (copy != NULL) {
            arguments[count++] = copy;
        }
    }
    int fd = -1;
    if (write_file(text, &fd)) {
        char *none[] = {NULL};
        gh_settings settings;
        gh_error error = {0};
        gh_status status = gh_settings_load(count, arguments, none, &settings, &error);
        GH_FUZZ_REQUIRE(status == GH_OK || error.message[0] != '\0');
        if (status == GH_OK) {
            gh_buf out = GH_BUF_INIT(1 << 20);
            GH_FUZZ_REQUIRE(gh_settings_write_config(&settings, &out) == GH_OK);
            gh_buf_free(&out);
        }
        gh_settings_clear(&settings);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    for (int i = 3; i < count; i++) {
        free(arguments[i]);
    }
    return 0;
}
