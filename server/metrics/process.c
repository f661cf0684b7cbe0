#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "server/metrics/metrics.h"

#define STAT_MAX 1024
/* Fields of /proc/self/stat after the name, which may hold anything but ends with the last parenthesis. */
#define STAT_THREADS 17
#define STAT_START 19
#define STAT_VIRTUAL 20
#define STAT_RSS 21
#define STAT_FIELDS 22

static bool read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t got = read(fd, out, size - 1);
    (void)close(fd);
    out[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* The numbers after the state, from index 1 on: proc(5) counts them from 4. */
static bool read_stat(int64_t fields[STAT_FIELDS])
{
    char text[STAT_MAX];
    if (!read_file("/proc/self/stat", text, sizeof text)) {
        return false;
    }
    const char *at = strrchr(text, ')');
    memset(fields, 0, STAT_FIELDS * sizeof fields[0]);
    if (at == NULL || strlen(at) < 4) {
        return false;
    }
    at += 3; /* the state */
    for (size_t i = 1; i < STAT_FIELDS; i++) {
        char *end = NULL;
        fields[i] = strtoll(at, &end, 10);
        if (end == at) {
            return false;
        }
        at = end;
    }
    return true;
}

static int64_t now_ms(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t count_descriptors(void)
{
    int64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return -1;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(folder);
    return count - 1; /* the folder's own */
}

static void set_or_leave_out(gh_metrics *metrics, gh_metric metric, bool known, int64_t value)
{
    if (known) {
        gh_metrics_set(metrics, metric, value);
    } else {
        gh_metrics_unset(metrics, metric);
    }
}

void gh_metrics_set_process(gh_metrics *metrics)
{
    int64_t fields[STAT_FIELDS];
    struct rusage used = {0};
    struct rlimit files = {0};
    bool known = read_stat(fields);
    bool has_used = getrusage(RUSAGE_SELF, &used) == 0;
    bool has_files = getrlimit(RLIMIT_NOFILE, &files) == 0;
    int64_t descriptors = count_descriptors();
    int64_t per_second = sysconf(_SC_CLK_TCK);
    int64_t up_since = now_ms(CLOCK_REALTIME) - now_ms(CLOCK_BOOTTIME);
    set_or_leave_out(metrics, GH_METRIC_PROCESS_START, known && per_second > 0,
                     known && per_second > 0 ? up_since + fields[STAT_START] * 1000 / per_second : 0);
    set_or_leave_out(metrics, GH_METRIC_PROCESS_RSS, known,
                     known ? fields[STAT_RSS] * sysconf(_SC_PAGESIZE) : 0);
    set_or_leave_out(metrics, GH_METRIC_PROCESS_VIRTUAL, known, known ? fields[STAT_VIRTUAL] : 0);
    set_or_leave_out(metrics, GH_METRIC_PROCESS_THREADS, known, known ? fields[STAT_THREADS] : 0);
    set_or_leave_out(metrics, GH_METRIC_PROCESS_FDS, descriptors >= 0, descriptors);
    set_or_leave_out(metrics, GH_METRIC_PROCESS_FDS_MAX, has_files, (int64_t)files.rlim_cur);
    set_or_leave_out(metrics, GH_METRIC_PROCESS_CPU, has_used,
                     (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                         used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}
